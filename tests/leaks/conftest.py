"""A record with something to hide, and its twin that has nothing of the kind.

The server is in this process, or where `--base-url` says (docs/leaks.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fhir_server.consent.requester import Requester
from tests.support import resources as make
from tests.support.elsewhere import Elsewhere, signed_in, told_by
from tests.support.people import a_doctor
from tests.support.replies import Caller, Reply, told_apart
from tests.support.world import World
from tests.support.world import world as own_world

OPTIONS = ("--base-url", "--data-dir", "--token-command")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the server is, and how its callers get tokens."""
    group = parser.getgroup("leaks", "the leak matrix on a server that runs elsewhere")
    group.addoption("--base-url", help="FHIR base, such as http://127.0.0.1:8080/fhir")
    group.addoption("--data-dir", help="its data directory, whose key signs the tokens")
    group.addoption(
        "--token-command", help="or what prints a token; reads the caller's claims as JSON"
    )


@pytest.fixture(scope="session")
def mongo_uri(request: pytest.FixtureRequest) -> str:
    """Give a MongoDB for a server in this process, where the tests are about such a one."""
    if request.config.getoption(OPTIONS[0], None):
        pytest.skip("needs a server with settings of its own; this server is elsewhere")
    return str(request.getfixturevalue("mongo_uri"))


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the server to ask: in this process on a real MongoDB, or the one of `--base-url`."""
    url, data_dir, command = (request.config.getoption(name, None) for name in OPTIONS)
    if not url:
        yield request.getfixturevalue("own_world")
        return
    if not (data_dir or command):
        pytest.fail("--base-url needs --data-dir or --token-command", pytrace=False)
    tokens = told_by(command) if command else signed_in(Path(data_dir))
    elsewhere = Elsewhere(url, tokens)
    yield elsewhere
    elsewhere.wire.close()


@dataclass(frozen=True)
class Room:
    """A record as its team doctor meets it: `shown` and `hidden` are `DocumentReference/id`."""

    id: str
    who: Requester
    doctor: Caller
    shown: tuple[str, ...]
    hidden: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return every text that is of this record alone."""
        ids = [ref.partition("/")[2] for ref in (*self.shown, *self.hidden)]
        numbers = [str(int(id_.encode().hex(), 16)) for id_ in ids]
        return (self.id, *ids, *numbers)


def furnish(world: World, hidden: int) -> Room:
    """Make a record with three documents that the doctor sees and `hidden` that are masked."""
    doctor, patient = a_doctor(), world.patient()
    world.team(patient, doctor)
    labels = [(), ("MASQUE_PS",), (), (), ("MASQUE_PS",)]
    made: dict[bool, list[str]] = {True: [], False: []}
    for label in labels if hidden else [()] * 3:
        id_ = world.document(patient, *label, date=f"2024-0{len(made[False]) + 1}-01")
        made[bool(label)].append(f"DocumentReference/{id_}")
    return Room(patient, doctor, world.as_(doctor), tuple(made[False]), tuple(made[True]))


@pytest.fixture
def room(world: World) -> Room:
    """Give a record with two masked documents among three that are not."""
    return furnish(world, hidden=2)


@pytest.fixture
def twin(world: World) -> Room:
    """Give the same record without what is masked in `room`."""
    return furnish(world, hidden=0)


def same(room: Room, twin: Room, path: str) -> Reply:
    """Ask both records `path` (`{patient}` and `{shown}` in it); fail on any difference."""
    first, second = (
        one.doctor.get(path.format(patient=one.id, shown=one.shown[0])) for one in (room, twin)
    )
    assert told_apart(first, second, *room.names, *twin.names) == ""
    return first


def uniform(caller: Caller, method: str, path: str, body: object = None, **more: str) -> Reply:
    """Send to a `path` with `{id}` for every id of `more`; all answers must be one.

    `more` maps a word to an id; `type_=` is the content type.
    """
    type_ = more.pop("type_", "application/fhir+json")
    condition = {name: more.pop(name) for name in ("If_Match", "Accept", "Range") if name in more}
    ids = list(more.values())
    replies = [
        caller.send(method, path.format(id=id_), _with(body, id_), type_, **condition)
        for id_ in ids
    ]
    for reply in replies[1:]:
        assert told_apart(replies[0], reply, *ids) == ""
    return replies[0]


def _with(body: object, id_: str) -> object:
    return body | {"id": id_} if isinstance(body, dict) and "id" in body else body


def bare(ref: str) -> str:
    """Return the id of a reference."""
    return ref.partition("/")[2]


__all__ = ["Room", "bare", "make", "own_world", "room", "same", "twin", "uniform", "world"]
