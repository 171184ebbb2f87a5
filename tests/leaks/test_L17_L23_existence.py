"""L17 to L23: hidden, deleted while hidden, and absent are one and the same answer."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Requester
from tests.leaks.conftest import Room, bare, furnish, uniform
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    a_hospital,
    an_administrator,
    an_auditor,
    someone,
    the_patient,
)
from tests.support.replies import JSON_PATCH, told_apart
from tests.support.world import World

MASK = [{"op": "add", "path": "/securityLabel/-", "value": make.label("MASQUE_PS")}]
DOC = "DocumentReference"


def three(world: World, room: Room) -> dict[str, str]:
    """Return an id that is masked, one that was deleted while masked, and one that never was."""
    gone = world.document(room.id, "MASQUE_PS")
    world.lacks(f"{DOC}/{gone}")
    return {"masked": bare(room.hidden[0]), "gone": gone, "absent": make.new_id()}


@pytest.mark.parametrize("accept", ["application/fhir+json", "*/*", "application/json", ""])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["{id}", "{id}/_history", "{id}/_history/1", "{id}/_history/2", "{id}?_pretty=true"]
)
def test_L17_L18_L20_reads_tell_nothing(
    world: World, room: Room, method: str, path: str, accept: str
) -> None:
    ids = three(world, room)
    reply = uniform(room.doctor, method, f"{DOC}/{path}", Accept=accept, **ids)
    assert reply.status == 404


@pytest.mark.parametrize("form", ["", "?_format=xml", "?_pretty=true", "?_summary=true"])
def test_L18_the_outcome_says_the_same_words_and_the_same_code(
    world: World, room: Room, form: str
) -> None:
    ids = three(world, room)
    reply = uniform(room.doctor, "GET", f"{DOC}/{{id}}{form}", **ids)
    assert reply.status == 404
    for word in (b"forbidden", b"suppressed", b"security", b"deleted", b"MASQUE"):
        assert word not in reply.body
    if "xml" not in form:
        assert reply.issue["code"] == "not-found"
        assert reply.issue["diagnostics"] == f"{DOC}/{ids['masked']} is not known"


@pytest.mark.parametrize("path", ["{type}/_history", "_history", "{type}/_history?_count=1"])
def test_L20_no_history_lists_what_is_hidden_or_was_deleted_while_hidden(
    world: World, room: Room, path: str
) -> None:
    ids = three(world, room)
    pages = room.doctor.walk(path.format(type=DOC))
    told = {one["fullUrl"].rpartition("/")[2] for page in pages for one in page.entries}
    assert {bare(ref) for ref in room.shown} <= told
    assert not told & {*ids.values(), *map(bare, room.hidden)}
    assert len(told) <= pages[0].total


@pytest.mark.parametrize(
    "make_hidden",
    [
        lambda of: make.an_observation(of, "MASQUE_PS"),
        lambda of: make.an_encounter(of, "MASQUE_PS"),
        lambda of: make.a_list(of, f"{DOC}/masked"),
        lambda of: make.a_patient(),
        lambda of: make.a_binary(),
        lambda of: make.a_provenance(of, f"{DOC}/masked"),
        lambda of: {"resourceType": "Group", "id": make.new_id(), "type": "person", "actual": True},
    ],
    ids=["Observation", "Encounter", "List", "Patient", "Binary", "Provenance", "Group"],
)
def test_L17_every_kind_of_thing_hides_alike(world: World, room: Room, make_hidden: object) -> None:
    assert callable(make_hidden)
    body = make_hidden(room.id)
    if body["resourceType"] == "List":
        body["entry"] = [{"item": make.reference(room.hidden[0])}]
    hidden, absent = world.has(body), make.new_id()
    path = f"{body['resourceType']}/{{id}}"
    assert uniform(room.doctor, "GET", path, hidden=hidden, absent=absent).status == 404
    uniform(room.doctor, "GET", path + "/_history/1", hidden=hidden, absent=absent)
    uniform(room.doctor, "DELETE", path, hidden=hidden, absent=absent)
    uniform(room.doctor, "PUT", path, body, hidden=hidden, absent=absent)


@pytest.mark.parametrize(
    "who",
    [
        a_doctor(),
        a_hospital(),
        an_auditor(),
        an_administrator(),
        the_patient("someone-else"),
        *(someone(kind) for kind in (Kind.BANK, Kind.SECRETARY, Kind.INSURER)),
        Requester(Kind.HEALTH_INSURANCE_FEED),
    ],
    ids=lambda who: who.kind,
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_L17_whoever_asks(world: World, who: Requester, method: str) -> None:
    room = furnish(world, hidden=0)
    ids = {"hidden": bare(room.shown[0]), "absent": make.new_id()}
    body = {"PUT": make.a_document(room.id).json(), "PATCH": MASK}.get(method)
    type_ = JSON_PATCH if method == "PATCH" else "application/fhir+json"
    uniform(world.as_(who), method, f"{DOC}/{{id}}", body, type_=type_, **ids)


def test_L19_an_older_version_that_was_open_is_hidden_now(world: World) -> None:
    room = furnish(world, hidden=0)
    ref = room.shown[0]
    assert room.doctor.get(f"{ref}/_history/1").status == 200
    document = make.a_document(room.id).but(id=bare(ref))
    world.has(document.masked())
    absent = make.new_id()
    for path in ("{id}/_history/1", "{id}/_history/2", "{id}/_history/99", "{id}/_history"):
        uniform(room.doctor, "GET", f"{DOC}/{path}", masked=bare(ref), absent=absent)


def test_L19_an_older_version_that_was_masked_stays_hidden(world: World, room: Room) -> None:
    ref = room.hidden[0]
    world.has(make.a_document(room.id).but(id=bare(ref)).unmasked())
    assert room.doctor.get(ref).status == 200
    old = room.doctor.get(f"{ref}/_history/1")
    never = room.doctor.get(f"{ref}/_history/9")
    assert old.status == never.status == 404
    assert told_apart(old, never, "_history/1", "_history/9") == ""
    history = room.doctor.get(f"{ref}/_history")
    assert (history.total, len(history.entries)) == (1, 1)


def test_L21_a_deletion_keeps_the_last_labels(world: World, room: Room) -> None:
    world.lacks(room.hidden[0])
    world.lacks(room.shown[0])
    assert room.doctor.get(room.shown[0]).status == 410
    absent = make.new_id()
    path = f"{DOC}/{{id}}"
    uniform(room.doctor, "GET", path, gone=bare(room.hidden[0]), absent=absent)
    uniform(room.doctor, "GET", path + "/_history", gone=bare(room.hidden[0]), absent=absent)
    stranger = world.as_(a_doctor())
    for ref in (room.hidden[0], room.shown[0]):
        uniform(stranger, "GET", path, gone=bare(ref), absent=absent)


def test_L21_the_record_of_a_deleted_document_still_decides(world: World, room: Room) -> None:
    world.lacks(room.shown[0])
    world.consent(room.id, "deny", room.who)
    ids = {"gone": bare(room.shown[0]), "absent": make.new_id()}
    assert uniform(room.doctor, "GET", f"{DOC}/{{id}}", **ids).status == 404


@pytest.mark.parametrize("tag", ['W/"1"', 'W/"2"', '"1"', "*"])
def test_L22_a_tag_probes_nothing(world: World, room: Room, tag: str) -> None:
    for id_ in three(world, room).values():
        plain = room.doctor.get(f"{DOC}/{id_}")
        probed = room.doctor.get(f"{DOC}/{id_}", If_None_Match=tag)
        assert told_apart(plain, probed) == ""
        since = room.doctor.get(f"{DOC}/{id_}", If_Modified_Since="Thu, 01 Jan 2099 00:00:00 GMT")
        assert told_apart(plain, since) == ""


@pytest.mark.parametrize("tag", ['W/"1"', 'W/"7"', '"1"', "nonsense"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_L23_a_precondition_is_looked_at_by_who_may_write_only(
    world: World, room: Room, method: str, tag: str
) -> None:
    body = {"PUT": make.a_document(room.id).json(), "PATCH": MASK}.get(method)
    type_ = JSON_PATCH if method == "PATCH" else "application/fhir+json"
    ids = three(world, room)
    reply = uniform(room.doctor, method, f"{DOC}/{{id}}", body, type_=type_, If_Match=tag, **ids)
    assert reply.status == 404
