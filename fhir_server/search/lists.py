"""`_list`: what the Lists of given ids name. https://hl7.org/fhir/R4/search.html#list.

It is asked as a reverse hop through `List.item`, so a List that the caller may not know has none.
"""

from __future__ import annotations

from typing import Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.references import parse_reference
from fhir_server.predicate import one_of
from fhir_server.search import registry
from fhir_server.search.clauses import Back, Leaf
from fhir_server.search.escape import split, unescape
from fhir_server.search.types import Locale

LIST: Final = "_list"


def of_list(value: str, locale: Locale) -> Back:
    """Read ids of Lists. Raises `BadRequest` for the functional lists, which none is kept of."""
    ids = [_id(unescape(text), locale) for text in split(value, ",")]
    inner = Leaf("_id", one_of("_id", ids))
    return Back(LIST, "List", registry.field("item"), inner)


def _id(text: str, locale: Locale) -> str:
    if text.startswith("$"):
        raise BadRequest(
            f"`{LIST}` takes the id of a List; functional lists such as `{text[:64]}` are not "
            "supported",
            code="not-supported",
        )
    found = parse_reference(text if "/" in text else f"List/{text}", locale.base)
    if not found.ours or found.type != "List":
        raise BadRequest(f"`{LIST}`: `{text[:80]}` is not the id of a List", code="value")
    return found.id
