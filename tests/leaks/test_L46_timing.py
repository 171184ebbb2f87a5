"""L46: the time of an answer does not tell what is hidden from what is absent.

Two ways to see it: the commands that reach MongoDB, which are exact, and the clock, as someone
outside would. A server that asks the database once more for what is hidden fails both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent

from fhir_server.consent.requester import Kind, Requester
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.rows import Row
from tests.leaks.conftest import Room, bare, furnish
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, someone, the_patient
from tests.support.replies import JSON_PATCH, Caller, Reply
from tests.support.timing import longer, told_apart_by_time
from tests.support.world import World

DOC = "DocumentReference"
BOUND = 0.1
"""The part of an answer's time by which two may differ; a round trip more is over a seventh."""


class Commands(CommandListener):
    """What reaches MongoDB: how often each command goes to each collection."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def started(self, event: CommandStartedEvent) -> None:
        collection = event.command.get(event.command_name)
        # A worker looks for new search parameters once a second, whoever asks for what.
        if collection != "search_parameter":
            self.seen[f"{event.command_name} {collection}"] += 1

    def succeeded(self, event: object) -> None:
        pass

    def failed(self, event: object) -> None:
        pass


@pytest.fixture(scope="module")
def watched(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Commands]]:
    """Give a server, and the commands that it sends."""
    commands = Commands()
    client: MongoClient[dict[str, object]] = MongoClient(
        mongo_uri, event_listeners=[commands], tz_aware=True
    )
    with client as mongo:
        yield (
            World(MongoStore(mongo, module_database_name), tmp_path_factory.mktemp("home")),
            commands,
        )


def commands_of(commands: Commands, ask: Callable[[], Reply]) -> tuple[int, dict[str, int]]:
    """Return the status of an answer and the commands that it took, once all is loaded."""
    ask()
    commands.seen.clear()
    return ask().status, dict(commands.seen)


def hidden_ones(world: World, room: Room) -> dict[str, str]:
    """Return ids of documents that are masked, deleted while masked, of another record; of none."""
    gone = world.document(room.id, "MASQUE_PS")
    world.lacks(f"{DOC}/{gone}")
    foreign = world.document(world.patient())
    return {
        "masked": bare(room.hidden[0]),
        "gone": gone,
        "foreign": foreign,
        "absent": make.new_id(),
    }


def asking(caller: Caller, path: str) -> Callable[[], Reply]:
    return lambda: caller.get(path)


CALLERS: dict[str, Callable[[Room], Requester]] = {
    "team": lambda room: room.who,
    "stranger": lambda room: a_doctor(),
    "hospital": lambda room: a_hospital(),
    "patient": lambda room: the_patient(make.new_id()),
    "bank": lambda room: someone(Kind.BANK),
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "{id}"),
        ("HEAD", "{id}"),
        ("GET", "{id}/_history"),
        ("GET", "{id}/_history/1"),
        ("GET", "{id}/_history/7"),
        ("GET", "{id}/$meta"),
        ("PUT", "{id}"),
        ("PATCH", "{id}"),
        ("DELETE", "{id}"),
        ("GET", "?_id={id}"),
        ("GET", f"?relatesto={DOC}/{{id}}"),
    ],
)
@pytest.mark.parametrize("caller", CALLERS)
def test_L46_a_document_takes_the_same_commands_hidden_or_absent(
    watched: tuple[World, Commands], caller: str, method: str, path: str
) -> None:
    world, commands = watched
    room = furnish(world, hidden=2)
    who = world.as_(CALLERS[caller](room))
    body = {
        "PUT": make.a_document(room.id).json(),
        "PATCH": [{"op": "remove", "path": "/securityLabel"}],
    }.get(method)
    type_ = JSON_PATCH if method == "PATCH" else "application/fhir+json"
    found = {}
    for name, id_ in hidden_ones(world, room).items():
        sent = body | {"id": id_} if isinstance(body, dict) else body
        address = f"{DOC}/{path}".replace("/?", "?").format(id=id_)
        found[name] = commands_of(commands, partial(who.send, method, address, sent, type_))
    assert found["absent"][0] == (200 if path.startswith("?") else 404)
    assert found["absent"][1]
    assert found == dict.fromkeys(found, found["absent"])


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{id}",
        "Patient/{id}/$everything",
        "Patient?_id={id}",
        "Patient?identifier={ins}",
        f"{DOC}?patient={{id}}",
        f"{DOC}?patient={{id}}&_summary=count",
        f"{DOC}?patient.identifier={{ins}}",
        f"{DOC}/$docref?patient={{id}}",
        "Patient/{id}/*",
        "AuditEvent?patient={id}",
    ],
)
@pytest.mark.parametrize("caller", ["stranger", "hospital", "patient", "bank"])
def test_L46_a_record_takes_the_same_commands_hidden_or_absent(
    watched: tuple[World, Commands], caller: str, path: str
) -> None:
    world, commands = watched
    room = furnish(world, hidden=0)
    who = world.as_(CALLERS[caller](room))
    ins = world.trusted.get(f"Patient/{room.id}").json["identifier"][0]["value"]
    addresses = [
        path.format(id=id_, ins=value)
        for id_, value in ((room.id, ins), (make.new_id(), make.an_ins()))
    ]
    found = [commands_of(commands, asking(who, address)) for address in addresses]
    assert found[0][1]
    assert found[0] == found[1]


def test_L46_what_is_in_no_record_takes_the_same_commands_hidden_or_absent(
    watched: tuple[World, Commands],
) -> None:
    world, commands = watched
    group = {"resourceType": "Group", "id": make.new_id(), "type": "person", "actual": True}
    world.has(group)
    who = world.as_(a_doctor())
    hidden, absent = (
        commands_of(commands, asking(who, f"Group/{id_}")) for id_ in (group["id"], make.new_id())
    )
    assert hidden == absent


def test_L46_a_record_takes_the_same_commands_with_and_without_what_is_masked(
    watched: tuple[World, Commands],
) -> None:
    world, commands = watched
    found = []
    for one in (furnish(world, hidden=2), furnish(world, hidden=0)):
        path = f"{DOC}?patient={one.id}&_sort=date&_count=2&_revinclude=List:item"
        found.append(commands_of(commands, asking(one.doctor, path)))
    assert found[0] == found[1]


# the clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{DOC}/{{id}}", f"{DOC}/{{id}}/_history/1", f"{DOC}?_id={{id}}"])
def test_L46_a_masked_document_is_answered_as_soon_as_one_that_never_was(
    room: Room, path: str
) -> None:
    hidden, absent = (path.format(id=id_) for id_ in (bare(room.hidden[0]), make.new_id()))
    told = told_apart_by_time(asking(room.doctor, hidden), asking(room.doctor, absent), BOUND)
    assert abs(told) <= BOUND, f"hidden takes {told:+.0%}"


@pytest.mark.parametrize("path", ["Patient/{id}", f"{DOC}?patient={{id}}"])
def test_L46_a_record_without_a_link_is_answered_as_soon_as_none(world: World, path: str) -> None:
    stranger = world.as_(a_doctor())
    hidden, absent = (path.format(id=id_) for id_ in (furnish(world, 2).id, make.new_id()))
    told = told_apart_by_time(asking(stranger, hidden), asking(stranger, absent), BOUND)
    assert abs(told) <= BOUND, f"hidden takes {told:+.0%}"


def test_L46_a_page_is_answered_as_soon_with_and_without_what_is_masked(
    room: Room, twin: Room
) -> None:
    full, bare_one = (
        asking(one.doctor, f"{DOC}?patient={one.id}&_sort=date") for one in (room, twin)
    )
    told = told_apart_by_time(full, bare_one, BOUND)
    assert abs(told) <= BOUND, f"with masked documents it takes {told:+.0%}"


class AsksTwice(MongoStore):
    """A store that goes to MongoDB once more for what is there."""

    def get(self, type_: str, id_: str) -> Row | None:
        found = super().get(type_, id_)
        if found is not None:
            self.exists(type_, id_)
        return found


def test_L46_one_round_trip_more_for_what_is_hidden_is_told_by_the_clock(
    mongo_uri: str, module_database_name: str, tmp_path: Path
) -> None:
    """The proof that the tests above can fail."""
    with connect(mongo_uri) as mongo:
        slow = World(AsksTwice(mongo, module_database_name), tmp_path)
        room = furnish(slow, hidden=2)
        hidden, absent = room.hidden[0], f"{DOC}/{make.new_id()}"
        told = told_apart_by_time(asking(room.doctor, hidden), asking(room.doctor, absent), BOUND)
        assert told > BOUND


def test_L46_what_is_compared_are_the_fastest_of_each() -> None:
    assert longer([1, 2, 3, 4, 5, 9, 9, 9, 9, 9], [2, 3, 4, 9, 9, 9, 9, 9, 9, 9]) == 2 / 3 - 1
    assert longer([3.0] * 10, [2.0] * 10) == 0.5


@pytest.mark.parametrize("by", ["id", "ins"])
def test_L46_an_emergency_that_is_refused_takes_the_same_commands_blocked_or_absent(
    watched: tuple[World, Commands], by: str
) -> None:
    """L61 as well: who breaks the glass in vain does not learn that there is a record."""
    world, commands = watched
    doctor, blocked = a_doctor(), make.a_patient()
    world.has(blocked)
    world.consent(blocked["id"], "deny", doctor)
    found = []
    for id_, ins in (
        (blocked["id"], blocked["identifier"][0]["value"]),
        (make.new_id(), make.an_ins()),
    ):
        path = f"Patient/{id_}/$break-glass" if by == "id" else "Patient/$break-glass"
        told = {"reason": "coma", "patientUnable": True}
        if by == "ins":
            told |= {"identifier": f"{make.INS}|{ins}"}
        ask = partial(world.as_(doctor).post, path, make.parameters(**told))
        found.append(commands_of(commands, ask))
    assert found[0][0] == 404
    assert found[0] == found[1]
