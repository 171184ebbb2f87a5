"""Every operation: its definition, and the function that answers it.

https://hl7.org/fhir/R4/operations.html. Routes, the entries of batches and the description of the
API are made of this table; to add one, write its OperationDefinition in `profiles/`, a module here
and a line below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fhir_server.fhir.errors import MethodNotAllowed, NotFound
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.operations.audit_proofs import consistency_proof, inclusion_proof, tree_head
from fhir_server.operations.break_glass import break_glass
from fhir_server.operations.definitions import Definition, definitions
from fhir_server.operations.docref import docref
from fhir_server.operations.document import document
from fhir_server.operations.everything import patient_everything
from fhir_server.operations.explain import explain_all, explain_one
from fhir_server.operations.given import Given, read
from fhir_server.operations.meta import meta, meta_add, meta_delete
from fhir_server.operations.record_status import record_status
from fhir_server.operations.review import review_emergency
from fhir_server.operations.simulate import simulate_change
from fhir_server.operations.validation import validate_resource

Run = Callable[[Exchange, Invocation, Given], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `versions`: it is also asked of a version, which R4's definitions can't say."""

    definition: Definition
    run: Run
    versions: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """Return where it is asked: of `system`, `type`, `instance` or `version`."""
        return (*self.definition.levels, *(("version",) if self.versions else ()))

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the verbs: GET only for what changes nothing (R4, operations.html#request)."""
        return ("POST",) if self.definition.affects_state else ("GET", "POST")


_RUN: Final[dict[str, Run]] = {
    "AuditEvent-consistency-proof": consistency_proof,
    "AuditEvent-inclusion-proof": inclusion_proof,
    "AuditEvent-tree-head": tree_head,
    "Composition-document": document,
    "DocumentReference-docref": docref,
    "Patient-break-glass": break_glass,
    "Patient-everything": patient_everything,
    "Patient-explain": explain_all,
    "Patient-record-status": record_status,
    "Patient-simulate": simulate_change,
    "Resource-explain": explain_one,
    "Resource-meta": meta,
    "Resource-meta-add": meta_add,
    "Resource-meta-delete": meta_delete,
    "Resource-validate": validate_resource,
    "Task-review": review_emergency,
}
_OF_VERSIONS: Final = frozenset({"Resource-meta"})

OPERATIONS: Final = tuple(
    Operation(definitions()[id_], run, id_ in _OF_VERSIONS) for id_, run in _RUN.items()
)


def invoke(x: Exchange, call: Invocation) -> Answer:
    """Carry out `call`; raise `NotFound` or `MethodNotAllowed` for what is not offered there."""
    level = _level(call)
    for operation in OPERATIONS:
        definition = operation.definition
        named = definition.code == call.name and level in operation.levels
        if named and (not call.type or definition.of(call.type)):
            if call.method not in operation.methods:
                raise MethodNotAllowed(
                    f"`${call.name}` changes something, so it takes POST",
                    headers={"Allow": ", ".join(operation.methods)},
                )
            return operation.run(x, call, read(definition, call))
    raise NotFound(f"`${call.name[:64]}` is not supported here", code="not-supported")


def _level(call: Invocation) -> str:
    if call.version:
        return "version"
    return "instance" if call.id else "type" if call.type else "system"
