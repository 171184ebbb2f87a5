"""`AuditEvent/$tree-head`, `$consistency-proof`, `AuditEvent/[id]/$inclusion-proof`: RFC 9162.

They are for who watches the log. A position counts the accesses to every record, so it is told to
nobody who reads one (L45, L59).
"""

from __future__ import annotations

from typing import Any, Final

from fhir_server.audit.merkle import NotInTheTree, consistency, inclusion, leaf_hash
from fhir_server.audit.sealing import content
from fhir_server.consent.requester import Kind
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import BadRequest, Forbidden, NotFound
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.given import Given
from fhir_server.store.mongo.tiles import Head

Json = dict[str, Any]
_WATCHERS: Final = frozenset({Kind.AUDITOR, Kind.TRUSTED_SYSTEM})


def tree_head(x: Exchange, call: Invocation, _: Given) -> Answer:
    """Give the newest signed head."""
    head = _head(x)
    _trace(x, call)
    return _parameters(head, [])


def inclusion_proof(x: Exchange, call: Invocation, _: Given) -> Answer:
    """Prove that one entry is in the log."""
    head = _head(x)
    row = x.view.read("AuditEvent", call.id, interaction="operation")
    position = x.view.context.tree.place(row.id)
    if position is None or position >= head.size:
        raise NotFound("the entry is not sealed yet; ask again in a second")
    proof = inclusion(x.view.context.tree.tile, position, head.size)
    return _parameters(
        head,
        [
            {"name": "position", "valueInteger": position},
            {"name": "leaf", "valueString": leaf_hash(content(row)).hex()},
            *_hashes(proof),
        ],
    )


def consistency_proof(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Prove that the log of today begins with an older one."""
    head = _head(x)
    try:
        proof = consistency(x.view.context.tree.tile, int(given.text("old")), head.size)
    except NotInTheTree:
        raise BadRequest(
            f"`old` is the size of an older tree, from 1 to {head.size}", code="value"
        ) from None
    _trace(x, call)
    return _parameters(head, _hashes(proof))


def _head(x: Exchange) -> Head:
    """Return the newest head, for who may know it."""
    if x.view.requester.kind not in _WATCHERS:
        x.view.tracer.commit(x.view.tracer.entries("operation", (), refused=True))
        raise Forbidden("the tree of the access log is for its auditors")
    found = x.view.context.tree.head()
    if found is None:
        raise NotFound("nothing is sealed yet; ask again in a second")
    return found


def _trace(x: Exchange, call: Invocation) -> None:
    """Log the question: what an auditor asks of the log stands in it."""
    asked = f"{call.type}/${call.name}"
    x.view.tracer.commit(x.view.tracer.entries("operation", (), query=asked))


def _hashes(proof: list[bytes]) -> list[Json]:
    return [{"name": "proof", "valueString": one.hex()} for one in proof]


def _parameters(head: Head, more: list[Json]) -> Answer:
    told: list[Json] = [
        {"name": "size", "valueInteger": head.size},
        {"name": "root", "valueString": head.root.hex()},
        {"name": "at", "valueInstant": instant_text(head.at)},
        {"name": "signed", "valueString": head.signed},
    ]
    return Answer(200, dumps({"resourceType": "Parameters", "parameter": [*more, *told]}))
