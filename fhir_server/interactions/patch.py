"""patch, also conditional: https://hl7.org/fhir/R4/http.html#patch.

JSON Patch. Conditional patches are how PDSm masks, unmasks and archives (transactions 03/04).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fhir_server.fhir.errors import NotFound, Unprocessable
from fhir_server.fhir.json import Document, parse
from fhir_server.interactions.answers import written
from fhir_server.interactions.bodies import check, document_of
from fhir_server.interactions.conditions import condition
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.json_patch import apply_patch, read_patch
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import write
from fhir_server.store.rows import Row


def patch(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Change part of one resource."""
    with traced(x, "patch", f"{type_}/{id_}"):
        edit = editor(type_, body)
        condition = x.headers.get("if-match", "")
        done = write(
            x.view,
            {type_},
            lambda change: change.update(type_, id_, edit, if_match=condition, method="PATCH"),
        )
        return written(x, done)


def patch_conditional(
    x: Exchange, type_: str, pairs: Sequence[tuple[str, str]], body: bytes
) -> Answer:
    """Change part of the one resource that `pairs` find."""
    with traced(x, "patch", type_):
        editor(type_, body)
        found = condition(x, type_, pairs).now(x)
        if found is None:
            raise NotFound(f"no {type_} matches the condition")
        return patch(x, type_, found.id, body)


def editor(type_: str, body: bytes) -> Callable[[Row], Document]:
    """Return the edit that `body` describes; raises at once when it is malformed."""
    operations = read_patch(body)

    def edit(old: Row) -> Document:
        before = parse(old.raw).resource
        after = apply_patch(before, operations)
        if after.get("id") != before["id"] or after.get("resourceType") != type_:
            raise Unprocessable("a patch may not change the type or the id", code="invariant")
        check(after, type_)
        return document_of(after)

    return edit
