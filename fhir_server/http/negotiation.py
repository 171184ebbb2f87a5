"""Agree on the form of bodies: https://hl7.org/fhir/R4/http.html#mime-type.

JSON is the only form written and read for now; asking for another is answered, not ignored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from fhir_server.fhir.errors import NotAcceptable, UnsupportedMediaType
from fhir_server.http.parameters import Pairs

_WRITTEN: Final = frozenset(
    {
        "application/fhir+json",
        "application/json",
        "application/json+fhir",
        "text/json",
        "application/*",
        "text/*",
        "*/*",
    }
)
# `+` is a space in a query unless it is escaped, and few escape it.
_FORMATS: Final = frozenset(
    {"json", "application/fhir+json", "application/fhir json", "application/json", "text/json"}
)
_XML: Final = frozenset({"application/fhir+xml", "application/xml", "text/xml"})
_FHIR_VERSIONS: Final = frozenset({"4.0", "4.0.1"})
_JSON_ONLY: Final = "only JSON is written for now: ask for `application/fhir+json`"


def check_format(value: str) -> None:
    """Raise NotAcceptable unless `value`, a `_format`, asks for JSON; it stands above Accept."""
    if value.split(";")[0].strip().lower() not in _FORMATS:
        raise NotAcceptable(_JSON_ONLY)


def presentation(pairs: Pairs) -> tuple[Pairs, bool]:
    """Take out `_format` and `_pretty`, which say how to answer and not what.

    https://hl7.org/fhir/R4/http.html#parameters
    """
    kept = []
    wants_pretty = False
    for pair in pairs:
        if pair[0] == "_format":
            check_format(pair[1])
        elif pair[0] == "_pretty":
            wants_pretty = pair[1] == "true"
        else:
            kept.append(pair)
    return kept, wants_pretty


@lru_cache(maxsize=512)
def accepts_json(accept: str) -> bool:
    """Tell whether `accept`, an Accept header or nothing, allows FHIR R4 in JSON."""
    if not accept.strip():
        return True
    return any(_allows(part, _WRITTEN) for part in accept.lower().split(","))


@lru_cache(maxsize=512)
def accepts_native(accept: str) -> bool:
    """Tell whether a Binary can be sent to `accept`: in JSON, or as it is.

    https://hl7.org/fhir/R4/binary.html#rest: any type but the FHIR forms that aren't written.
    """
    parts = accept.lower().split(",")
    return accepts_json(accept) or any(part.split(";")[0].strip() not in _XML for part in parts)


def check_accept(accept: str, *, native: bool = False) -> None:
    """Raise NotAcceptable when nothing that the server writes suits `accept`."""
    if not (accepts_native(accept) if native else accepts_json(accept)):
        raise NotAcceptable(_JSON_ONLY)


def check_body_type(content_type: str, allowed: tuple[str, ...]) -> None:
    """Raise UnsupportedMediaType unless `content_type` is one of `allowed`, in UTF-8."""
    if not _reads(content_type, allowed):
        raise UnsupportedMediaType(f"a body of type `{allowed[0]}` in UTF-8 is read here")


@lru_cache(maxsize=512)
def _reads(content_type: str, allowed: tuple[str, ...]) -> bool:
    name, _, rest = content_type.lower().partition(";")
    parameters = _parameters(rest)
    return (
        name.strip() in allowed
        and parameters.get("charset", "utf-8") in ("utf-8", "utf8")
        and parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS
    )


def _allows(part: str, names: frozenset[str]) -> bool:
    name, _, rest = part.partition(";")
    parameters = _parameters(rest)
    return (
        name.strip() in names
        and parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS
        and _weight(parameters.get("q", "1")) > 0
    )


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _parameters(text: str) -> dict[str, str]:
    found = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip().strip('"') for name, _, value in found if name.strip()}
