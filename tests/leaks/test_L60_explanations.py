"""L60: who asks what others see learns nothing that they may not know themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from json import dumps

import pytest

from fhir_server.consent.requester import Kind, Requester
from tests.leaks.conftest import Room, bare, uniform
from tests.support import resources as make
from tests.support.explained import alone, asking, group, one, parts, resources, rules
from tests.support.people import (
    EXCLUDED,
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    regulating,
    someone,
    the_patient,
    the_representative,
)
from tests.support.replies import Reply, differ
from tests.support.world import World

DOC = "DocumentReference"


def today() -> str:
    """Return a day of deposit from which an announcement is still due (R51)."""
    return datetime.now(UTC).date().isoformat()


MINE = ("POST", "GET")


def others(room: Room) -> list[Requester]:
    """Return callers of every kind that may not ask, the record's own doctor among them."""
    return [
        room.who,
        a_doctor(),
        regulating(room.id),
        a_hospital(),
        an_administrator(),
        someone(Kind.REFERENCED_SERVICE),
        someone(Kind.HEALTH_INSURANCE_FEED),
        *map(someone, EXCLUDED),
    ]


@pytest.mark.parametrize("address", ["DocumentReference/{id}/$explain", "Patient/{id}/$explain"])
def test_L60_a_professional_never_asks_and_is_refused_alike_everywhere(
    world: World, room: Room, address: str
) -> None:
    shown = bare(room.shown[0]) if address.startswith(DOC) else room.id
    ids = {"shown": shown, "hidden": bare(room.hidden[0]), "absent": make.new_id()}
    for who in others(room):
        for method in MINE:
            reply = uniform(world.as_(who), method, address, **ids)
            assert (reply.status, reply.issue["code"]) == (403, "forbidden"), who.kind


def test_L60_what_is_hidden_from_the_holder_is_absent_to_their_question(world: World) -> None:
    """R49: a document that waits for its announcement."""
    patient = world.patient()
    hidden = world.document(patient, "INVISIBLE_PATIENT", date=today())
    ids = {"hidden": hidden, "absent": make.new_id()}
    for who in (the_patient(patient), the_representative(patient)):
        for query in ("", f"?{asking(a_doctor())}", "?at=2090-01-01"):
            address = f"{DOC}/{{id}}/$explain{query}"
            assert uniform(world.as_(who), "GET", address, **ids).status == 404


@pytest.mark.parametrize("query", ["", "&_count=1", "&at=2090-01-01", "&_type=DocumentReference"])
def test_L60_a_record_with_something_hidden_is_explained_as_one_without(
    world: World, query: str
) -> None:
    doctor, told = a_doctor(), []
    for hides in (True, False):
        patient = world.patient()
        world.team(patient, doctor, id=f"team-{patient}")
        shown = world.document(patient, id=f"shown-{patient}")
        masked = world.document(patient, "MASQUE_PS", id=f"masked-{patient}")
        refs = [f"{DOC}/{shown}", f"{DOC}/{masked}"]
        if hides:
            hidden = world.document(patient, "INVISIBLE_PATIENT", date=today())
            refs.append(f"{DOC}/{hidden}")
        # The doctor knows the second folder by what is hidden from the holder alone.
        for number, inside in enumerate((refs, refs[1:])):
            world.has(make.a_list(patient, *inside, id=f"folder-{number}-{patient}"))
        address = f"Patient/{patient}/$explain?{asking(doctor)}{query}"
        told.append(without_instants(world.as_(the_patient(patient)).get(address), patient))
    assert told[0] == told[1]
    assert told[0].count("Reference") > 1


def without_instants(reply: Reply, *names: str) -> str:
    """Return the parameters of an answer, all that differs between two equal ones put out."""
    assert reply.status == 200, reply.body
    found = [one for one in reply.json["parameter"] if one["name"] not in ("at", "next")]
    text = dumps(found)
    for name in names:
        text = text.replace(name, "·")
    return text


def test_L60_a_foreign_record_is_absent_to_a_question(world: World, room: Room) -> None:
    ids = {"other": room.id, "absent": make.new_id()}
    for who in (the_patient(world.patient()), the_representative(world.patient())):
        for method in MINE:
            assert uniform(world.as_(who), method, "Patient/{id}/$explain", **ids).status == 404


def test_L60_a_consent_that_a_minor_keeps_is_not_in_what_the_representative_is_told(
    world: World,
) -> None:
    """R58: neither its name nor its effect."""
    doctor, patients = a_doctor(), [world.patient(), world.patient()]
    documents = [world.document(patient) for patient in patients]
    secret = {"security": [make.label("INVISIBLE_REPRESENTANTS_LEGAUX")["coding"][0]]}
    kept = make.a_consent(patients[0], "permit", doctor)
    world.has(kept | {"meta": secret})
    replies = [
        world.as_(the_representative(patient)).get(f"{DOC}/{document}/$explain?{asking(doctor)}")
        for patient, document in zip(patients, documents, strict=True)
    ]
    assert rules(alone(replies[0])) == ["nothing-permits"]
    names = (*patients, *documents)
    assert len({without_instants(reply, *names) for reply in replies}) == 1
    own = world.as_(the_patient(patients[0])).get(f"{DOC}/{documents[0]}/$explain?{asking(doctor)}")
    assert rules(alone(own)) == ["authorised"]


def test_L60_the_past_is_not_a_way_round_a_mask_of_today(world: World) -> None:
    """L19: what hides a resource hides its past."""
    patient = world.patient()
    document = world.document(patient)
    with world.later(seconds=5):
        world.has(make.a_document(patient).but(id=document).labelled("INVISIBLE_PATIENT"))
        ids = {"hidden": document, "absent": make.new_id()}
        address = f"{DOC}/{{id}}/$explain?at=2026-01-01"
        assert uniform(world.as_(the_patient(patient)), "GET", address, **ids).status == 404


def test_L60_the_auditor_asks_about_every_record_and_leaves_a_trace_in_it(
    world: World, room: Room
) -> None:
    reply = world.as_(an_auditor()).get(f"Patient/{room.id}/$explain?{asking(room.who)}")
    assert {ref for ref, told in resources(reply).items() if not one(told, "known")} == {
        *room.hidden
    }
    (event,) = world.traces(room.id, reply.headers["x-request-id"])
    assert event["agent"][0]["who"]["display"] == "auditor"


def test_L60_a_refused_question_leaves_a_trace(world: World) -> None:
    patient = world.patient()
    reply = world.as_(the_patient(patient)).get(f"{DOC}/{make.new_id()}/$explain")
    (event,) = world.traces(request_id=reply.headers["x-request-id"])
    assert (event["outcome"], event["subtype"][0]["code"]) == ("4", "operation")


def test_L60_a_page_link_is_of_no_use_to_another(world: World) -> None:
    patient = world.patient()
    world.document(patient)
    asked = world.as_(the_patient(patient)).get(f"Patient/{patient}/$explain?_count=1")
    following = one({"part": parts(asked.json, "next")}, "next").partition("/fhir")[2]
    assert world.as_(the_patient(patient)).get(f"/fhir{following}").status == 200
    for who in (the_patient(world.patient()), an_auditor()):
        assert world.as_(who).get(f"/fhir{following}").status == 400


# simulations -------------------------------------------------------------------------------------


def test_L60_a_professional_never_simulates_and_is_refused_alike_everywhere(
    world: World, room: Room
) -> None:
    ids = {"own": room.id, "other": world.patient(), "absent": make.new_id()}
    for who in others(room):
        for method in MINE:
            reply = uniform(world.as_(who), method, "Patient/{id}/$simulate", **ids)
            assert (reply.status, reply.issue["code"]) == (403, "forbidden"), who.kind


@pytest.mark.parametrize("name", ["mask", "unmask"])
def test_L60_what_is_hidden_from_the_holder_is_absent_to_a_simulation(
    world: World, name: str
) -> None:
    patient = world.patient()
    hidden = world.document(patient, "INVISIBLE_PATIENT", date=today())
    foreign = world.document(world.patient())
    ids = (hidden, foreign, make.new_id())
    replies = [
        world.as_(the_patient(patient)).post(
            f"Patient/{patient}/$simulate", make.parameters(**{name: f"{DOC}/{id_}"})
        )
        for id_ in ids
    ]
    assert replies[0].status == 404
    assert differ(replies, *ids) == ""


def test_L60_a_simulation_counts_nothing_that_the_holder_may_not_know(world: World) -> None:
    doctor, regulator, told = a_doctor(), regulating("whichever"), []
    for hides in (True, False):
        patient = world.patient()
        shown = world.document(patient, id=f"shown-{patient}")
        refs = [f"{DOC}/{shown}"]
        if hides:
            refs.append(f"{DOC}/{world.document(patient, 'INVISIBLE_PATIENT', date=today())}")
        world.has(make.a_list(patient, *refs, id=f"folder-{patient}"))
        if hides:
            world.has(make.a_list(patient, refs[1]))
        body = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "consent", "resource": make.a_consent(patient, "permit", doctor, id="c")},
                {"name": "mask", "valueString": f"{DOC}/{shown}"},
                group(doctor),
                group(the_patient(patient)),
                group(regulator),
            ],
        }
        reply = world.as_(the_patient(patient)).post(f"Patient/{patient}/$simulate", body)
        told.append(without_instants(reply, patient))
    assert told[0] == told[1]
