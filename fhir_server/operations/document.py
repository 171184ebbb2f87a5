"""`Composition/[id]/$document`: https://hl7.org/fhir/R4/composition-operation-document.html."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, NotFound, Unprocessable
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.references import parse_reference, walk_references
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.records.gathering import gathered

MOST = 500
"""References that a document follows at most."""


def document(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Return a document Bundle: the Composition, then what it refers to and the caller may know."""
    id_ = _id(x, call, given)
    if given.text("persist") == "true":
        raise Unprocessable(
            "documents are not kept: a copy would stay readable after its parts were masked",
            code="not-supported",
        )
    if given.text("graph"):
        raise Unprocessable("this GraphDefinition is not known here", code="not-supported")
    composition = x.view.read("Composition", id_, interaction="operation")
    refs = _references(x, parse(composition.raw).resource)
    if len(refs) > MOST:
        raise BadRequest(f"the document has more than {MOST} parts", code="too-costly")
    parts = gathered(x.view, [ref for ref in refs if ref != composition.ref])
    head: dict[str, Any] = {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid4()}"},
        "type": "document",
        "timestamp": instant_text(x.view.at),
    }
    entries = b",".join(
        b'{"fullUrl":' + dumps(f"{x.base}/{row.ref}") + b',"resource":' + row.raw + b"}"
        for row in (composition, *parts)
    )
    return Answer(200, dumps(head)[:-1] + b',"entry":[' + entries + b"]}")


def _id(x: Exchange, call: Invocation, given: Given) -> str:
    """Return the id of the Composition: in the address, or as `id` where the address has none."""
    asked = given.text("id")
    if bool(asked) == bool(call.id):
        raise BadRequest(
            "the Composition is named once: `Composition/[id]/$document`, or `id`", code="required"
        )
    if call.id or "/" not in asked:
        return call.id or asked
    parsed = parse_reference(asked, x.base)
    if not parsed.ours or parsed.type != "Composition":
        raise NotFound("this Composition is not known")
    return parsed.id


def _references(x: Exchange, resource: dict[str, Any]) -> list[str]:
    found = []
    for _, reference in walk_references(resource):
        parsed = parse_reference(reference["reference"], x.base)
        if parsed.ours:
            found.append(f"{parsed.type}/{parsed.id}")
    return list(dict.fromkeys(found))
