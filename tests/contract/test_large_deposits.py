"""What refuses a large content, before or while it is read, leaves nothing (ADR 0015)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.large import PIECE
from fhir_server.store.mongo.store import MongoStore
from tests.contract.shelf import PDF, SCAN, Shelf, deposit, native
from tests.contract.shelf import shelf as shelf
from tests.contract.shelf import unchanged as unchanged
from tests.support import resources as make
from tests.support.people import a_hospital, an_auditor
from tests.support.replies import FHIR_JSON, Reply
from tests.support.world import World


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
