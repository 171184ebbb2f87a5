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


def tree_head(x: Exchange, _: Invocation, given: Given) -> Answer:
    """Give the newest signed head."""
    _watched(x)
    return _parameters(_head(x, given), [])


def inclusion_proof(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Prove that one entry is in the log."""
    _watched(x)
    row = x.view.read("AuditEvent", call.id, interaction="operation")
    head, position = _head(x, given), x.view.context.tree.place(row.id)
    if position is None or position >= head.size:
        raise NotFound("the entry is not in that tree yet; ask again in a second")
    proof = inclusion(x.view.context.tree.tile, position, head.size)
    return _parameters(
        head,
        [
            {"name": "position", "valueInteger": position},
            {"name": "leaf", "valueString": leaf_hash(content(row)).hex()},
            *_hashes(proof),
        ],
    )


def consistency_proof(x: Exchange, _: Invocation, given: Given) -> Answer:
    """Prove that the log of today begins with an older one."""
    _watched(x)
    head, old = _head(x, given), _size(given, "old")
    try:
        proof = consistency(x.view.context.tree.tile, old or 0, head.size)
    except NotInTheTree:
        raise BadRequest(
            f"`old` is the size of an older tree, from 1 to {head.size}", code="value"
        ) from None
    return _parameters(head, _hashes(proof))


def _watched(x: Exchange) -> None:
    if x.view.requester.kind not in _WATCHERS:
        raise Forbidden("the tree of the access log is for its auditors")


def _head(x: Exchange, given: Given) -> Head:
    found = x.view.context.tree.head(_size(given, "size"))
    if found is None:
        raise NotFound("no head was signed over that many entries")
    return found


def _size(given: Given, name: str) -> int | None:
    text = given.text(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest(f"`{name}` is a number of entries", code="value")
    return int(text)


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
