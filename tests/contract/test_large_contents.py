"""A Binary's content that is too large to be held comes back, by part, version and right (ADR 0015)."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from lxml import etree

from fhir_server.http.body import LARGEST_HELD
from fhir_server.store.mongo.large import PIECE
from tests.contract.shelf import PDF, SCAN, SUBSETTED, Shelf, deposit, native, tags
from tests.contract.shelf import shelf as shelf
from tests.support import resources as make
from tests.support.people import a_doctor, the_patient
from tests.support.replies import FHIR_JSON, entry
from tests.support.world import World

# A Binary that is streamed


def test_a_large_content_comes_back_to_the_byte(world: World, shelf: Shelf) -> None:
    files, _, chunks = shelf()
    made = deposit(world.trusted)
    assert shelf() == (files + 1, 0, chunks + 3)
    read = native(world.trusted, made.id)
    assert (read.status, read.headers["content-type"]) == (200, PDF)
    assert read.headers["content-length"] == str(len(SCAN))
    assert read.body == SCAN


def test_what_a_deposit_answers_leaves_the_content_out(world: World) -> None:
    made = deposit(world.trusted)
    assert (made.json["contentType"], tags(made.json)) == (PDF, [SUBSETTED])
    assert "data" not in made.json
    assert made.headers["location"].endswith(f"/Binary/{made.id}/_history/1")


def test_a_large_content_is_the_data_of_the_resource_in_json(world: World) -> None:
    made = deposit(world.trusted)
    for path in (f"Binary/{made.id}", f"Binary/{made.id}/_history/1"):
        read = world.trusted.get(path)
        assert read.headers["content-length"] == str(len(read.body))
        assert b64decode(read.json["data"], validate=True) == SCAN
        assert (read.json["id"], read.json["contentType"]) == (made.id, PDF)
        assert tags(read.json) == []


def test_a_large_content_is_the_data_of_the_resource_in_xml(world: World) -> None:
    made = deposit(world.trusted)
    read = world.trusted.get(f"Binary/{made.id}", Accept="application/fhir+xml")
    assert read.headers["content-length"] == str(len(read.body))
    assert read.headers["content-type"].startswith("application/fhir+xml")
    root = etree.fromstring(read.body, etree.XMLParser(huge_tree=True))
    names = [etree.QName(child).localname for child in root]
    assert names == ["id", "meta", "contentType", "data"]
    assert b64decode(root[-1].get("value") or "", validate=True) == SCAN


@pytest.mark.parametrize(
    ("asked", "has_data"),
    [
        ("_summary=true", False),
        ("_summary=text", False),
        ("_summary=data", True),
        ("_elements=contentType", False),
        ("_elements=data", True),
        ("_elements=Binary.data", True),
    ],
)
def test_a_part_has_the_content_only_when_it_says_so(
    world: World, asked: str, has_data: bool
) -> None:
    made = deposit(world.trusted)
    read = world.trusted.get(f"Binary/{made.id}?{asked}")
    assert tags(read.json) == [SUBSETTED]
    assert ("data" in read.json) is has_data
    if has_data:
        assert b64decode(read.json["data"]) == SCAN


def test_what_is_streamed_is_neither_indented_nor_compressed(world: World) -> None:
    made = deposit(world.trusted)
    plain = world.trusted.get(f"Binary/{made.id}")
    read = world.trusted.get(f"Binary/{made.id}?_pretty=true", Accept_Encoding="gzip")
    assert "content-encoding" not in read.headers
    assert read.body == plain.body


@pytest.mark.parametrize(
    ("asked", "slice_"),
    [
        ("bytes=0-0", slice(0, 1)),
        (f"bytes={PIECE - 2}-{PIECE + 1}", slice(PIECE - 2, PIECE + 2)),
        (f"bytes={PIECE}-{2 * PIECE - 1}", slice(PIECE, 2 * PIECE)),
        (f"bytes={2 * PIECE}-", slice(2 * PIECE, None)),
        ("bytes=-5", slice(-5, None)),
        (f"bytes=5-{len(SCAN) * 2}", slice(5, None)),
    ],
)
def test_a_range_of_a_large_content_is_a_range_of_its_bytes(
    world: World, asked: str, slice_: slice
) -> None:
    made = deposit(world.trusted)
    read = native(world.trusted, made.id, Range=asked)
    first, last, _ = slice_.indices(len(SCAN))
    assert (read.status, read.body) == (206, SCAN[slice_])
    assert read.headers["content-range"] == f"bytes {first}-{last - 1}/{len(SCAN)}"
    assert read.headers["content-length"] == str(last - first)


@pytest.mark.parametrize("asked", [f"bytes={len(SCAN)}-", "bytes=-0", "bytes=9-8"])
def test_a_range_beyond_a_large_content_is_told_its_size(world: World, asked: str) -> None:
    read = native(world.trusted, deposit(world.trusted).id, Range=asked)
    assert (read.status, read.body) == (416, b"")
    assert read.headers["content-range"] == f"bytes */{len(SCAN)}"


def test_head_tells_the_lengths_of_a_large_content(world: World) -> None:
    made = deposit(world.trusted)
    whole = world.trusted.get(f"Binary/{made.id}")
    for accept, length in ((PDF, len(SCAN)), (FHIR_JSON, len(whole.body))):
        head = world.trusted.send("HEAD", f"Binary/{made.id}", Accept=accept)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(length)


def test_a_content_one_byte_over_what_is_held_goes_to_a_file(world: World, shelf: Shelf) -> None:
    files = shelf()[0]
    held = deposit(world.trusted, b"x" * LARGEST_HELD)
    assert shelf()[0] == files
    assert "data" in held.json
    sent = deposit(world.trusted, b"x" * (LARGEST_HELD + 1))
    assert shelf()[0] == files + 1
    assert native(world.trusted, sent.id).body == b"x" * (LARGEST_HELD + 1)


def test_versions_keep_their_own_contents(world: World) -> None:
    id_ = make.new_id()
    path = f"Binary/{id_}"
    for content in (SCAN, b"small", SCAN[::-1]):
        assert world.trusted.send("PUT", path, content, PDF).status in (200, 201)
    assert native(world.trusted, id_).body == SCAN[::-1]
    versions = [world.trusted.get(f"{path}/_history/{n}").json for n in (1, 2, 3)]
    assert [b64decode(one["data"]) for one in versions] == [SCAN, b"small", SCAN[::-1]]


def test_a_deleted_content_is_gone_and_its_version_is_still_there(world: World) -> None:
    made = deposit(world.trusted)
    world.lacks(f"Binary/{made.id}")
    assert native(world.trusted, made.id).status == 410
    old = world.trusted.get(f"Binary/{made.id}/_history/1")
    assert b64decode(old.json["data"]) == SCAN
    entries = world.trusted.get(f"Binary/{made.id}/_history").entries
    assert [one["request"]["method"] for one in entries] == ["DELETE", "POST"]


def test_a_patch_keeps_the_content(world: World) -> None:
    made = deposit(world.trusted)
    path = f"Binary/{made.id}"
    change = {"op": "replace", "path": "/contentType", "value": "image/tiff"}
    assert world.trusted.patch(path, change).status == 200
    assert world.trusted.get(path, Accept="image/tiff").body == SCAN


def test_a_patch_that_gives_another_content_replaces_it(world: World) -> None:
    made = deposit(world.trusted)
    path = f"Binary/{made.id}"
    change = {"op": "add", "path": "/data", "value": b64encode(b"small").decode()}
    assert world.trusted.patch(path, change).status == 200
    assert native(world.trusted, made.id).body == b"small"


def test_a_resource_put_in_the_place_of_a_large_content_has_none(world: World) -> None:
    made = deposit(world.trusted)
    bare = {"resourceType": "Binary", "id": made.id, "contentType": PDF}
    assert world.trusted.put(bare).status == 200
    assert native(world.trusted, made.id).body == b""


@pytest.mark.parametrize("where", ["search", "history", "history of all", "batch"])
def test_in_a_bundle_a_large_content_is_left_out_and_that_is_said(world: World, where: str) -> None:
    id_ = deposit(world.trusted).id
    match where:
        case "search":
            found = world.trusted.get(f"Binary?_id={id_}")
        case "history":
            found = world.trusted.get(f"Binary/{id_}/_history")
        case "history of all":
            found = world.trusted.get("_history?_count=1")
        case _:
            found = world.trusted.transact(entry("GET", f"Binary/{id_}"), kind="batch")
    assert found.status == 200
    [shown] = [one["resource"] for one in found.entries]
    assert (shown["id"], shown["contentType"], tags(shown)) == (id_, PDF, [SUBSETTED])
    assert "data" not in shown


def test_what_the_caller_has_is_not_sent_again(world: World) -> None:
    made = deposit(world.trusted)
    read = native(world.trusted, made.id, If_None_Match='W/"1"')
    assert (read.status, read.body) == (304, b"")


# Who may


def test_a_large_content_is_hidden_like_any_other(world: World) -> None:
    """L34, L17."""
    doctor, stranger = a_doctor(), the_patient(world.patient())
    anna = world.patient()
    world.team(anna, doctor)
    made = deposit(world.trusted, X_Security_Context=f"Patient/{anna}")
    assert native(world.as_(doctor), made.id).body == SCAN
    for id_ in (made.id, make.new_hex()):
        for accept in (PDF, FHIR_JSON):
            read = world.as_(stranger).get(f"Binary/{id_}", Accept=accept, Range="bytes=0-1")
            assert (read.status, read.issue["code"]) == (404, "not-found")


def test_a_document_that_is_masked_hides_its_large_content(world: World) -> None:
    """L34."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    made = deposit(world.trusted)
    document = make.a_document(anna).attached(f"Binary/{made.id}")
    world.has(document)
    assert native(world.as_(doctor), made.id).body == SCAN
    world.has(document.masked())
    assert native(world.as_(doctor), made.id).status == 404


def test_a_read_of_a_large_content_leaves_its_trace(world: World) -> None:
    made = deposit(world.trusted)
    name = make.new_id()
    native(world.trusted, made.id, X_Request_Id=name)
    [event] = world.traces(request_id=name)
    assert event["action"] == "R"
