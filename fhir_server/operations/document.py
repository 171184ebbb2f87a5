"""`Composition/[id]/$document`: https://hl7.org/fhir/R4/composition-operation-document.html."""

from __future__ import annotations

from typing import Any

from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, FhirError
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.references import parse_reference, walk_references
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.store.rows import Row

MOST = 500
"""References that a document follows at most."""


def document(x: Exchange, id_: str) -> Answer:
    """Return a document Bundle: the Composition, then what it refers to and the caller may know."""
    composition = x.view.read("Composition", id_, interaction="operation")
    rows = {composition.ref: composition}
    resource = parse(composition.raw).resource
    for ref in _references(x, resource):
        if len(rows) > MOST:
            raise BadRequest(f"the document has more than {MOST} parts", code="too-costly")
        if ref not in rows and (found := _known(x, ref)) is not None:
            rows[ref] = found
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"{x.base}/{composition.ref}"},
        "type": "document",
        "timestamp": instant_text(x.view.at),
    }
    entries = b",".join(
        b'{"fullUrl":' + dumps(f"{x.base}/{ref}") + b',"resource":' + row.raw + b"}"
        for ref, row in rows.items()
    )
    return Answer(200, dumps(head)[:-1] + b',"entry":[' + entries + b"]}")


def _references(x: Exchange, resource: dict[str, Any]) -> list[str]:
    found = []
    for _, reference in walk_references(resource):
        parsed = parse_reference(reference["reference"], x.base)
        if parsed.ours:
            found.append(f"{parsed.type}/{parsed.id}")
    return list(dict.fromkeys(found))


def _known(x: Exchange, ref: str) -> Row | None:
    """Return what `ref` names, or None when it is absent or not to be known (L35)."""
    type_, _, id_ = ref.partition("/")
    try:
        return x.view.read(type_, id_, interaction="operation")
    except FhirError as error:
        if error.status in (404, 410):
            return None
        raise
