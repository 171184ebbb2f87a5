"""A record's policy, compiled from its Patient, CareTeams and Consents when one of them changes.

It is stored in the same transaction, under a new version, so that a revocation holds from the
next request on, on every worker (design/consent.md section 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fhir_server.consent.policy import ConsentPolicy, Link, Period, RecordPolicy, as_json
from fhir_server.consent.reading import Context, read_consent
from fhir_server.fhir.dates import interval
from fhir_server.fhir.json import parse
from fhir_server.predicate import Has
from fhir_server.records.people import People
from fhir_server.search.types import Locale
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow, Row

Json = Mapping[str, Any]

ATTENDING_ROLE = "PCP"
DIRECTORY = frozenset({"Practitioner", "PractitionerRole", "Organization"})
"""Whose content a policy is made of; of the other references, the id alone."""
_READ = {
    "Patient": ("active", "generalPractitioner", "contained"),
    "Practitioner": ("identifier",),
    "PractitionerRole": ("practitioner", "contained"),
    "Organization": ("identifier",),
}
"""The members that policies are made of, by type."""
FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class PolicyCompiler:
    """Compiles policies; `lifetime` is that of an authorisation without an end (R21)."""

    locale: Locale
    lifetime: int

    def compile(self, unit: Unit, patient: str, *, is_new: bool = False) -> None:
        """Store the policy of record `patient` anew; drop it when there is no such Patient.

        `is_new`: its id was made with this write, so that no CareTeam or Consent can name it yet.
        """
        row = unit.get("Patient", patient)
        if row is None:
            unit.drop_policy(patient)
            return
        people = People(unit, self.locale.base)
        resource = parse(row.raw).resource
        attending = tuple(self._attending(resource, people))
        policy = RecordPolicy(
            patient=patient,
            version="",
            closed=_is_inactive(resource),
            links=attending if is_new else (*attending, *self._teams(unit, patient, people)),
            consents=() if is_new else tuple(self._consents(unit, patient, people)),
        )
        unit.put_policy(
            PolicyRow(
                patient,
                "",
                as_json(policy),
                tuple(sorted(policy.keys())),
                tuple(sorted({*people.seen, f"Patient/{patient}"})),
            )
        )
        unit.share(ref for ref in people.seen if ref.partition("/")[0] in DIRECTORY)

    def _attending(self, resource: Json, people: People) -> Iterator[Link]:
        """Yield the attending doctors: `Patient.generalPractitioner` (contract, conventions 1)."""
        source = f"Patient/{resource['id']}"
        for reference in resource.get("generalPractitioner", ()):
            for key in people.who(reference, resource.get("contained", ())):
                if key.startswith("rpps:"):
                    yield Link(key, "attending", source)

    def _teams(self, unit: Unit, patient: str, people: People) -> Iterator[Link]:
        for row in unit.find("CareTeam", Has("acl.patient", patient)):
            team = parse(row.raw).resource
            if team.get("status") != "active":
                continue
            whole = self._period(team.get("period"))
            for participant in team.get("participant", ()):
                own = self._period(participant.get("period"))
                period = Period(max(whole.start, own.start), min(whole.end, own.end))
                contained = team.get("contained", ())
                for key in people.who(participant.get("member", {}), contained):
                    yield Link(key, "care-team", row.ref, period)
                    if ATTENDING_ROLE in _roles(participant) and key.startswith("rpps:"):
                        yield Link(key, "attending", row.ref, period)

    def _consents(self, unit: Unit, patient: str, people: People) -> Iterator[ConsentPolicy]:
        for row in unit.find("Consent", Has("acl.patient", patient)):
            resource = parse(row.raw).resource
            who = partial(people.who, contained=resource.get("contained", ()))
            context = Context(who=who, when=self._when, lifetime=self.lifetime)
            found = read_consent(
                resource, version=row.version, updated=row.updated, context=context
            )
            if found is not None:
                yield found

    def _when(self, text: str) -> tuple[int, int]:
        return interval(text, self.locale.zone)

    def _period(self, body: Any) -> Period:
        if not isinstance(body, Mapping):
            return Period()
        start = self._when(body["start"])[0] if "start" in body else -FOREVER
        end = self._when(body["end"])[1] if "end" in body else FOREVER
        return Period(start, end)


def is_closed(patient: Row) -> bool:
    """Tell whether a record is closed: its Patient is inactive (contract, conventions 3)."""
    return _is_inactive(parse(patient.raw).resource)


def _is_inactive(resource: Json) -> bool:
    return resource.get("active") is False


def rules_alike(type_: str, before: Json, after: Json) -> bool:
    """Tell whether two versions of a resource make the same policies: nothing else is read."""
    names = _READ.get(type_)
    return names is not None and all(before.get(name) == after.get(name) for name in names)


def _roles(participant: Json) -> set[str]:
    return {
        coding.get("code", "")
        for concept in participant.get("role", ())
        for coding in concept.get("coding", ())
    }
