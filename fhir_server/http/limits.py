"""Say to who asks too often when to come again: 429 and Retry-After (RFC 6585, section 4).

Who has a valid token is counted as that subject in that software, wherever they are; who has none
by address. Requests that are refused for their token have a lower limit of their own: it is about
guessing, and never touches a valid token from the same address.
INVARIANT: what counts is requests, never what they find, so a limit tells nothing of a record (L47).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from fhir_server.consent.requester import Requester
from fhir_server.fhir.errors import TooManyRequests
from fhir_server.http.counting import Counting

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a caller may ask; without `counting`, as often as they like.

    `per_minute` holds for a caller, `refused_per_minute` for an address whose tokens are refused.
    """

    counting: Counting | None
    per_minute: int = 0
    refused_per_minute: int = 0
    proxies: Networks = ()

    def known(self, requester: Requester) -> None:
        """Count a request with a valid token; raise TooManyRequests."""
        if self.counting is not None:
            self._take(f"{requester.identity}\x1f{requester.client}", self.per_minute)

    def stranger(self, environ: Mapping[str, Any]) -> None:
        """Count a request that needs no token; raise TooManyRequests."""
        if self.counting is not None:
            self._take(f"address:{address_of(environ, self.proxies)}", self.per_minute)

    def refused(self, environ: Mapping[str, Any]) -> None:
        """Count a request that is refused for its token; raise TooManyRequests."""
        if self.counting is not None:
            self._take(f"refused:{address_of(environ, self.proxies)}", self.refused_per_minute)

    def _take(self, name: str, limit: int) -> None:
        if self.counting is not None and (seconds := self.counting.take(name, limit)):
            raise TooManyRequests(seconds)


def networks(text: str) -> Networks:
    """Read the networks of `trusted_proxies`, separated by commas."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def address_of(environ: Mapping[str, Any], proxies: Networks) -> str:
    """Return where a request comes from: the peer, or who is named by proxies that are believed."""
    peer = str(environ.get("REMOTE_ADDR", ""))
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")) if proxies else ""
    return _address(peer, forwarded[-1024:], proxies)


@lru_cache(maxsize=4096)
def _address(peer: str, forwarded: str, proxies: Networks) -> str:
    """Walk from the peer towards the client, as long as who says so is a proxy that is believed."""
    found = _parsed(peer)
    for step in reversed(forwarded.split(",")):
        before = _parsed(step)
        if found is None or before is None or not any(found in network for network in proxies):
            break
        found = before
    # Whoever has one address of IPv6 has the 2^64 beside it.
    return str(ip_network((found, 64), strict=False) if isinstance(found, IPv6Address) else found)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with a port or without; what is none of them is nobody's."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
