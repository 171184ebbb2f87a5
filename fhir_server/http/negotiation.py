"""Agree on the form of bodies: https://hl7.org/fhir/R4/http.html#mime-type.

JSON and XML are read and written. `_format` stands above Accept, whose quality values count.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

from fhir_server.fhir.errors import NotAcceptable, UnsupportedMediaType
from fhir_server.http.parameters import Pairs


class Form(StrEnum):
    """The forms that a resource is written in."""

    JSON = "json"
    XML = "xml"


_TYPES: Final = {
    "application/fhir+json": Form.JSON,
    "application/json": Form.JSON,
    "application/json+fhir": Form.JSON,
    "text/json": Form.JSON,
    "application/fhir+xml": Form.XML,
    "application/xml": Form.XML,
    "application/xml+fhir": Form.XML,
    "text/xml": Form.XML,
}
_RANGES: Final = {"*/*": 0, "application/*": 1, "text/*": 1}
"""Ranges that both forms are in, and how much each says; a type by its name says more."""
_NAMED: Final = 2
# `+` is a space in a query unless it is escaped, and few escape it.
_FORMATS: Final = {
    **_TYPES,
    "json": Form.JSON,
    "application/fhir json": Form.JSON,
    "xml": Form.XML,
    "application/fhir xml": Form.XML,
}
_FHIR_VERSIONS: Final = frozenset({"4.0", "4.0.1"})
_WRITTEN: Final = "ask for `application/fhir+json` or `application/fhir+xml`"


def presentation(pairs: Pairs) -> tuple[Pairs, bool, Form | None]:
    """Take out `_format` and `_pretty`, which say how to answer and not what.

    https://hl7.org/fhir/R4/http.html#parameters. Raise NotAcceptable for an unknown `_format`.
    """
    kept = []
    wants_pretty = False
    form = None
    for pair in pairs:
        if pair[0] == "_format":
            form = _FORMATS.get(pair[1].split(";")[0].strip().lower())
            if form is None:
                raise NotAcceptable(f"this `_format` is not written here: {_WRITTEN}")
        elif pair[0] == "_pretty":
            wants_pretty = pair[1] == "true"
        else:
            kept.append(pair)
    return kept, wants_pretty, form


@lru_cache(maxsize=512)
def accepted(accept: str) -> Form | None:
    """Return the form that `accept`, an Accept header or nothing, likes best; None for neither.

    What is said of a type by its name counts more than what is said of a range that it is in
    (RFC 9110, 12.5.1). Of two that are liked alike the first is taken, and JSON where nothing is
    said.
    """
    if not accept.strip():
        return Form.JSON
    liked: dict[Form, tuple[int, float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        name, _, rest = part.partition(";")
        parameters = parameters_of(rest)
        if parameters.get("fhirversion", "4.0") not in _FHIR_VERSIONS:
            continue
        said = _RANGES.get(name.strip(), _NAMED)
        weight = weight_of(parameters.get("q", "1"))
        for form in Form if said < _NAMED else filter(None, [_TYPES.get(name.strip())]):
            liked[form] = max((said, weight, -place), liked.get(form, (said, 0.0, -place)))
    best = max(liked, key=lambda form: liked[form][1:], default=None)
    return best if best is not None and liked[best][1] > 0 else None


def form_of(accept: str, *, native: bool = False) -> Form:
    """Return the form to answer in; raise NotAcceptable when none suits `accept`.

    `native`: a Binary, which can be sent as it is (https://hl7.org/fhir/R4/binary.html#rest).
    """
    form = accepted(accept)
    if form is None and not native:
        raise NotAcceptable(f"no form of a resource suits this Accept: {_WRITTEN}")
    return form or Form.JSON


def check_body_type(content_type: str, allowed: tuple[str, ...]) -> None:
    """Raise UnsupportedMediaType unless `content_type` is one of `allowed`, in UTF-8."""
    if not _reads(content_type, allowed):
        raise UnsupportedMediaType(f"a body of type `{allowed[0]}` in UTF-8 is read here")


@lru_cache(maxsize=512)
def _reads(content_type: str, allowed: tuple[str, ...]) -> bool:
    name, _, rest = content_type.lower().partition(";")
    parameters = parameters_of(rest)
    return (
        name.strip() in allowed
        and parameters.get("charset", "utf-8") in ("utf-8", "utf8")
        and parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS
    )


def weight_of(text: str) -> float:
    """Return the quality value that `text` is; 0 when it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def parameters_of(text: str) -> dict[str, str]:
    """Return the parameters of a media type or coding, `text` being what follows its name."""
    found = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip().strip('"') for name, _, value in found if name.strip()}
