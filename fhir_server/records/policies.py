"""A record's policy, compiled from its Patient, CareTeams and Consents when one of them changes.

It is stored in the same transaction, under a new version, so that a revocation holds from the
next request on, on every worker (design/consent.md section 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from fhir_server.consent import facts
from fhir_server.consent.policy import (
    ConsentPolicy,
    Link,
    Period,
    Provision,
    RecordPolicy,
    Session,
    as_json,
)
from fhir_server.consent.reading import Context, Linked, read_consent
from fhir_server.consent.ruleset import DAY, ORIGINAL, RuleSet
from fhir_server.fhir.dates import interval
from fhir_server.fhir.json import parse
from fhir_server.predicate import Has, Present, all_of
from fhir_server.records.facts import SESSION, VOID
from fhir_server.records.governance import governance
from fhir_server.records.majority import majority, measures_of_protection
from fhir_server.records.people import People
from fhir_server.search.types import Locale
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import PolicyRow, Row

Json = Mapping[str, Any]

ATTENDING_ROLE = "PCP"
DIRECTORY = frozenset(
    {"Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "Group"}
)
"""Whose content a policy is made of; of the other references, the id alone."""
_READ = {
    "Patient": ("active", "birthDate", "generalPractitioner", "contained"),
    "Practitioner": ("identifier",),
    "PractitionerRole": (
        *("practitioner", "organization", "code", "contained"),
        *("active", "period"),
    ),
    "Organization": ("identifier",),
    "RelatedPerson": ("patient", "active", "period", "relationship"),
    "Group": ("active", "actual", "member", "contained"),
}
"""The members that policies are made of, by type."""
FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class PolicyCompiler:
    """Compiles policies by the days of `rule_set`: an authorisation without an end, R21."""

    locale: Locale
    rule_set: RuleSet = ORIGINAL

    @property
    def lifetime(self) -> int:
        """Return how long an authorisation lasts that names no end, in microseconds (R21)."""
        return self.rule_set.authorization_lifetime_days * DAY

    def compile(self, unit: Unit, patient: str, *, is_new: bool = False) -> None:
        """Store the policy of record `patient` anew; drop it when there is no such Patient.

        `is_new`: its id was made with this write, so that no CareTeam or Consent can name it yet.
        """
        row = unit.get("Patient", patient)
        if row is None:
            unit.drop_policy(patient)
            return
        people = People(unit, self.locale.base)
        resource = _read(row)
        of_age = majority(resource, self.locale.zone)
        links = list(self._attending(resource, people))
        consents: list[ConsentPolicy] = []
        if not is_new:
            consents += self._consents(unit, patient, people)
            links += self._teams(unit, patient, people)
            links += self._groups(consents, people)
            links += measures_of_protection(unit, patient, of_age, self._period)
        policy = RecordPolicy(
            patient=patient,
            version="",
            closed=_is_inactive(resource),
            links=tuple(links),
            of_age=of_age,
            consents=tuple(consents),
            sessions=() if is_new else tuple(sessions(unit, patient)),
        )
        unit.put_policy(
            PolicyRow(
                patient,
                "",
                as_json(policy),
                tuple(sorted(policy.keys())),
                tuple(sorted({*people.seen, f"Patient/{patient}"})),
            ),
            is_new=is_new,
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
            team = _read(row)
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
            resource = _read(row)
            if row.acl.get(VOID):
                continue
            context = self.context(unit, people, resource)
            found = read_consent(
                resource, version=row.version, updated=row.updated, context=context
            )
            if found is not None:
                yield found

    def context(self, unit: Unit, people: People, consent: Json) -> Context:
        """Return what reading `consent` depends on, as `unit` sees it now."""
        return Context(
            who=partial(people.who, contained=consent.get("contained", ())),
            when=self._when,
            lifetime=self.lifetime,
            linked=partial(_linked, unit, people),
            bounded=partial(people.bounded, contained=consent.get("contained", ())),
        )

    def _groups(self, consents: Iterable[ConsentPolicy], people: People) -> Iterator[Link]:
        """Yield who belongs to the Groups and fills the roles that Consents name, and when."""
        refs = {ref for consent in consents for ref in _groups_in(consent.root)}
        for ref in sorted(refs):
            belonging = people.members if ref.startswith("Group/") else people.holders
            for part, key in belonging(ref):
                yield Link(key, "group", ref, self._period(part.get("period")))

    def _when(self, text: str) -> tuple[int, int]:
        return interval(text, self.locale.zone)

    def _period(self, body: Any) -> Period:
        if not isinstance(body, Mapping):
            return Period()
        start = self._when(body["start"])[0] if "start" in body else -FOREVER
        end = self._when(body["end"])[1] if "end" in body else FOREVER
        return Period(start, end)


def sessions(unit: Unit, patient: str) -> Iterator[Session]:
    """Yield the emergency sessions that nobody reviewed yet (R63), from facts of the server's own.

    Those that are over too: a policy that forgot them when it is next compiled would tell whoever
    had one that the record's rules were changed.
    """
    for row in unit.find("Task", all_of(Has("acl.patient", patient), Present(f"acl.{SESSION}"))):
        found = row.acl[SESSION]
        period = Period(found["start"], found["end"])
        yield Session(found["key"], found["client"], row.ref, found["reason"], period)


def is_closed(patient: Row) -> bool:
    """Tell whether a record is closed: its Patient is inactive (contract, conventions 3)."""
    return _is_inactive(_read(patient))


def _read(row: Row) -> Json:
    """Return a stored resource. What policies are made of holds no number that must be exact."""
    found: Json
    try:
        found = msgspec.json.decode(row.raw)
    except msgspec.DecodeError:  # a number that no double holds, which FHIR allows
        found = parse(row.raw).resource
    return found


def _is_inactive(resource: Json) -> bool:
    return resource.get("active") is False


def rules_alike(type_: str, before: Json, after: Json) -> bool:
    """Tell whether two versions of a resource make the same policies: nothing else is read."""
    names = _READ.get(type_)
    return names is not None and all(before.get(name) == after.get(name) for name in names)


def _groups_in(provision: Provision) -> Iterator[str]:
    for key in provision.actors:
        if key.startswith(("team:Group/", "team:PractitionerRole/")):
            yield key.removeprefix("team:")
    for inner in provision.nested:
        yield from _groups_in(inner)


def _linked(unit: Unit, people: People, ref: str) -> Linked:
    """Return what the stored `ref` refers to, for `data.meaning` `related`.

    A permit may rest on what the same hand deposited, where that hand alone may change `ref`: a
    reference that somebody else can write must open nothing (L31). A target that arrives later,
    under an id that was chosen for it, counts from the next change of `ref` or of the record's law.
    """
    row = _stored(unit, people, ref)
    if row is None:
        return Linked()
    unit.pin([ref])
    refers = tuple(row.acl.get(facts.REFERS, ()))
    owner = row.acl[facts.OWNER]
    alone = row.acl[facts.AUTHORS] == [owner]
    opens = tuple(
        target
        for target in refers
        if (found := _stored(unit, people, target)) is not None
        and found.acl[facts.OWNER] == owner
        and (alone or found.type == "Binary")
    )
    return Linked(refers, opens)


def _stored(unit: Unit, people: People, ref: str) -> Row | None:
    """Return a resource that a policy rests on: a change of it compiles the policy anew."""
    people.seen.add(ref)
    type_, _, id_ = ref.partition("/")
    return unit.get(type_, id_) if type_ in governance() else None


def _roles(participant: Json) -> set[str]:
    return {
        coding.get("code", "")
        for concept in participant.get("role", ())
        for coding in concept.get("coding", ())
    }
