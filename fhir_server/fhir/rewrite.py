"""Give the resources of a transaction their real addresses.

https://hl7.org/fhir/R4/http.html#trules: links are replaced in references, in elements of type
uri, url, oid and uuid, and in `<a href="` and `<img src="` of the narrative. A canonical stays, and
so does an `Identifier.value` that looks like a link: it is a string.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, unescape

from fhir_server.definitions import RESOURCE_TYPES, child

_LINKS: Final = frozenset({"uri", "url", "oid", "uuid"})

_QUOTES: Final = {'"': "&quot;", "'": "&#39;"}

# What may follow a fullUrl in a link: a fragment, or the version of a resource.
_suffix = re.compile(r"#|/_history/").search
_attribute = re.compile(
    r"""(?P<before>\s(?:href|src)\s*=\s*)(?P<quote>["'])(?P<link>.*?)(?P=quote)"""
)

_Renew = Callable[[str], str | None]


def rewrite(resource: dict[str, Any], mapping: Mapping[str, str]) -> int:
    """Replace each link of `mapping` by its address, in place; return how many were replaced.

    `mapping` goes from the fullUrl of an entry (`urn:uuid:…`) to where it was written
    (`Patient/1`). A link must be equal to a fullUrl, but for a fragment or version after it.
    """
    count = 0

    def renew(link: str) -> str | None:
        nonlocal count
        found = _suffix(link)
        end = found.start() if found and link not in mapping else len(link)
        new = mapping.get(link[:end])
        if new is None:
            return None
        count += 1
        return new + link[end:]

    _rewrite_object(resource, "", renew)
    return count


def _rewrite_object(value: dict[str, Any], type_path: str, renew: _Renew) -> None:
    resource_type = value.get("resourceType")
    if isinstance(resource_type, str) and resource_type in RESOURCE_TYPES:
        type_path = resource_type
    for name, item in value.items():
        found = child(type_path, name)
        if found is None:
            continue
        _, code = found
        if isinstance(item, str) and name != "id":
            if code in _LINKS or (type_path == "Reference" and name == "reference"):
                value[name] = renew(item) or item
            elif code == "xhtml":
                value[name] = _rewrite_narrative(item, renew)
        elif isinstance(item, dict):
            _rewrite_object(item, code, renew)
        elif isinstance(item, list):
            _rewrite_list(item, code, renew)
    _rewrite_siblings(value, renew)


def _rewrite_list(items: list[Any], code: str, renew: _Renew) -> None:
    for place, item in enumerate(items):
        if isinstance(item, dict):
            _rewrite_object(item, code, renew)
        elif isinstance(item, str) and code in _LINKS:
            items[place] = renew(item) or item


def _rewrite_siblings(value: dict[str, Any], renew: _Renew) -> None:
    """Follow the extensions of primitives, in `_birthDate` and its like."""
    for name, item in value.items():
        if name.startswith("_"):
            for sibling in item if isinstance(item, list) else [item]:
                if isinstance(sibling, dict):
                    _rewrite_object(sibling, "Element", renew)


def _rewrite_narrative(div: str, renew: _Renew) -> str:
    def attribute(found: re.Match[str]) -> str:
        new = renew(unescape(found["link"]))
        if new is None:
            return found[0]
        return f"{found['before']}{found['quote']}{escape(new, _QUOTES)}{found['quote']}"

    return _attribute.sub(attribute, div)
