"""Read, find and rewrite references: https://hl7.org/fhir/R4/references.html."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fhir_server.fhir.rewrite import rewrite

__all__ = ["Kind", "Reference", "parse_reference", "rewrite", "walk_references"]


class Kind(StrEnum):
    """What a reference leads to.

    `LOCAL` is an absolute address under the server's own base, `ABSOLUTE` any other address,
    `OTHER` a text that leads nowhere.
    """

    LOCAL = "local"
    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    URN = "urn"
    CONTAINED = "contained"
    CONDITIONAL = "conditional"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reference:
    """`Reference.reference` taken apart.

    `type` and `id` are filled for `LOCAL` and `RELATIVE`, and for `ABSOLUTE` when the address has
    the form of a FHIR server's; `id` alone for `CONTAINED` (empty for `#`, the container);
    `query` with `type` for `CONDITIONAL`.
    """

    kind: Kind
    text: str
    type: str = ""
    id: str = ""
    version: str = ""
    query: str = ""
    fragment: str = ""

    @property
    def ours(self) -> bool:
        """Say whether the reference names a resource of this server by type and id."""
        return self.kind in (Kind.LOCAL, Kind.RELATIVE)


_restful = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?(?:#(?P<fragment>\S*))?",
    re.ASCII,
).fullmatch
_conditional = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]+)\?(?P<query>\S+)"
).fullmatch
_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+").fullmatch


def parse_reference(text: str, base_url: str) -> Reference:
    """Take `text` apart; `base_url` is the server's own, without a slash at the end.

    Never raises: what is no reference has the kind `OTHER`.
    """
    if text.startswith("#"):
        return Reference(Kind.CONTAINED, text, id=text[1:])
    if text.startswith("urn:"):
        return Reference(Kind.URN, text)
    if found := _restful(text):
        base, kind = found["base"], Kind.RELATIVE
        if base is not None:
            kind = Kind.LOCAL if _same(base, base_url) else Kind.ABSOLUTE
        version, fragment = found["version"] or "", found["fragment"] or ""
        return Reference(kind, text, found["type"], found["id"], version, fragment=fragment)
    if (found := _conditional(text)) and _same(found["base"] or base_url, base_url):
        return Reference(Kind.CONDITIONAL, text, found["type"], query=found["query"])
    return Reference(Kind.ABSOLUTE if _absolute(text) else Kind.OTHER, text)


def _same(base: str, own: str) -> bool:
    """Tell whether `base` is the server's: `http:` and `https:` name the same things.

    https://hl7.org/fhir/R4/http.html#root
    """
    return base == own or base.partition("://")[2] == own.partition("://")[2] != ""


_MEMBERS: Final = frozenset(
    {"id", "extension", "reference", "_reference", "type", "_type", "identifier", "display"}
    | {"_display"}
)
# The one place where an element called `reference` is a uri that may stand alone in its object.
_EDUCATION: Final = re.compile(r"(?:^|\.)education\[\d+\]$").search


def walk_references(resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and object of every Reference with a `reference`, at any depth.

    Contained resources, bundle entries and extensions are walked too. The path is a FHIRPath such
    as `Observation.performer[1]`. An object is a Reference when it has no member that Reference
    lacks: this sets apart `Expression.reference` and `DetectedIssue.reference`, which are uris.
    """
    pending: list[tuple[str, Any]] = [(str(resource.get("resourceType", "Resource")), resource)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, list):
            pending += [(f"{path}[{place}]", item) for place, item in enumerate(value)][::-1]
        elif isinstance(value, dict):
            is_reference = isinstance(value.get("reference"), str) and value.keys() <= _MEMBERS
            if is_reference and not _EDUCATION(path):
                yield path, value
            children = [
                (f"{path}.{name}", item)
                for name, item in value.items()
                if isinstance(item, dict | list)
            ]
            pending += reversed(children)
