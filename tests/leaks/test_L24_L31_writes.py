"""L24 to L31: conditions, chosen ids, bundles and references tell nothing of what is hidden."""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, bare, uniform
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.replies import Json, Reply, differ, entry, told_apart
from tests.support.world import World

DOC = "DocumentReference"


def number(ref: str) -> str:
    """Return the identifier of a document by its reference, as a search value."""
    return f"urn:ietf:rfc:3986|urn:oid:2.25.{int(bare(ref).encode().hex(), 16)}"


def stray() -> str:
    """Return the reference of a document that never was."""
    return f"{DOC}/{make.new_id()}"


def new(room: Room, like: str) -> Json:
    """Return a document with the identifier of the document `like`."""
    given = make.a_document(room.id).but(identifier=str(int(bare(like).encode().hex(), 16)))
    return given.json()


def created(reply: Reply) -> tuple[int, int]:
    return reply.status, len(reply.body)


def test_L24_a_conditional_create_meets_what_is_visible_alone(room: Room) -> None:
    for ref, status in ((room.shown[0], 200), (room.hidden[0], 201), (stray(), 201)):
        reply = room.doctor.post(
            DOC, new(room, ref), If_None_Exist=f"identifier={number(ref)}&_id={bare(ref)}"
        )
        assert reply.status == status


def test_L24_a_taken_identifier_and_a_free_one_create_alike(room: Room) -> None:
    replies = []
    for ref in (room.hidden[0], stray()):
        made = room.doctor.post(DOC, new(room, ref), If_None_Exist=f"identifier={number(ref)}")
        replies.append((made, made.id, str(int(bare(ref).encode().hex(), 16))))
    (first, *names), (second, *others) = replies
    assert told_apart(first, second, *names, *others) == ""


@pytest.mark.parametrize(
    "query", ["identifier={number}", "_id={id}", "identifier={number}&status=current"]
)
def test_L25_a_conditional_patch_is_narrowed_first(room: Room, query: str) -> None:
    mask = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
    replies = []
    absent = stray()
    for ref in (room.hidden[0], absent):
        path = f"{DOC}?" + query.format(number=number(ref), id=bare(ref))
        replies.append(room.doctor.patch(path, mask))
    assert replies[0].status == 404
    assert told_apart(replies[0], replies[1], *room.names, bare(absent)) == ""


def test_L25_a_hidden_second_match_makes_no_multiple(world: World, room: Room) -> None:
    twin_of_shown = make.a_document(room.id).masked()
    shared = str(int(bare(room.shown[0]).encode().hex(), 16))
    world.has(twin_of_shown.but(identifier=shared))
    mask = {"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}
    assert room.doctor.patch(f"{DOC}?identifier={number(room.shown[0])}", mask).status == 200


def test_L26_no_id_can_be_taken_or_probed_by_a_put(world: World, room: Room) -> None:
    other = world.document(world.patient())
    ids = {"masked": bare(room.hidden[0]), "other": other, "absent": make.new_id()}
    body = make.a_document(room.id).json()
    assert uniform(room.doctor, "PUT", f"{DOC}/{{id}}", body, **ids).status == 404
    assert uniform(world.as_(a_hospital()), "PUT", f"{DOC}/{{id}}", body, **ids).status == 404


def test_L27_an_identifier_that_is_taken_is_no_secret_to_tell(world: World, room: Room) -> None:
    statuses = {
        room.doctor.post(DOC, new(room, ref)).status
        for ref in (room.hidden[0], room.shown[0], stray())
    }
    assert statuses == {201}


def test_L27_a_deletion_tells_nothing_of_hidden_referrers(world: World) -> None:
    hospital, anna = a_hospital(), world.patient()
    caller = world.as_(hospital)
    replies = []
    for referred in (True, False):
        made = caller.post(DOC, make.a_document(anna).json())
        if referred:
            world.has(make.a_list(anna, f"{DOC}/{made.id}"))
        replies.append(caller.delete(f"{DOC}/{made.id}"))
    assert differ(replies) == ""
    assert replies[0].status == 204


def test_L28_a_test_operation_on_what_is_hidden_tells_nothing(room: Room) -> None:
    absent = make.new_id()
    replies = [
        room.doctor.patch(f"{DOC}/{id_}", {"op": "test", "path": "/status", "value": value})
        for id_ in (bare(room.hidden[0]), absent)
        for value in ("current", "superseded")
    ]
    for reply in replies[1:]:
        assert told_apart(replies[0], reply, bare(room.hidden[0]), absent) == ""


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(
    "url",
    [
        "{ref}",
        "{ref}/_history",
        "{ref}/_history/1",
        f"{DOC}?_id={{id}}",
        f"{DOC}?_id={{id}}&_summary=count",
    ],
)
def test_L29_reads_inside_a_bundle_see_no_more(room: Room, kind: str, url: str) -> None:
    absent = stray()
    replies = [
        room.doctor.transact(entry("GET", url.format(ref=ref, id=bare(ref))), kind=kind)
        for ref in (room.hidden[0], absent)
    ]
    assert differ(replies, bare(room.hidden[0]), bare(absent)) == ""
    assert b"Compte rendu" not in replies[0].body


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_L29_writes_inside_a_bundle_meet_the_same_refusal(
    room: Room, kind: str, method: str
) -> None:
    absent = stray()
    replies = []
    for ref in (room.hidden[0], absent):
        body: Json | None = None
        if method == "PUT":
            body = make.a_document(room.id).json() | {"id": bare(ref)}
        elif method == "PATCH":
            patch = b'[{"op":"remove","path":"/securityLabel/1"}]'
            body = make.a_binary(patch, contentType="application/json-patch+json")
            del body["id"]
        good = entry("POST", DOC, make.a_document(room.id).json())
        bundle = [entry(method, ref, body)] if kind == "batch" else [good, entry(method, ref, body)]
        replies.append(room.doctor.transact(*bundle, kind=kind))
    assert differ(replies, bare(room.hidden[0]), bare(absent)) == ""
    if kind == "transaction":
        assert replies[0].status == 404
        assert room.doctor.get(f"{DOC}?patient={room.id}").total == 3


@pytest.mark.parametrize(
    "condition",
    [f"{DOC}?identifier={{number}}", f"{DOC}?_id={{id}}", f"{DOC}?_id={{id}}&status=current"],
)
def test_L30_a_conditional_reference_resolves_nothing_hidden(room: Room, condition: str) -> None:
    absent = stray()
    replies = []
    for ref in (room.hidden[0], absent):
        asked = condition.format(number=number(ref), id=bare(ref))
        pointer = make.a_list(room.id, asked)
        del pointer["id"]
        replies.append(room.doctor.transact(entry("POST", "List", pointer)))
    assert replies[0].status == 412
    assert differ(replies, *room.names, bare(absent)) == ""


def test_L30_an_ins_resolves_to_who_feeds_and_opens_nothing(world: World) -> None:
    body = make.a_patient()
    anna, ins = world.has(body), body["identifier"][0]["value"]
    hospital = world.as_(a_hospital())
    document = make.a_document("x").json() | {
        "subject": {"reference": f"Patient?identifier={make.INS}|{ins}"}
    }
    done = hospital.transact(entry("POST", DOC, document))
    assert done.status == 200
    assert anna.encode() not in done.body
    assert hospital.get(f"Patient/{anna}").status == 404
    assert world.trusted.get(f"{DOC}?patient={anna}").total == 1


def test_L30_other_identifiers_of_an_unknown_patient_do_not_resolve(world: World) -> None:
    body = make.a_patient(identifier=[{"system": "urn:ipp", "value": make.new_id()}])
    world.has(body)
    value = body["identifier"][0]["value"]
    hospital = world.as_(a_hospital())
    absent = make.new_id()
    replies = []
    for asked in (value, absent):
        document = make.a_document("x").json() | {
            "subject": {"reference": f"Patient?identifier=urn:ipp|{asked}"}
        }
        replies.append(hospital.transact(entry("POST", DOC, {**document, "id": "same"})))
    assert replies[0].status == 412
    assert differ(replies, value, absent) == ""


@pytest.mark.parametrize("where", ["List", "relatesTo"])
def test_L31_a_reference_to_what_is_hidden_is_stored_like_one_to_nothing(
    world: World, room: Room, where: str
) -> None:
    absent = stray()
    replies = []
    for ref in (room.hidden[0], absent):
        if where == "List":
            body = make.a_list(room.id, ref)
        else:
            body = make.a_document(room.id).replacing(ref).json()
        made = room.doctor.post(body["resourceType"], body)
        again = room.doctor.get(f"{body['resourceType']}/{made.id}")
        numbers = [str(int(body["id"].encode().hex(), 16)), made.id, bare(ref)]
        replies.append((made, again, numbers))
    (made, again, names), (made2, again2, names2) = replies
    assert told_apart(made, made2, *names, *names2) == ""
    assert told_apart(again, again2, *names, *names2) == ""


def test_L31_no_link_of_one_s_own_opens_anything(world: World, room: Room) -> None:
    hidden = room.hidden[0]
    room.doctor.post("List", make.a_list(room.id, hidden))
    room.doctor.post(DOC, make.a_document(room.id).replacing(hidden).json())
    stranger = a_doctor()
    mine = world.patient(stranger)
    caller = world.as_(stranger)
    caller.post("List", make.a_list(mine, hidden, room.shown[0]))
    caller.post(DOC, make.a_document(mine).replacing(room.shown[0]).json())
    assert room.doctor.get(hidden).status == 404
    assert caller.get(room.shown[0]).status == 404
    assert caller.get(f"List?item={room.shown[0]}&_include=List:item").total == 0


def test_L31_a_list_in_another_record_shows_no_more_of_a_stranger_s_document(
    world: World, room: Room
) -> None:
    anna = world.patient()
    holder = world.as_(the_patient(anna))
    absent = stray()
    replies = []
    for ref in (room.shown[0], absent):
        made = holder.post("List", make.a_list(anna, ref))
        replies.append((holder.get(f"List/{made.id}"), made.id))
    (first, one), (second, two) = replies
    assert told_apart(first, second, one, two, bare(room.shown[0]), bare(absent)) == ""


def test_L31_nobody_replaces_in_the_name_of_another(world: World, room: Room) -> None:
    author = a_doctor()
    hidden = make.a_document(room.id).by(author).masked()
    shown = make.a_document(room.id).by(author)
    for document in (hidden, shown):
        world.has(document)
    replies = []
    for ref in (hidden.ref, stray(), shown.ref):
        body = make.a_document(room.id).by(author).replacing(ref).masked().json()
        made = room.doctor.post(DOC, body)
        number_ = str(int(body["id"].encode().hex(), 16))
        replies.append((made, made.id, number_, bare(ref)))
    for reply, *names in replies[1:]:
        assert told_apart(replies[0][0], reply, *replies[0][1:], *names) == ""
    assert room.doctor.get(shown.ref).json["status"] == "current"
