"""Which record an exact INS names, and whether it can be fed (TD0.2, R13, R14, R22).

The one thing that an identified caller may learn without a link: open, closed (when and why: R13)
or none, and how they stand to it (contract, Consent conventions 4). Name, traits and id of the
Patient are not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fhir_server.consent.requester import Kind
from fhir_server.fhir.errors import Unprocessable
from fhir_server.fhir.json import parse
from fhir_server.predicate import Has
from fhir_server.records.closing import NOT_CLOSED, Closing, closing
from fhir_server.records.people import ins_systems
from fhir_server.records.policies import is_closed
from fhir_server.records.trace import Touched
from fhir_server.records.view import View
from fhir_server.search.token import pair

IDENTIFIED = frozenset(
    {
        Kind.PROFESSIONAL,
        Kind.ESTABLISHMENT_SOFTWARE,
        Kind.HEALTH_INSURANCE_FEED,
        Kind.REFERENCED_SERVICE,
        Kind.SAMU_REGULATOR,
        Kind.TRUSTED_SYSTEM,
    }
)


class State(StrEnum):
    """What TD0.2 tells of a record."""

    OPEN = "open"
    CLOSED = "closed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the record that an INS names; `patient` stays inside the server.

    `attending` tells whether the caller is its attending doctor, `closing` when and why it was
    closed (R13).
    """

    state: State
    patient: str = ""
    authorised: bool = False
    attending: bool = False
    closing: Closing = NOT_CLOSED


def status(view: View, system: str, value: str) -> Status:
    """Return the status of the record of an INS. Leaves a trace in the record."""
    found = view.context.store.find("Patient", Has("idx.identifier", pair(system, value)), limit=2)
    if len(found) != 1:
        view.tracer.commit(view.tracer.entries("operation", (), refused=True))
        return Status(State.NONE)
    patient = found[0].id
    view.tracer.commit(view.tracer.entries("operation", [Touched(f"Patient/{patient}", patient)]))
    return Status(
        State.CLOSED if is_closed(found[0]) else State.OPEN,
        patient,
        view.seeing.knows(found[0]),
        "attending-doctor" in view.seeing.sight((patient,)).rules_used(),
        closing(parse(found[0].raw).resource),
    )


def record_to_feed(view: View, pairs: Sequence[tuple[str, str]]) -> str:
    """Return the id of the record that `identifier=system|INS`, and nothing else, names.

    Nothing when the condition is of another form or the caller is not one who feeds; raises
    `Unprocessable` when there is no such record, or it is closed.
    """
    if len(pairs) != 1 or view.requester.kind not in IDENTIFIED:
        return ""
    name, text = pairs[0]
    system, _, value = text.partition("|")
    if name != "identifier" or system not in ins_systems() or not value:
        return ""
    found = status(view, system, value)
    match found.state:
        case State.OPEN:
            return found.patient
        case State.CLOSED:
            raise Unprocessable("the record of this INS is closed", code="business-rule")
        case _:
            raise Unprocessable("there is no record for this INS", code="business-rule")
