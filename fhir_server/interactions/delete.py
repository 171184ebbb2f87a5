"""delete: https://hl7.org/fhir/R4/http.html#delete."""

from __future__ import annotations

from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import write


def delete(x: Exchange, type_: str, id_: str) -> Answer:
    """Delete; the history keeps every version, and reading it now is 410 to who knew it."""
    with traced(x, "delete", f"{type_}/{id_}"):
        condition = x.headers.get("if-match", "")
        row = write(x.view, {type_}, lambda change: change.delete(type_, id_, if_match=condition))
        return Answer(204, b"", {"ETag": f'W/"{row.version}"'})
