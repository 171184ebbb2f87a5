"""L35, L37, L39, L58: what is derived from many resources is derived from what is visible."""

from __future__ import annotations

import pytest

from tests.leaks.conftest import Room, bare, same, uniform
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import told_apart
from tests.support.world import World

DOC = "DocumentReference"


def documented(world: World, room: Room) -> str:
    """Let the record have a Composition of all its documents; return its id."""
    return world.has(make.a_composition(room.id, *room.shown, *room.hidden))


def test_L35_a_document_bundle_is_assembled_of_what_is_visible(world: World, room: Room) -> None:
    path = f"Composition/{documented(world, room)}/$document"
    reply = room.doctor.get(path)
    inside = {ref for ref in reply.refs if ref.startswith(f"{DOC}/")}
    assert (reply.status, inside) == (200, set(room.shown))
    for ref in room.hidden:
        assert bare(ref).encode() not in reply.body
    assert set(room.hidden) <= world.trusted.get(path).refs


def test_L35_a_document_whose_every_part_is_hidden_is_no_document(world: World, room: Room) -> None:
    hidden = world.has(make.a_composition(room.id, *room.hidden))
    ids = {"hidden": hidden, "absent": make.new_id()}
    assert uniform(room.doctor, "GET", "Composition/{id}/$document", **ids).status == 404


@pytest.mark.parametrize(
    "form", ["_format=xml", "_elements=entry", "_summary=true", "_pretty=true"]
)
def test_L35_no_form_of_an_answer_brings_back_what_was_pruned(
    world: World, room: Room, form: str
) -> None:
    listed = world.has(make.a_list(room.id, *room.shown, *room.hidden))
    reply = room.doctor.get(f"List/{listed}?{form}")
    assert reply.status == 200
    assert not [ref for ref in room.hidden if bare(ref).encode() in reply.body]


@pytest.mark.parametrize("name", ["$summary", "$docref?patient=x", "$thumbnail", "$convert"])
def test_L35_what_is_derived_elsewhere_is_not_offered_for_hidden_or_absent(
    room: Room, name: str
) -> None:
    ids = {"hidden": bare(room.hidden[0]), "absent": make.new_id()}
    assert uniform(room.doctor, "GET", f"{DOC}/{{id}}/{name}", **ids).status == 404


@pytest.mark.parametrize("code", ["submissionset", "folder"])
def test_L37_a_submission_set_counts_the_documents_that_are_visible(
    world: World, room: Room, code: str
) -> None:
    """MHD ITI-66: a List's entries are what its reader counts."""
    kind = make.concept(code, "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes")
    found = []
    for refs in ((*room.shown, *room.hidden), room.shown):
        body = make.a_list(room.id, *refs, code=kind)
        world.has(body)
        reply = room.doctor.get(f"List?_id={body['id']}&code={code}&_include=List:item")
        assert reply.refs == {f"List/{body['id']}", *room.shown}
        (listed,) = (one["resource"] for one in reply.entries if one["search"]["mode"] == "match")
        assert [one["item"]["reference"] for one in listed["entry"]] == list(room.shown)
        found.append((reply, body["id"]))
    (full, one), (pruned, other) = found
    assert told_apart(full, pruned, one, other) == ""


@pytest.mark.parametrize("query", ["", "?_type=DocumentReference", "?start=2020-01-01"])
def test_L39_everything_of_a_record_is_what_is_visible(room: Room, twin: Room, query: str) -> None:
    totals = []
    for one in (room, twin):
        reply = one.doctor.get(f"Patient/{one.id}/$everything{query}")
        assert {ref for ref in reply.refs if ref.startswith(f"{DOC}/")} == set(one.shown)
        totals.append(reply.total)
    assert totals[0] == totals[1]


def test_L39_everything_in_pages_visits_the_visible_documents_once(room: Room) -> None:
    path = f"Patient/{room.id}/$everything?_type=DocumentReference&_count=1"
    pages = room.doctor.walk(path)
    walked = [ref for page in pages for ref in page.refs if ref.startswith(f"{DOC}/")]
    assert sorted(walked) == sorted(room.shown)


@pytest.mark.parametrize("path", ["$graphql", f"{DOC}/{{id}}/$graphql", f"{DOC}/{{id}}/$graph"])
def test_L39_no_graph_is_walked_for_anybody(world: World, room: Room, path: str) -> None:
    ids = {"hidden": bare(room.hidden[0]), "absent": make.new_id()}
    for caller in (room.doctor, world.trusted):
        assert uniform(caller, "GET", f"{path}?query={{{{id}}}}", **ids).status == 404


@pytest.mark.parametrize(
    "path",
    [
        f"{DOC}?_summary=count",
        f"{DOC}?type=11502-2&_summary=count",
        f"{DOC}?patient={{patient}}&type=11502-2&_summary=count",
        f"?_type={DOC},Patient&_summary=count",
        f"{DOC}/$meta",
    ],
)
def test_L58_what_counts_or_gathers_does_so_over_visible_rows(
    room: Room, twin: Room, path: str
) -> None:
    same(room, twin, path)


def test_L58_a_count_over_all_records_is_nothing_to_who_is_linked_to_none(
    world: World, room: Room
) -> None:
    for path in (f"{DOC}?_summary=count", "?_type=Patient,List&_summary=count", "Patient?_count=0"):
        assert world.as_(a_doctor()).get(path).total == 0


@pytest.mark.parametrize(
    "path",
    ["Observation/$stats", "Observation/$lastn", "ValueSet/$expand", "Patient/$match", "$sqlquery"],
)
def test_L58_aggregates_are_not_offered(world: World, room: Room, path: str) -> None:
    """Closed: whoever offers one of these decides first how small a cell may be."""
    offered = world.trusted.get("metadata").body.decode()
    name = path.rpartition("$")[2]
    assert f"/{name}" not in offered
    assert f'"name":"{name}"' not in offered
    for caller in (room.doctor, world.trusted):
        assert caller.get(path).status == 404
