"""`$simulate`: what a Consent or a mask would change, before it is stored; nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.requester import Requester
from tests.support import resources as make
from tests.support.explained import asking, group, one, parts, value
from tests.support.people import (
    a_doctor,
    a_pharmacist,
    an_auditor,
    breaking_the_glass,
    regulating,
    the_patient,
)
from tests.support.replies import Json, Reply
from tests.support.world import World

DOC = "DocumentReference"


def simulated(world: World, patient: str, *parameters: Json, who: Any = None) -> Reply:
    caller = world.as_(who or the_patient(patient))
    body = {"resourceType": "Parameters", "parameter": list(parameters)}
    return caller.post(f"Patient/{patient}/$simulate", body)


def supposing(**changes: str) -> list[Json]:
    return [{"name": name, "valueString": ref} for name, ref in changes.items()]


def consent(body: Json) -> Json:
    return {"name": "consent", "resource": body}


def told(reply: Reply) -> list[dict[str, Any]]:
    """Return for each caller the counts, and the references gained and lost."""
    assert reply.status == 200, reply.body
    found = []
    for caller in parts(reply.json, "caller"):
        counts = {name: one(caller, name) for name in ("before", "after")}
        for name in ("gained", "lost"):
            counts[name] = {value(part) for part in parts(caller, name)}
            assert one(caller, f"{name}-count") == len(counts[name])
        found.append(counts)
    return found


def known(world: World, patient: str, who: Requester) -> set[str]:
    """Return what the caller knows of a record, as it is explained to the trusted system."""
    reply = world.trusted.get(f"Patient/{patient}/$explain?{asking(who)}&_count=500")
    return {
        one(item, "reference").partition("/_history/")[0]
        for item in parts(reply.json, "resource")
        if one(item, "known")
    }


class Case:
    """A record with a masked document, a chain, folders and a doctor of the team."""

    def __init__(self, world: World) -> None:
        self.doctor, self.stranger, self.pharmacist = a_doctor(), a_doctor(), a_pharmacist()
        self.patient = world.patient()
        world.team(self.patient, self.doctor, self.pharmacist)
        self.shown = f"{DOC}/{world.document(self.patient)}"
        self.masked = f"{DOC}/{world.document(self.patient, 'MASQUE_PS')}"
        self.old = f"{DOC}/{world.document(self.patient)}"
        self.new = f"{DOC}/{world.has(make.a_document(self.patient).replacing(self.old))}"
        self.result = f"Observation/{world.has(make.an_observation(self.patient))}"
        self.folder = f"List/{world.has(make.a_list(self.patient, self.new))}"
        self.folders = f"List/{world.has(make.a_list(self.patient, self.folder))}"

    @property
    def everybody(self) -> list[Json]:
        emergencies = (breaking_the_glass(self.patient), regulating(self.patient))
        return [group(who) for who in (self.doctor, self.stranger, self.pharmacist, *emergencies)]


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


def test_an_authorisation_shows_whom_it_would_let_in_and_to_what(world: World, case: Case) -> None:
    body = make.a_consent(case.patient, "permit", case.stranger)
    del body["id"]
    reply = simulated(world, case.patient, consent(body), group(case.stranger))
    (found,) = told(reply)
    assert (found["before"], found["lost"]) == (0, set())
    assert case.shown in found["gained"]
    assert case.masked not in found["gained"]
    (reading,) = parts(reply.json, "consent")
    assert [one(reading, name) for name in ("id", "effect", "in-force", "understood")] == [
        "supposed-1",
        "permit",
        True,
        True,
    ]


def test_a_mask_follows_chains_and_folders(world: World, case: Case) -> None:
    (found,) = told(simulated(world, case.patient, *supposing(mask=case.new), group(case.doctor)))
    assert found["lost"] == {case.new, case.old, case.folder, case.folders}
    assert found["gained"] == set()


def changes(case: Case) -> dict[str, tuple[list[Json], Any]]:
    """Return what is supposed, and how it is then done."""
    block = make.a_consent(case.patient, "deny", case.doctor)
    let_in = make.a_consent(case.patient, "permit", case.stranger)
    let_in["provision"] |= {"code": [make.concept(make.BIOLOGY)]}
    opposed = make.a_consent(case.patient, "deny")
    opposed["provision"] |= {
        "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}]
    }

    def masking(ref: str, *labels: str) -> Any:
        def do(world: World) -> None:
            body = world.trusted.get(ref).json
            codes = [make.label(code) for code in ("N", *labels)]
            if ref.startswith(DOC):
                body["securityLabel"] = codes
            else:
                body["meta"]["security"] = [code["coding"][0] for code in codes]
            assert world.trusted.put(body).status == 200

        return do

    return {
        "block": ([consent(block)], lambda world: world.has(block)),
        "authorisation": ([consent(let_in)], lambda world: world.has(let_in)),
        "opposition": ([consent(opposed)], lambda world: world.has(opposed)),
        "mask of a document": (supposing(mask=case.shown), masking(case.shown, "MASQUE_PS")),
        "mask of a chain": (supposing(mask=case.new), masking(case.new, "MASQUE_PS")),
        "mask of an old version": (supposing(mask=case.old), masking(case.old, "MASQUE_PS")),
        "mask of a result": (supposing(mask=case.result), masking(case.result, "MASQUE_PS")),
        "unmask": (supposing(unmask=case.masked), masking(case.masked)),
    }


@pytest.mark.parametrize(
    "name",
    [
        "block",
        "authorisation",
        "opposition",
        "mask of a document",
        "mask of a chain",
        "mask of an old version",
        "mask of a result",
        "unmask",
    ],
)
def test_what_is_simulated_is_what_comes_of_it(world: World, case: Case, name: str) -> None:
    supposed, do = changes(case)[name]
    callers = [case.doctor, case.stranger, case.pharmacist]
    callers += [breaking_the_glass(case.patient), regulating(case.patient)]
    before = [known(world, case.patient, who) for who in callers]
    found = told(simulated(world, case.patient, *supposed, *map(group, callers), who=an_auditor()))
    assert [known(world, case.patient, who) for who in callers] == before
    do(world)
    for who, was, difference in zip(callers, before, found, strict=True):
        # A Consent that is stored is itself part of the record.
        now = {ref for ref in known(world, case.patient, who) if not ref.startswith("Consent/")}
        was = {ref for ref in was if not ref.startswith("Consent/")}
        assert (difference["gained"], difference["lost"]) == (now - was, was - now), who
        assert (difference["before"], difference["after"]) == (len(was), len(now)), who


def test_a_consent_withdrawn_or_made_inactive_lets_nobody_in(world: World, case: Case) -> None:
    body = make.a_consent(case.patient, "permit", case.stranger)
    id_ = world.has(body)
    for supposed in (
        supposing(withdraw=f"Consent/{id_}"),
        [consent(body | {"status": "inactive"})],
    ):
        (found,) = told(simulated(world, case.patient, *supposed, group(case.stranger)))
        assert found["before"] > 0
        assert (found["after"], found["gained"]) == (0, set())
    assert known(world, case.patient, case.stranger)


def test_the_day_asked_about_counts(world: World, case: Case) -> None:
    body = make.a_consent(case.patient, "permit", case.stranger)
    body["provision"] |= {"period": {"start": "2089-01-01", "end": "2089-12-31"}}
    for day, knows in (("2088-12-31", False), ("2089-06-01", True), ("2090-01-02", False)):
        when = {"name": "at", "valueDateTime": day}
        (found,) = told(simulated(world, case.patient, consent(body), when, group(case.stranger)))
        assert (found["after"] > 0) is knows, day


def test_nobody_named_is_a_pharmacist_a_nurse_and_the_centre_15(world: World, case: Case) -> None:
    reply = simulated(world, case.patient, *supposing(mask=case.shown))
    assert [one(caller, "profession") for caller in parts(reply.json, "caller")[:2]] == [
        "G15_21",
        "G15_60",
    ]
    assert one(parts(reply.json, "caller")[2], "purpose") == "regulation"
    assert all(case.shown in found["lost"] for found in told(reply))


def test_what_is_named_is_bounded_and_all_is_counted(world: World, case: Case) -> None:
    body = make.a_consent(case.patient, "permit", case.stranger)
    limit = {"name": "_limit", "valueInteger": 1}
    reply = simulated(world, case.patient, consent(body), limit, group(case.stranger))
    (caller,) = parts(reply.json, "caller")
    assert len(parts(caller, "gained")) == 1
    assert one(caller, "gained-count") == one(caller, "after") > 1


def test_nothing_is_stored_by_a_simulation(world: World, case: Case) -> None:
    before = world.counts(), world.trusted.get(case.shown).body
    body = make.a_consent(case.patient, "deny", case.doctor)
    reply = simulated(world, case.patient, consent(body), *supposing(mask=case.shown))
    assert reply.status == 200
    assert (world.counts(), world.trusted.get(case.shown).body) == before
    assert world.trusted.get(f"Consent/{body['id']}").status == 404


# refusals ----------------------------------------------------------------------------------------


def test_a_consent_that_could_not_be_stored_is_not_supposed(world: World, case: Case) -> None:
    body = make.a_consent(case.patient, "permit", case.stranger) | {"status": "perhaps"}
    reply = simulated(world, case.patient, consent(body))
    assert (reply.status, reply.issue["expression"]) == (422, ["Consent.status"])


def test_a_consent_of_another_record_is_not_supposed(world: World, case: Case) -> None:
    body = make.a_consent(world.patient(), "permit", case.stranger)
    reply = simulated(world, case.patient, consent(body))
    assert (reply.status, reply.issue["expression"]) == (422, ["Consent.patient"])


@pytest.mark.parametrize(
    ("name", "ref", "status"),
    [
        ("mask", "nothing", 400),
        ("withdraw", "Patient/a", 400),
        ("mask", f"{DOC}/absent", 404),
        ("withdraw", "Consent/absent", 404),
    ],
)
def test_what_is_not_there_is_not_changed(
    world: World, case: Case, name: str, ref: str, status: int
) -> None:
    reply = simulated(world, case.patient, *supposing(**{name: ref}))
    assert (reply.status, reply.json["resourceType"]) == (status, "OperationOutcome")
    assert reply.issue["code"] == {400: "value", 404: "not-found"}[status]


def test_masked_and_unmasked_at_once_is_refused(world: World, case: Case) -> None:
    reply = simulated(world, case.patient, *supposing(mask=case.shown, unmask=case.shown))
    assert (reply.status, reply.issue["code"]) == (400, "invalid")


def test_the_past_is_not_simulated(world: World, case: Case) -> None:
    reply = simulated(world, case.patient, {"name": "at", "valueDateTime": "2020-01-01"})
    assert (reply.status, "$explain" in reply.issue["diagnostics"]) == (400, True)


@pytest.mark.parametrize(
    "parameter",
    [
        {"name": "caller", "valueString": "kind=patient"},
        {"name": "caller", "part": [{"name": "size", "valueString": "big"}]},
        {"name": "caller", "part": [{"name": "kind"}]},
        {"name": "caller", "part": [1]},
        {"name": "consent", "valueString": "Consent/a"},
    ],
)
def test_a_group_that_is_none_is_refused_with_its_place(
    world: World, case: Case, parameter: Json
) -> None:
    reply = simulated(world, case.patient, parameter)
    assert reply.status == 400
    assert reply.issue["expression"][0].startswith("Parameters.parameter[0]")


def test_a_simulation_leaves_its_trace_in_the_record(world: World, case: Case) -> None:
    reply = simulated(world, case.patient, *supposing(mask=case.shown), who=an_auditor())
    (event,) = world.traces(case.patient, reply.headers["x-request-id"])
    assert (event["subtype"][0]["code"], event["outcome"]) == ("operation", "0")
