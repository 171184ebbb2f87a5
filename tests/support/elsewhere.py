"""A server that runs in processes of its own, met over HTTP alone.

It is furnished by its trusted system as any `World` is. What needs the server's clock, settings or
database can't be asked of it: such a test is skipped, and says so.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from random import randrange
from typing import NoReturn
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask

from fhir_server.consent.requester import TRUSTED, Requester
from fhir_server.identity.claims import claims_of
from fhir_server.identity.tokens import mint
from fhir_server.store.mongo.store import MongoStore
from tests.support.people import numbered_from
from tests.support.replies import Caller, Reply
from tests.support.resources import ins_numbered_from
from tests.support.world import World

SECONDS = 60
IDLE_SECONDS = 1
"""After which a connection is not used again: the server may be closing it."""
# RFC 3986 allows these; everything else a test writes, such as `{` or `é`, goes percent-encoded.
_PLAIN = "%/?:@!$&'()*+,;=~[]#"

Tokens = Callable[[Requester], str]
"""From a caller to a bearer token that the server takes."""


class Wire:
    """One connection to a server, kept; another is opened when that was closed. For one thread."""

    def __init__(self, url: str) -> None:
        """Lead to the server whose FHIR base is `url`; nothing is sent yet."""
        parts = urlsplit(url.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"`{url}` is no FHIR base: give one such as http://127.0.0.1:8080/fhir"
            )
        self.base = parts.path
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=SECONDS)
        self._used = time.monotonic()

    def ask(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Send to `address`, a path with its query, and return the answer."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self.close()
        try:
            return self._asked(method, address, headers, body)
        except (HTTPException, ConnectionError):
            self.close()
            if method not in ("GET", "HEAD"):
                raise  # it may have been carried out
            return self._asked(method, address, headers, body)
        finally:
            self._used = time.monotonic()

    def _asked(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        connection = self._connection
        connection.putrequest(method, quote(address, safe=_PLAIN), skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, told, response.read())

    def close(self) -> None:
        """End the connection; the next request opens another."""
        self._connection.close()


class FarCaller(Caller):
    """Someone who sends requests over a wire that others use too."""

    def __init__(self, wire: Wire, token: str = "") -> None:
        """Send with `token`, or without one."""
        self.base = wire.base
        self._wire = wire
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def carry(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        return self._wire.ask(method, address, headers, body)


class Elsewhere(World):
    """The server whose FHIR base is `url`; everybody has a token, the trusted system too."""

    def __init__(self, url: str, tokens: Tokens) -> None:
        """Meet the server at `url`; `tokens` says how its callers prove who they are."""
        self.wire = Wire(url)
        self._tokens = tokens
        self._ahead = 0.0
        # Other tests may have left callers and records of the first numbers there.
        numbered_from(randrange(10_000, 9_000_000))
        ins_numbered_from(randrange(10_000, 790_000))
        self.trusted = self.bearing(tokens(TRUSTED))

    @property
    def app(self) -> Flask:
        _needs("the application in this process")

    @property
    def store(self) -> MongoStore:
        _needs("the server's database")

    @property
    def now(self) -> float:
        if self._ahead:
            _needs("the server's clock")
        return super().now

    def token(self, who: Requester) -> str:
        _ = self.now
        return self._tokens(who)

    def bearing(self, token: str) -> Caller:
        return FarCaller(self.wire, token)


def _needs(what: str) -> NoReturn:
    pytest.skip(f"needs {what}; this server is elsewhere")


def signed_in(data_dir: Path) -> Tokens:
    """Sign tokens as `fhir-server token --data-dir` does."""
    return lambda who: mint(data_dir, who)


def told_by(command: str) -> Tokens:
    """Let `command` of a shell make tokens: it reads the caller's claims as JSON, prints a token.

    The claims are those of `identity/claims.py`: `kind`, `purpose`, `rpps`, `profession` …
    """

    def token(who: Requester) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            input=json.dumps(claims_of(who)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"the token command failed: {done.stderr.strip()}", pytrace=False)
        return done.stdout.strip()

    return token
