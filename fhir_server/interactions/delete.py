"""delete, also conditional: https://hl7.org/fhir/R4/http.html#delete."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.errors import NotFound, PreconditionFailed
from fhir_server.interactions.conditions import MOST_DELETED, condition
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import Change, write


def delete(x: Exchange, type_: str, id_: str) -> Answer:
    """Delete; the history keeps every version, and reading it now is 410 to who knew it."""
    with traced(x, "delete", f"{type_}/{id_}"):
        expected = x.headers.get("if-match", "")
        row = write(x.view, {type_}, lambda change: change.delete(type_, id_, if_match=expected))
        return Answer(204, b"", {"ETag": f'W/"{row.version}"'})


def delete_conditional(x: Exchange, type_: str, pairs: Sequence[tuple[str, str]]) -> Answer:
    """Delete everything that `pairs` find, all or nothing; 404 when they find nothing.

    `If-Match`, where it is sent, holds for each of them.
    """
    with traced(x, "delete", type_):
        asked = condition(x, type_, pairs)
        expected = x.headers.get("if-match", "")

        def work(change: Change) -> int:
            found = change.matching(asked.predicate, type_, limit=MOST_DELETED + 1)
            if len(found) > MOST_DELETED:
                raise PreconditionFailed(
                    f"more than {MOST_DELETED} {type_} resources match; narrow the condition",
                    code="too-costly",
                )
            for row in found:
                change.delete(type_, row.id, if_match=expected)
            return len(found)

        if not write(x.view, {type_}, work, locks=[asked.lock]):
            raise NotFound(f"no {type_} matches the condition")
        return Answer(204)
