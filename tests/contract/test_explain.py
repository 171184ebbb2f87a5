"""`$explain`: why somebody knows a resource, or does not (design/consent.md section 8)."""

from __future__ import annotations

import pytest

from tests.support import resources as make
from tests.support.explained import alone, asking, because, one, parts, resources, rules
from tests.support.people import (
    PODIATRIST,
    a_doctor,
    a_pharmacist,
    a_podiatrist,
    an_auditor,
    breaking_the_glass,
    regulating,
    the_patient,
    the_representative,
)
from tests.support.replies import entry
from tests.support.world import World

DOC = "DocumentReference"


def test_the_holder_is_told_by_which_team_a_doctor_knows_a_document(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    team = world.team(patient, doctor)
    document = world.document(patient)
    told = alone(world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?{asking(doctor)}"))
    assert (one(told, "known"), rules(told)) == (True, ["care-team"])
    assert because(told, "care-team") == [{"link": "care-team", "said-by": f"CareTeam/{team}"}]
    assert one(told, "reference") == f"{DOC}/{document}/_history/1"
    (rule,) = parts(told, "rule")
    assert one(rule, "fr") == "L'appelant est de l'équipe de soins."
    assert one(rule, "en") == "The caller is of the care team."
    assert (one(rule, "effect"), one(rule, "source")) == ("permit", "R16")


def test_a_consent_is_named_in_its_version_with_the_provision_that_decided(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    document = world.document(patient)
    actor = [{"role": make.concept("PRCP"), "reference": make.person(doctor)}]
    nested = {"type": "permit", "actor": actor, "code": [make.concept(make.BIOLOGY)]}
    body = make.a_consent(patient, "permit", doctor)
    body["provision"] |= {"code": [make.concept(make.HOSPITAL)], "provision": [nested]}
    consent = world.has(body)
    world.has(body | {"language": "fr"})
    told = alone(world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?{asking(doctor)}"))
    assert because(told, "authorised") == [
        {
            "consent": f"Consent/{consent}/_history/2",
            "provision": "Consent.provision.provision[0]",
            "understood": True,
        }
    ]


def test_a_block_is_told_and_beats_the_team(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    block = world.consent(patient, "deny", doctor)
    document = world.document(patient)
    told = alone(world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?{asking(doctor)}"))
    assert (one(told, "known"), rules(told)) == (False, ["blocked-or-opposed", "care-team"])
    (ground,) = because(told, "blocked-or-opposed")
    assert ground["consent"] == f"Consent/{block}/_history/1"


def test_a_mask_is_told_by_its_label(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    document = world.document(patient, "MASQUE_PS")
    told = alone(world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?{asking(doctor)}"))
    assert not one(told, "known")
    assert because(told, "masked-to-professionals") == [{"label": "MASQUE_PS"}]


def test_the_cell_of_the_matrix_is_told_as_fact_or_default(world: World) -> None:
    podiatrist, pharmacist, patient = a_podiatrist(), a_pharmacist(), world.patient()
    world.team(patient, podiatrist, pharmacist)
    hospital = world.has(make.a_document(patient).typed(make.HOSPITAL))
    holder = world.as_(the_patient(patient))
    shut = alone(holder.get(f"{DOC}/{hospital}/$explain?{asking(podiatrist)}"))
    assert rules(shut) == ["not-habilitated", "care-team"]
    (cell,) = parts(shut, "matrix")
    assert (one(cell, "profession"), one(cell, "type")) == (PODIATRIST, make.HOSPITAL)
    assert (one(cell, "right"), one(cell, "status")) == ("none", "fact")
    biology = world.document(patient)
    (cell,) = parts(alone(holder.get(f"{DOC}/{biology}/$explain?{asking(pharmacist)}")), "matrix")
    assert (one(cell, "right"), one(cell, "status")) == ("read", "default")


def test_of_a_caller_whom_nothing_lets_in_that_is_told(world: World) -> None:
    patient = world.patient()
    document = world.document(patient)
    told = alone(
        world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?{asking(a_doctor())}")
    )
    assert (one(told, "known"), rules(told)) == (False, ["nothing-permits"])


def test_an_emergency_is_supposed_to_have_its_reason(world: World) -> None:
    patient = world.patient()
    document, holder = world.document(patient), world.as_(the_patient(patient))
    for who, rule in (
        (breaking_the_glass(patient), "break-glass"),
        (regulating(patient), "regulation"),
    ):
        told = alone(holder.get(f"{DOC}/{document}/$explain?{asking(who)}"))
        assert (one(told, "known"), rules(told)) == (True, [rule])
        assert because(told, rule) == [{"purpose": rule}]


def test_a_link_may_be_supposed(world: World) -> None:
    patient = world.patient()
    document, holder = world.document(patient), world.as_(the_patient(patient))
    told = alone(holder.get(f"{DOC}/{document}/$explain?profession=21&link=care-team"))
    assert (one(told, "known"), rules(told)) == (True, ["care-team"])
    assert because(told, "care-team") == [{"link": "care-team"}]


def test_without_a_caller_the_asker_is_explained(world: World) -> None:
    patient = world.patient()
    document = world.document(patient)
    for who, rule in (
        (the_patient(patient), "holder"),
        (the_representative(patient), "legal-representative"),
        (an_auditor(), "nothing-permits"),
    ):
        assert rules(alone(world.as_(who).get(f"{DOC}/{document}/$explain"))) == [rule]
    assert rules(alone(world.trusted.get(f"{DOC}/{document}/$explain"))) == ["trusted-system"]


def test_what_points_to_nothing_known_is_told_so(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    masked = world.document(patient, "MASQUE_PS")
    folder = world.has(make.a_list(patient, f"{DOC}/{masked}"))
    told = alone(world.as_(the_patient(patient)).get(f"List/{folder}/$explain?{asking(doctor)}"))
    assert rules(told) == ["points-to-hidden", "care-team"]


def test_the_directory_is_outside_every_record(world: World) -> None:
    person = world.has({"resourceType": "Practitioner", "id": make.new_id()})
    holder = world.as_(the_patient(world.patient()))
    told = alone(holder.get(f"Practitioner/{person}/$explain?{asking(a_doctor())}"))
    assert rules(told) == ["outside-records"]


# when --------------------------------------------------------------------------------------------


def test_the_past_is_explained_by_what_was_in_force_then(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    consent = make.a_consent(patient, "permit", doctor)
    world.has(consent)
    document = world.document(patient)
    then = world.traces(patient)[0]["recorded"]
    holder = world.as_(the_patient(patient))
    with world.later(seconds=5):
        world.has(consent | {"status": "inactive"})
        world.has(make.a_document(patient).but(id=document).masked())
        now = alone(holder.get(f"{DOC}/{document}/$explain?{asking(doctor)}"))
        past = holder.get(f"{DOC}/{document}/$explain?{asking(doctor, at=_after(then))}")
    assert rules(now) == ["masked-to-professionals"]
    assert rules(alone(past)) == ["authorised"]
    assert one(alone(past), "reference") == f"{DOC}/{document}/_history/1"
    assert because(alone(past), "authorised")[0]["consent"] == f"Consent/{consent['id']}/_history/1"


def _after(instant: str) -> str:
    """Return the next second: what was written within `instant` had been written then."""
    second = int(instant[17:19]) + 1
    return f"{instant[:16]}:{second:02d}.999Z" if second < 60 else f"{instant[:16]}:59.999Z"


def test_a_mask_that_a_newer_version_brought_is_not_in_the_past(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    old = world.document(patient)
    folder = world.has(make.a_list(patient, f"{DOC}/{old}"))
    then = _after(world.traces(patient)[0]["recorded"])
    holder = world.as_(the_patient(patient))
    with world.later(seconds=5):
        world.has(make.a_document(patient).replacing(f"{DOC}/{old}").masked())
        for ref in (f"{DOC}/{old}", f"List/{folder}"):
            assert not one(alone(holder.get(f"{ref}/$explain?{asking(doctor)}")), "known")
            past = alone(holder.get(f"{ref}/$explain?{asking(doctor, at=then)}"))
            assert (one(past, "known"), rules(past)) == (True, ["care-team"])


def test_before_it_was_stored_a_resource_is_not_known(world: World) -> None:
    patient = world.patient()
    document = world.document(patient)
    reply = world.as_(the_patient(patient)).get(f"{DOC}/{document}/$explain?at=2020-01-01")
    assert (reply.status, reply.issue["code"]) == (404, "not-found")


def test_the_future_is_decided_by_what_is_stored_now(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    document = world.document(patient)
    body = make.a_consent(patient, "permit", doctor)
    body["provision"] |= {"period": {"start": "2020-01-01", "end": "2090-01-01"}}
    world.has(body)
    holder = world.as_(the_patient(patient))
    address = f"{DOC}/{document}/$explain?{asking(doctor)}&at="
    assert one(alone(holder.get(address + "2089-12-31")), "known")
    assert not one(alone(holder.get(address + "2090-01-02")), "known")


# a whole record ----------------------------------------------------------------------------------


def test_a_record_is_explained_page_by_page_each_resource_once(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    for labels in ((), ("MASQUE_PS",), ()):
        world.document(patient, *labels)
    holder = world.as_(the_patient(patient))
    reply = holder.get(f"Patient/{patient}/$explain?{asking(doctor)}&_count=2")
    assert (one(reply.json, "total"), one(reply.json, "known")) == (5, 4)
    found = resources(reply)
    while following := parts(reply.json, "next"):
        reply = holder.get("/fhir" + one({"part": following}, "next").partition("/fhir")[2])
        page = resources(reply)
        assert not found.keys() & page.keys()
        found |= page
    assert len(found) == 5
    assert sum(one(told, "known") for told in found.values()) == 4


def test_the_count_of_what_is_known_is_that_of_the_callers_own_search(world: World) -> None:
    pharmacist, patient = a_pharmacist(), world.patient()
    world.team(patient, pharmacist)
    for code in (make.BIOLOGY, make.HOSPITAL, make.PRESCRIPTION):
        world.has(make.a_document(patient).typed(code))
    reply = world.as_(the_patient(patient)).post(
        f"Patient/{patient}/$explain",
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "kind", "valueCode": "professional"},
                {"name": "rpps", "valueString": pharmacist.rpps},
                {"name": "profession", "valueCode": pharmacist.profession},
                {"name": "_type", "valueCode": DOC},
            ],
        },
    )
    own = world.as_(pharmacist).get(f"{DOC}?patient={patient}&_summary=count").total
    assert (one(reply.json, "known"), one(reply.json, "total")) == (own, 3)


def test_resources_may_be_chosen(world: World) -> None:
    patient = world.patient()
    first, _ = world.document(patient), world.document(patient)
    address = f"Patient/{patient}/$explain?resource={DOC}/{first}"
    assert set(resources(world.as_(the_patient(patient)).get(address))) == {f"{DOC}/{first}"}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("kind=wizard", "wizard"),
        ("purpose=fun", "fun"),
        ("rpps=12", "RPPS"),
        ("link=cousin", "link"),
        ("_type=Wizard", "Wizard"),
        ("resource=nothing", "resource"),
        ("at=yesterday", "at"),
        ("at=0001-01-01", "at"),
        ("at=9999-12-31T23:59:59-14:00", "at"),
    ],
)
def test_what_no_caller_is_is_refused_with_its_name(world: World, query: str, word: str) -> None:
    patient = world.patient()
    reply = world.as_(the_patient(patient)).get(f"Patient/{patient}/$explain?{query}")
    assert (reply.status, reply.issue["code"]) == (400, "value")
    assert word in reply.issue["diagnostics"]


def test_the_access_log_is_not_explained(world: World) -> None:
    patient = world.patient()
    trace = world.traces(patient)[0]["id"]
    reply = world.as_(the_patient(patient)).get(f"AuditEvent/{trace}/$explain")
    assert (reply.status, reply.issue["code"]) == (422, "not-supported")


def test_a_question_leaves_its_trace_in_the_record(world: World) -> None:
    doctor, patient = a_doctor(), world.patient()
    document = world.document(patient)
    asked = f"{DOC}/{document}/$explain?{asking(doctor)}"
    reply = world.as_(an_auditor()).get(asked)
    (event,) = world.traces(patient, reply.headers["x-request-id"])
    assert (event["subtype"][0]["code"], event["outcome"]) == ("operation", "0")
    named = [
        entity["what"]["reference"]
        for entity in event["entity"]
        if "reference" in entity.get("what", {})
    ]
    assert named == [f"{DOC}/{document}", f"Patient/{patient}"]


def test_an_explanation_is_had_in_a_batch_and_in_xml(world: World) -> None:
    patient = world.patient()
    document, holder = world.document(patient), world.as_(the_patient(patient))
    address = f"{DOC}/{document}/$explain?profession=21&link=care-team"
    (found,) = holder.transact(entry("GET", address), kind="batch").entries
    (told,) = parts(found["resource"], "resource")
    assert rules(told) == ["care-team"]
    reply = holder.get(address, Accept="application/fhir+xml")
    assert reply.status == 200
    assert (
        b'<name value="rule"/><part><name value="id"/><valueCode value="care-team"/>' in reply.body
    )


def test_a_question_of_no_type_is_refused_in_a_batch(world: World) -> None:
    holder = world.as_(the_patient(world.patient()))
    (found,) = holder.transact(entry("GET", "Wizard/1/$explain"), kind="batch").entries
    assert found["response"]["status"].startswith("400")
