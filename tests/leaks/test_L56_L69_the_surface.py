"""L56 to L69: parameters, statements, roles, verbs and injections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.consent.requester import Kind
from tests.leaks.conftest import Room, bare, furnish, same, uniform
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient, the_representative
from tests.support.replies import differ, told_apart
from tests.support.world import World

DOC = "DocumentReference"


@pytest.mark.parametrize(
    "parameter",
    [
        "patiant={id}",
        "_query=all",
        "_security=MASQUE_PS",
        "isArchive=true",
        "patient:nothing={id}",
        "_contained=true",
    ],
)
def test_L56_L57_an_unknown_parameter_is_refused_not_ignored(room: Room, parameter: str) -> None:
    asked = parameter.format(id=room.id)
    reply = room.doctor.get(f"{DOC}?patient={room.id}&{asked}")
    if parameter.startswith("_security"):
        assert reply.total == 0
    else:
        assert reply.status == 400


def test_L56_lenient_handling_shows_what_was_used(room: Room) -> None:
    asked = f"{DOC}?patient={room.id}&nothing=1"
    reply = room.doctor.get(asked, Prefer="handling=lenient")
    assert reply.total == 3
    assert "nothing" not in reply.json["link"][0]["url"]


@pytest.mark.parametrize("path", ["metadata", "/health/ready", "/metrics", "/openapi.json"])
def test_L59_what_is_public_tells_of_no_record(world: World, room: Room, path: str) -> None:
    told = world.bearing("").get(path)
    assert told.status == 200
    for name in (*room.names, "GENÊT", "MASQUE_PS"):
        assert name.encode() not in told.body


def test_L59_the_statement_is_the_same_with_records_and_without(world: World) -> None:
    before = world.trusted.get("metadata")
    furnish(world, hidden=2)
    assert told_apart(before, world.trusted.get("metadata")) == ""


def test_L59_logs_and_metrics_name_no_record(
    world: World, room: Room, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    room.doctor.get(room.hidden[0])
    room.doctor.get(f"Patient/{room.id}")
    room.doctor.get(f"{DOC}?patient={room.id}&nothing=1")
    told = (
        "".join(capsys.readouterr()) + caplog.text + world.bearing("").get("/metrics").body.decode()
    )
    for name in room.names:
        assert name not in told


@pytest.mark.parametrize("path", [f"{DOC}/{{id}}/$explain", "Patient/{id}/$explain"])
def test_L60_no_one_is_explained_to(world: World, room: Room, path: str) -> None:
    """Of the own record neither: why something is hidden tells that it is there."""
    hidden = bare(room.hidden[0]) if path.startswith(DOC) else world.patient()
    ids = {"hidden": hidden, "absent": make.new_id()}
    for method in ("GET", "POST"):
        body = make.parameters() if method == "POST" else None
        reply = uniform(room.doctor, method, path, body, **ids)
        assert reply.status in (403, 404, 405)
        assert reply.issue["severity"] == "error"


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in (Kind.TRUSTED_SYSTEM, Kind.PROFESSIONAL)]
)
def test_L62_a_kind_that_is_not_linked_does_not_borrow_a_professional_s_rights(
    world: World, kind: Kind
) -> None:
    room = furnish(world, hidden=0)
    who = replace(room.who, kind=kind, scope="system/*.*", organization="", patient="")
    reply = world.as_(who).get(f"{DOC}?patient={room.id}")
    linked = {Kind.SAMU_REGULATOR, Kind.ESTABLISHMENT_SOFTWARE, Kind.REFERENCED_SERVICE}
    assert reply.total == 0 or kind in linked


def test_L62_a_wide_scope_opens_nothing(world: World, room: Room) -> None:
    stranger = a_doctor(scope="system/*.* patient/*.* user/*.* launch/patient")
    assert world.as_(stranger).get(f"{DOC}?patient={room.id}").total == 0


def test_L62_a_patient_on_a_professionals_token_opens_nothing(world: World, room: Room) -> None:
    assert world.as_(a_doctor(patient=room.id)).get(f"{DOC}?patient={room.id}").total == 0
    assert world.as_(replace(a_hospital(), patient=room.id)).get(DOC).total == 0


def test_L62_a_representative_of_one_is_no_representative_of_another(world: World) -> None:
    room = furnish(world, hidden=0)
    other = world.patient()
    assert world.as_(the_representative(other)).get(f"{DOC}?patient={room.id}").total == 0


def test_L63_a_link_between_patients_opens_neither(world: World) -> None:
    room, other = furnish(world, hidden=0), furnish(world, hidden=0)
    for one, two in ((room, other), (other, room)):
        body = world.trusted.get(f"Patient/{one.id}").json
        link = [{"type": "seealso", "other": make.reference(f"Patient/{two.id}")}]
        world.has(body | {"link": link})
    assert room.doctor.get(f"{DOC}?patient={other.id}").total == 0
    assert room.doctor.get(f"Patient?link=Patient/{other.id}").ids == [room.id]
    assert room.doctor.get("Patient?_include=Patient:link").refs == {f"Patient/{room.id}"}
    assert world.as_(the_patient(room.id)).get(f"Patient/{other.id}").status == 404


def test_L63_a_resource_of_two_records_is_in_neither(world: World) -> None:
    room, other = furnish(world, hidden=0), furnish(world, hidden=0)
    who = [make.reference(f"Patient/{one}") for one in (room.id, other.id)]
    body = {
        "resourceType": "Appointment",
        "id": make.new_id(),
        "status": "booked",
        "start": "2024-01-01T10:00:00Z",
        "end": "2024-01-01T11:00:00Z",
        "participant": [{"actor": one, "status": "accepted"} for one in who],
    }
    world.has(body)
    ids: dict[str, str] = {"both": str(body["id"]), "absent": make.new_id()}
    assert uniform(room.doctor, "GET", "Appointment/{id}", **ids).status == 404
    assert room.doctor.get("Appointment").total == 0


def test_L63_an_ins_that_changes_hands_opens_nothing(world: World) -> None:
    one, two = make.a_patient(), make.a_patient()
    for body in (one, two):
        world.has(body)
    doctor = a_doctor()
    world.team(one["id"], doctor)
    world.document(two["id"])
    swapped = one | {"identifier": two["identifier"]}
    world.has(swapped)
    ins = two["identifier"][0]["value"]
    found = world.as_(doctor).get(f"{DOC}?patient.identifier={make.INS}|{ins}")
    assert found.total == 0


@pytest.mark.parametrize(
    "path", ["Patient/{id}/DocumentReference", "Patient/{id}/*", "Patient/{id}/*?_type=Patient"]
)
def test_L64_a_compartment_that_is_hidden_and_one_that_is_not_there_are_empty_alike(
    world: World, room: Room, path: str
) -> None:
    hidden, absent = world.patient(), make.new_id()
    world.document(hidden)
    replies = [room.doctor.get(path.format(id=id_)) for id_ in (hidden, absent)]
    assert (replies[0].status, replies[0].total) == (200, 0)
    assert differ(replies, hidden, absent) == ""


def test_L64_a_type_that_is_never_in_a_compartment_is_refused_whatever_is_stored(
    world: World, room: Room
) -> None:
    ids = (room.id, world.patient(), make.new_id())
    replies = [room.doctor.get(f"Patient/{id_}/Practitioner") for id_ in ids]
    assert (replies[0].status, replies[0].issue["code"]) == (400, "value")
    assert differ(replies, *ids) == ""


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{patient}/DocumentReference?_sort=date",
        "Patient/{patient}/DocumentReference?_sort=-date&_count=1",
        "Patient/{patient}/*?_summary=count",
        "Patient/{patient}/*?_type=DocumentReference&_count=2&_sort=date",
        "?_type=DocumentReference,Observation&patient={patient}&_sort=date",
        "?_type=DocumentReference,Observation&patient={patient}&_count=1&_sort=-date",
        "?_type=DocumentReference,Patient&_summary=count",
    ],
)
def test_L01_L54_several_types_and_compartments_count_what_is_known(
    room: Room, twin: Room, path: str
) -> None:
    assert same(room, twin, path).total in (3, 4, 5)


def test_L54_who_may_know_nothing_finds_nothing_among_all_types(world: World, room: Room) -> None:
    stranger = world.as_(a_doctor())
    for path in (f"Patient/{room.id}/*", f"?_id={room.id}", f"?_type=Patient,List&_id={room.id}"):
        reply = stranger.get(path)
        assert (reply.status, reply.total, reply.entries) == (200, 0, [])


@pytest.mark.parametrize(
    "query",
    [
        "patient={patient}",
        "patient={patient}&_summary=count",
        "patient={patient}&patient={patient}",
        "patient={patient}&status=current,superseded",
        "status=current&subject=Patient/{patient}",
        "patient={patient}&security-label=MASQUE_PS",
    ],
)
def test_L65_query_and_form_answer_alike(room: Room, twin: Room, query: str) -> None:
    for one in (room, twin):
        asked = query.format(patient=one.id)
        by_query = one.doctor.get(f"{DOC}?{asked}")
        by_form = one.doctor.form(f"{DOC}/_search", asked)
        first, _, rest = asked.partition("&")
        split = one.doctor.form(f"{DOC}/_search?{first}", rest)
        assert by_query.total == by_form.total == split.total
        assert sorted(by_query.ids) == sorted(by_form.ids) == sorted(split.ids)
    same(room, twin, f"{DOC}?{query}&_sort=date")


def test_L65_head_tells_the_length_of_the_answer_to_the_caller_alone(room: Room) -> None:
    headed = room.doctor.send("HEAD", room.hidden[0])
    assert (headed.status, headed.body) == (404, b"")
    assert (
        headed.headers["content-length"]
        == room.doctor.get(room.hidden[0]).headers["content-length"]
    )


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND"])
def test_L65_other_verbs_answer_alike(room: Room, method: str) -> None:
    ids = {"hidden": room.hidden[0].partition("/")[2], "absent": make.new_id()}
    uniform(room.doctor, method, f"{DOC}/{{id}}", **ids)


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-User"])
def test_L65_no_header_changes_the_request(room: Room, name: str) -> None:
    plain = room.doctor.get(room.hidden[0])
    assert told_apart(plain, room.doctor.get(room.hidden[0], **{name: room.shown[0]})) == ""


@pytest.mark.parametrize(
    "query",
    [
        "patient[$ne]=x",
        "_id[$gt]=",
        '_id={{"$gt":""}}',
        "identifier={{$where:1}}",
        "description=.*",
        "description=(a%2B)%2B$",
        "description=^",
        "_id=$ne",
        "status={{'$ne':null}}",
        "patient=Patient/.*",
        "_sort=$where",
        "_sort=acl.labels",
        "acl.labels=N",
        "idx.status=current",
    ],
)
def test_L66_nothing_that_is_sent_is_a_query_of_the_database(room: Room, query: str) -> None:
    reply = room.doctor.get(f"{DOC}?" + query.format())
    assert reply.status == 400 or reply.total == 0
    assert b"mongo" not in reply.body.lower()


def test_L66_operators_in_a_body_are_refused_as_elements(world: World, room: Room) -> None:
    body = make.a_document(room.id).json()
    hostiles: tuple[make.Json, ...] = (
        {"$set": {"a": 1}},
        {"acl": {"labels": []}},
        {"_id": "x"},
        {"idx": {}},
    )
    for hostile in hostiles:
        assert room.doctor.post(DOC, body | hostile).status == 422


@pytest.mark.parametrize(
    "query",
    [
        "security-label=MASQUE_PS",
        "security-label=N",
        "security-label:not=N",
        "security-label:not=MASQUE_PS",
        "security-label:missing=false",
        "_security=MASQUE_PS",
        "_security:not=MASQUE_PS",
        "_security:missing=true",
    ],
)
@pytest.mark.parametrize("more", ["", "&_summary=count"])
def test_L69_labels_as_parameters_find_visible_rows_alone(
    room: Room, twin: Room, query: str, more: str
) -> None:
    same(room, twin, f"{DOC}?patient={{patient}}&{query}&_sort=date{more}")
