"""What is too large for a row, or to be held at all (ADR 0015): bytes in, bytes out."""

from __future__ import annotations

import io
import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lxml import etree

from fhir_server.http.body import LARGEST_HELD
from fhir_server.records.weight import HEAVIEST
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.large import CHUNKS, FILES, PIECE
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.uploads import LARGEST_ROW
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, an_auditor, the_patient
from tests.support.replies import FHIR_JSON, Caller, Reply, entry
from tests.support.world import World

PDF = "application/pdf"
SCAN = random.Random(15).randbytes(2 * PIECE + 1_000_001)  # three chunks, no multiple of three
LARGE = "x" * LARGEST_ROW  # base64 of something
HEAVY = "x" * (HEAVIEST // 12 * 4 + 4)  # two of them fit on a page, three don't
SUBSETTED = "SUBSETTED"


class Shelf:
    """The collections in which files lie."""

    def __init__(self, database: Any) -> None:
        self.files, self.chunks = database[FILES], database[CHUNKS]

    def __call__(self) -> tuple[int, int, int]:
        """Return how many files there are, how many of them pending, and how many chunks."""
        pending = self.files.count_documents({"pending": {"$exists": True}})
        return self.files.count_documents({}), pending, self.chunks.count_documents({})

    def lose_newest(self) -> None:
        """Lose the content of the file that was begun last."""
        [newest] = self.files.find().sort("uploadDate", -1).limit(1)
        assert self.chunks.delete_many({"files_id": newest["_id"]}).deleted_count


@pytest.fixture
def shelf(mongo_uri: str, module_database_name: str, world: World) -> Iterator[Shelf]:
    world.patient()
    with connect(mongo_uri) as client:
        yield Shelf(client[module_database_name])


@pytest.fixture
def unchanged(shelf: Shelf, world: World) -> Iterator[None]:
    """Nothing may be stored meanwhile, neither a file nor a resource."""
    before = shelf(), world.counts()
    yield
    assert (shelf(), world.counts()) == before


def deposit(by: Caller, content: bytes = SCAN, **headers: str) -> Reply:
    reply = by.send("POST", "Binary", content, PDF, **headers)
    assert reply.status == 201, reply.body
    return reply


def tags(resource: dict[str, Any]) -> list[str]:
    return [tag["code"] for tag in resource["meta"].get("tag", ())]


def native(by: Caller, id_: str, **headers: str) -> Reply:
    return by.get(f"Binary/{id_}", Accept=PDF, **headers)


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


class Untouched(io.BytesIO):
    """A body that nobody may read."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("the body was read")


def unread(world: World, who: Any, method: str, path: str, **headers: str) -> Reply:
    """Send a large body that must be refused before any of it is read."""
    caller = world.as_(who) if who is not None else world.trusted
    sent = caller._headers | {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply.of(
        caller._client.open(
            f"/fhir/{path}",
            method=method,
            headers=sent,
            input_stream=Untouched(),
            content_type=headers.get("type", PDF),
            environ_overrides={"CONTENT_LENGTH": str(len(SCAN))},
        )
    )


@pytest.mark.usefixtures("unchanged")
def test_who_may_not_deposit_is_told_before_the_body_is_read(world: World) -> None:
    name = make.new_id()
    reply = unread(world, an_auditor(), "POST", "Binary", X_Request_Id=name)
    assert (reply.status, reply.issue["code"]) == (403, "forbidden")
    assert [event["outcome"] for event in world.traces(request_id=name)] == ["4"]


def test_who_may_not_replace_is_told_before_the_body_is_read(world: World, shelf: Shelf) -> None:
    made = deposit(world.as_(a_hospital()))
    before = shelf()
    for id_ in (made.id, make.new_hex()):
        reply = unread(world, a_hospital(), "PUT", f"Binary/{id_}")
        assert (reply.status, reply.issue["code"]) == (404, "not-found")
    assert shelf() == before


def test_a_version_that_is_not_there_is_told_before_the_body_is_read(world: World) -> None:
    made = deposit(world.trusted)
    reply = unread(world, None, "PUT", f"Binary/{made.id}", If_Match='W/"7"')
    assert (reply.status, reply.issue["code"]) == (412, "conflict")


def test_a_conditional_create_that_finds_something_reads_no_body(world: World) -> None:
    made = deposit(world.trusted)
    reply = unread(world, None, "POST", "Binary", If_None_Exist=f"_id={made.id}")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["location"].endswith(f"/Binary/{made.id}/_history/1")


@pytest.mark.usefixtures("unchanged")
def test_a_type_that_is_none_is_told_before_the_body_is_read(world: World) -> None:
    reply = unread(world, None, "POST", "Binary", type=" a b ")
    assert (reply.status, reply.issue["expression"]) == (422, ["Binary.contentType"])


# What goes wrong


class Cut(io.BytesIO):
    """A body whose sender goes away."""

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if not found:
            raise OSError("connection reset by peer")
        return found


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [io.BytesIO, Cut])
@pytest.mark.parametrize("arrived", [0, 1, PIECE, 2 * PIECE + 1])
def test_a_body_that_stops_midway_leaves_nothing(
    world: World, body: Callable[[bytes], io.BytesIO], arrived: int
) -> None:
    reply = Reply.of(
        world.trusted._client.post(
            "/fhir/Binary",
            input_stream=body(SCAN[:arrived]),
            content_type=PDF,
            environ_overrides={"CONTENT_LENGTH": str(len(SCAN))},
        )
    )
    assert (reply.status, reply.issue["code"]) == (400, "invalid")


@pytest.mark.usefixtures("unchanged")
def test_a_content_over_the_limit_is_refused_unread(world: World) -> None:
    limit = 200 * 1024 * 1024
    reply = Reply.of(
        world.trusted._client.post(
            "/fhir/Binary",
            input_stream=Untouched(),
            content_type=PDF,
            environ_overrides={"CONTENT_LENGTH": str(limit + 1)},
        )
    )
    assert (reply.status, reply.issue["code"]) == (413, "too-long")
    assert str(limit) in reply.issue["diagnostics"]


@pytest.mark.usefixtures("unchanged")
def test_a_content_must_say_its_length(world: World) -> None:
    """A server shows a chunked body that was cut off as if it had ended."""
    reply = Reply.of(
        world.trusted._client.post(
            "/fhir/Binary",
            input_stream=io.BytesIO(b"half of a scan"),
            content_type=PDF,
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
        )
    )
    assert (reply.status, reply.issue["code"]) == (411, "required")


def test_a_write_that_is_refused_at_last_leaves_no_file(world: World, shelf: Shelf) -> None:
    """What was allowed when the body began to arrive may not be any more."""
    id_ = deposit(world.trusted).id
    before = shelf()

    class Meanwhile(io.BytesIO):
        """A body during which somebody else writes."""

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() == 0:
                world.has(make.a_binary(id=id_))
            return super().read(size)

    reply = Reply.of(
        world.trusted._client.put(
            f"/fhir/Binary/{id_}",
            input_stream=Meanwhile(SCAN),
            content_type=PDF,
            headers={"If-Match": 'W/"1"'},
            environ_overrides={"CONTENT_LENGTH": str(len(SCAN))},
        )
    )
    assert (reply.status, reply.issue["code"]) == (412, "conflict")
    assert world.trusted.get(f"Binary/{id_}").headers["etag"] == 'W/"2"'
    assert shelf() == before


def test_a_file_that_can_t_be_read_is_503_and_nothing_else(world: World, shelf: Shelf) -> None:
    made = deposit(world.trusted)
    other = deposit(world.trusted)
    shelf.lose_newest()
    for accept in (PDF, FHIR_JSON, "application/fhir+xml"):
        reply = world.trusted.get(f"Binary/{other.id}", Accept=accept)
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        assert b"OperationOutcome" in reply.body
        assert b"transient" in reply.body
    assert native(world.trusted, made.id).body == SCAN
    assert world.trusted.get(f"Binary?_id={other.id}").status == 200


# Any resource over what a row holds


def a_large_document(of: str, data: str = LARGE, **rest: Any) -> dict[str, Any]:
    return make.a_document(of).json() | holding(data) | rest


def holding(data: str) -> dict[str, Any]:
    return {"content": [{"attachment": {"contentType": PDF, "data": data}}]}


def held_by(document: dict[str, Any]) -> str:
    return str(document["content"][0]["attachment"]["data"])


def test_a_resource_too_large_for_a_row_is_stored_to_the_byte(world: World, shelf: Shelf) -> None:
    files = shelf()[0]
    body = (
        b'{ "resourceType" : "DocumentReference",  "status":"current",\n "content":[{"attachment"'
    )
    body += (
        b':{"contentType":"image/tiff","data":"'
        + b64encode(SCAN * 3)
        + b'"}}], "subject":{"reference":"Patient/'
    )
    body += world.patient().encode() + b'"} }'
    made = world.trusted.send("POST", "DocumentReference", body)
    assert made.status == 201
    assert (shelf()[0], shelf()[1]) == (files + 1, 0)
    read = world.trusted.get(f"DocumentReference/{made.id}")
    assert read.body == made.body
    place = body.index(b",")
    assert read.body.startswith(body[:place])
    assert read.body.endswith(body[place:])


def test_a_json_binary_of_twenty_megabytes_is_stored(world: World) -> None:
    """Before, 413: a row holds 16 MB."""
    content = random.Random(1).randbytes(14 * 1024 * 1024)
    body = make.a_binary(content)
    assert world.trusted.put(body).status == 201
    assert b64decode(world.trusted.get(f"Binary/{body['id']}").json["data"]) == content
    part = world.trusted.get(f"Binary/{body['id']}", Accept="text/plain", Range="bytes=-9")
    assert (part.status, part.body) == (206, content[-9:])


def test_every_read_of_a_large_resource_brings_it_whole(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient(doctor)
    body = a_large_document(anna)
    ref = f"DocumentReference/{body['id']}"
    world.has(body)
    world.has(make.a_list(anna, ref))
    who = world.as_(doctor)
    shown = who.get(ref).json
    assert held_by(shown) == LARGE
    assert who.get(f"{ref}/_history/1").json == shown
    for path in (
        f"DocumentReference?patient={anna}",
        f"List?patient={anna}&_include=List:item",
        f"{ref}/_history",
        f"Patient/{anna}/$everything",
    ):
        found = [one["resource"] for one in who.get(path).entries]
        assert shown in found, path


def test_versions_of_a_large_resource_are_read_each(world: World) -> None:
    body = a_large_document(world.patient())
    written = [LARGE, "AAAA", LARGE + "AAAA"]
    for data in written:
        world.has(body | holding(data))
    ref = f"DocumentReference/{body['id']}"
    found = [held_by(world.trusted.get(f"{ref}/_history/{n}").json) for n in (1, 2, 3)]
    assert found == written
    history = world.trusted.get(f"{ref}/_history").entries
    assert [held_by(one["resource"]) for one in history] == written[::-1]


def test_a_large_resource_is_patched_masked_and_deleted_like_any_other(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    body = a_large_document(anna)
    ref = f"DocumentReference/{body['id']}"
    world.has(body)
    change = {"op": "add", "path": "/docStatus", "value": "final"}
    assert world.trusted.patch(ref, change).json["docStatus"] == "final"
    assert held_by(world.as_(doctor).get(ref).json) == LARGE
    world.has(body | {"securityLabel": [make.label("MASQUE_PS")]})
    assert world.as_(doctor).get(ref).status == 404
    assert world.as_(doctor).get(f"{ref}/_history/1").status == 404
    world.lacks(ref)
    assert world.trusted.get(ref).status == 410


def test_what_the_law_of_a_record_says_is_read_from_a_file_too(world: World) -> None:
    """A Patient with a photo over the size of a row."""
    doctor = a_doctor()
    photo = [{"contentType": "image/png", "data": b64encode(SCAN * 3).decode()}]
    anna = world.patient(doctor, photo=photo)
    document = world.document(anna)
    assert world.as_(doctor).get(f"Patient/{anna}").json["photo"] == photo
    assert world.as_(doctor).get(f"DocumentReference/{document}").status == 200


def test_a_transaction_stores_several_large_resources_or_none(world: World, shelf: Shelf) -> None:
    anna = world.patient()
    files, _, chunks = shelf()
    good, bad = a_large_document(anna), a_large_document(anna, status="tree")
    one = entry("POST", "DocumentReference", good)
    clash = entry("PUT", "Patient/p", make.a_patient(id="p"), ifMatch='W/"7"')
    for second in (entry("POST", "DocumentReference", bad), clash):
        assert world.trusted.transact(one, second).status in (412, 422)
        assert shelf() == (files, 0, chunks)
    both = entry("POST", "DocumentReference", a_large_document(anna))
    assert world.trusted.transact(one, both).status == 200
    assert shelf()[:2] == (files + 2, 0)


def test_a_page_ends_early_when_what_is_on_it_is_heavy(world: World) -> None:
    anna = world.patient()
    made = {world.has(a_large_document(anna, HEAVY)) for _ in range(3)}
    for path in (
        f"DocumentReference?patient={anna}",
        f"Patient/{anna}/$everything?_type=DocumentReference",
    ):
        pages = world.trusted.walk(path)
        assert [len(page.entries) for page in pages] == [2, 1]
        assert {id_ for page in pages for id_ in page.ids} == made
        assert {page.total for page in pages} == {3}


def test_a_history_ends_a_page_early_when_what_is_on_it_is_heavy(world: World) -> None:
    body = a_large_document(world.patient())
    for letter in "abc":
        world.has(body | holding(HEAVY + letter * 4))
    pages = world.trusted.walk(f"DocumentReference/{body['id']}/_history")
    assert [len(page.entries) for page in pages] == [2, 1]
    found = [held_by(one["resource"])[-1] for page in pages for one in page.entries]
    assert found == list("cba")


def test_what_is_included_and_too_heavy_is_refused(world: World) -> None:
    anna = world.patient()
    refs = [f"DocumentReference/{world.has(a_large_document(anna, HEAVY))}" for _ in range(3)]
    world.has(make.a_list(anna, *refs))
    reply = world.trusted.get(f"List?patient={anna}&_include=List:item")
    assert (reply.status, reply.issue["code"]) == (400, "too-costly")


def test_what_may_not_be_known_is_not_read_from_its_file(world: World, shelf: Shelf) -> None:
    """L34: the row decides, so a file that is broken shows nothing of itself."""
    anna = world.patient()
    body = a_large_document(anna)
    world.has(body)
    shelf.lose_newest()
    ref = f"DocumentReference/{body['id']}"
    stranger = world.as_(a_doctor())
    assert stranger.get(ref).status == 404
    assert stranger.get("DocumentReference").total == 0
    assert world.trusted.get(ref).status == 503
    assert world.trusted.get(f"DocumentReference?patient={anna}").status == 503
    assert world.trusted.get(f"DocumentReference?patient={anna}&_summary=count").total == 1


def test_validating_a_large_resource_stores_nothing(world: World, shelf: Shelf) -> None:
    before = shelf()
    body = a_large_document(world.patient())
    reply = world.trusted.post(f"DocumentReference/{body['id']}/$validate?mode=update", body)
    assert reply.json["resourceType"] == "OperationOutcome"
    assert shelf() == before


# What is left over


def test_a_file_of_a_write_that_never_ended_is_swept_after_a_day(
    world: World, shelf: Shelf, mongo_uri: str, module_database_name: str
) -> None:
    kept = deposit(world.trusted)
    with connect(mongo_uri) as client:
        files = MongoStore(client, module_database_name).files
        before = shelf()
        file = files.write([SCAN], "data")
        assert files.sweep() == 0
        assert shelf() == (before[0] + 1, 1, before[2] + 3)
        settled = shelf.files.find_one({"pending": {"$exists": True}})
        assert settled is not None
        day = settled["uploadDate"].replace(year=2024)
        shelf.files.update_many({}, {"$set": {"uploadDate": day}})
        assert files.left_over() == [file.id]
        assert files.sweep() == 1
    assert shelf() == before
    assert native(world.trusted, kept.id).body == SCAN


def test_a_write_whose_file_was_swept_stores_nothing(world: World, shelf: Shelf) -> None:
    id_ = make.new_id()

    class Slow(io.BytesIO):
        """A body so slow that a sweep comes in between."""

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > PIECE:
                shelf.files.update_many({"pending": "new"}, {"$set": {"pending": "doomed"}})
            return super().read(size)

    reply = Reply.of(
        world.trusted._client.put(
            f"/fhir/Binary/{id_}",
            input_stream=Slow(SCAN),
            content_type=PDF,
            environ_overrides={"CONTENT_LENGTH": str(len(SCAN))},
        )
    )
    assert (reply.status, reply.issue["code"]) == (503, "transient")
    assert world.trusted.get(f"Binary/{id_}").status == 404
    assert shelf()[1] == 0


def test_the_place_of_data_is_last_and_json_stays_whole(world: World) -> None:
    made = deposit(world.trusted, b"\xff" * (LARGEST_HELD + 1))
    raw = world.trusted.get(f"Binary/{made.id}").body
    assert list(json.loads(raw))[-1] == "data"
