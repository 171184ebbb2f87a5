"""`$validate`: https://hl7.org/fhir/R4/resource-operation-validate.html.

Says what a create, an update or a delete would be told about the resource; stores nothing. With a
mode, the write itself is rehearsed, so that rights and the rules of the record count too.
"""

from __future__ import annotations

from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.fhir.errors import (
    BadRequest,
    FhirError,
    Issue,
    NotFound,
    Unavailable,
    Unprocessable,
)
from fhir_server.fhir.json import parse
from fhir_server.fhir.outcome import outcome
from fhir_server.interactions.bodies import document_of
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.interactions.links import settle
from fhir_server.interactions.refusals import traced
from fhir_server.operations.given import Given
from fhir_server.records.ids import new_id
from fhir_server.records.rehearsal import rehearse
from fhir_server.records.trace import Touched
from fhir_server.records.writing import Written
from fhir_server.store.rows import Row
from fhir_server.validation import validate

Json = dict[str, Any]

_MODES: Final = ("create", "update", "delete", "profile")
_OF_AN_INSTANCE: Final = frozenset({"update", "delete", "profile"})
_WITHOUT_RESOURCE: Final = frozenset({"delete", "profile"})
_PROFILE: Final = "http://hl7.org/fhir/StructureDefinition/"
_VALID: Final = Issue("informational", "the resource is valid", severity="information")


def validate_resource(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Return every problem of the resource sent, in one OperationOutcome; 200 in any case."""
    mode = given.text("mode")
    _check_mode(mode, call)
    resource = given.parts.get("resource")
    if mode in _WITHOUT_RESOURCE:
        resource = None
    elif not resource:
        raise BadRequest("a resource to validate is expected", code="required")
    _check_profile(given.text("profile"), call.type)
    if call.id and mode not in ("update", "delete"):
        stored = x.view.read(call.type, call.id, interaction="operation")
        resource = parse(stored.raw).resource if mode == "profile" else resource
    issues: list[Issue] = []
    if resource is not None:
        issues += validate(resource, call.type, models=True, warnings=True)
        issues += _identity(call, mode, resource)
    if mode in ("create", "update", "delete") and not _fails(issues):
        issues += _rehearsed(x, call, mode, resource or {})
    return Answer(200, outcome(issues or [_VALID]))


def _check_mode(mode: str, call: Invocation) -> None:
    if mode and mode not in _MODES:
        raise BadRequest(f"`mode` is one of {', '.join(_MODES)}", code="value")
    if mode in _OF_AN_INSTANCE and not call.id:
        raise BadRequest(f"`{mode}` is asked of one resource: name it, `Type/[id]/$validate`")


def _check_profile(profile: str, type_: str) -> None:
    """Raise unless `profile` is one of R4's own of the type: an unknown one shall be an error."""
    bases = {f"{_PROFILE}{name}" for name in (type_, "DomainResource", "Resource")}
    if profile and profile.removesuffix("|4.0.1") not in bases:
        raise Unprocessable(
            f"the profile `{profile[:200]}` is not known here, so nothing was judged by it",
            code="not-supported",
        )


def _identity(call: Invocation, mode: str, resource: Json) -> list[Issue]:
    id_, place = call.id, f"{call.type}.id"
    if id_ and resource.get("id", id_) != id_:
        return [Issue("invalid", f"the id is not `{id_}`", place)]
    if mode == "update" and "id" not in resource:
        return [Issue("required", "an update needs an id", place)]
    return []


def _fails(issues: list[Issue]) -> bool:
    return any(issue.severity in ("error", "fatal") for issue in issues)


def _rehearsed(x: Exchange, call: Invocation, mode: str, resource: Json) -> tuple[Issue, ...]:
    """Return what the write would be refused for, or warned of; raise `NotFound` for what is not known."""
    ref = f"{call.type}/{call.id}" if call.id and mode != "create" else call.type
    try:
        with traced(x, "operation", ref):
            done = _write(x, call, mode, resource)
    except (NotFound, Unavailable):
        raise
    except FhirError as error:
        return error.issues
    row = done.row if isinstance(done, Written) else done
    patient = row.acl.get(facts.PATIENT, "")
    touched = [] if mode == "create" else [Touched(row.ref, patient)]
    x.view.tracer.commit(x.view.tracer.entries("operation", touched, patient=patient))
    return done.warnings if isinstance(done, Written) else ()


def _write(x: Exchange, call: Invocation, mode: str, resource: Json) -> Written | Row:
    type_, id_ = call.type, call.id
    expected = x.headers.get("if-match", "")
    if mode == "delete":
        return rehearse(x.view, type_, lambda c: c.delete(type_, id_, if_match=expected))
    document = settle(x, document_of(resource))
    if mode == "create":
        return rehearse(x.view, type_, lambda c: c.create(type_, document, new_id()))
    return rehearse(x.view, type_, lambda c: c.put(type_, id_, document, if_match=expected))
