"""The access log under its tree: what is done to it behind the server's back is found and located."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fhir_server.app import open_sealing
from fhir_server.audit import sealing
from fhir_server.audit.merkle import consistency, continues, includes, inclusion, leaf_hash
from fhir_server.audit.sealing import Sealing, content
from fhir_server.audit.verifying import Verified, verify
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.fhir.errors import Unavailable
from fhir_server.identity.keys import load
from fhir_server.identity.signing import HEAD, checked
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.tiles import TileStore
from fhir_server.store.rows import Row
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Reply
from tests.support.world import World

Collection = Any


class Log:
    """A server whose log is sealed on demand, and the hand of somebody who can reach MongoDB."""

    def __init__(self, world: World, store: MongoStore, home: Path, entries: Collection) -> None:
        self.world, self.home, self.entries = world, home, entries
        self.tiles = TileStore(store)
        self.settings = Settings(data_dir=home)
        self.sealing: Sealing = open_sealing(self.settings, store)

    def some(self, number: int) -> None:
        """Make entries: each read of an unknown id is a refusal that is logged."""
        for _ in range(number):
            assert self.world.trusted.get("Patient/absent").status == 404

    def verified(self, witnessed: str = "") -> Verified:
        keys = load(self.home)
        return verify(
            self.tiles,
            lambda text: checked(keys, HEAD, text),
            lambda _, __: None,
            witnessed=witnessed,
        )

    def faults(self) -> list[tuple[int | None, str]]:
        return [(fault.position, fault.entry) for fault in self.verified().faults]

    def id_at(self, position: int) -> str:
        held = self.tiles.placed(position >> 8)
        assert held is not None
        return held.ids[position & 255]


@pytest.fixture
def log(mongo_uri: str, database_name: str, tmp_path: Path) -> Iterator[Log]:
    with connect(mongo_uri) as client:
        store = MongoStore(client, database_name)
        made = Log(World(store, tmp_path), store, tmp_path, client[database_name].AuditEvent)
        made.some(12)
        assert made.sealing.catch_up()
        yield made


def test_what_was_logged_before_sealing_began_is_sealed_whole(log: Log) -> None:
    found = log.verified()
    assert (found.sealed, found.pending, found.faults) == (log.entries.count_documents({}), 0, ())


def test_later_entries_come_into_the_same_tree_once(log: Log) -> None:
    before = log.tiles.head()
    log.some(5)
    log.sealing.catch_up()
    log.sealing.catch_up()
    after = log.tiles.head()
    assert before is not None
    assert after is not None
    assert after.size == before.size + 5 == log.entries.count_documents({})
    assert log.faults() == []
    proof = consistency(log.tiles.tile, before.size, after.size)
    assert continues(proof, before.size, before.root, after.size, after.root)


def test_an_entry_is_proven_to_be_in_the_log_by_a_handful_of_hashes(log: Log) -> None:
    head, id_ = log.tiles.head(), log.id_at(3)
    assert head is not None
    proof = inclusion(log.tiles.tile, 3, head.size)
    leaf = leaf_hash(content(log.tiles.of([id_])[id_]))
    assert log.tiles.place(id_) == 3
    assert includes(proof, leaf, 3, head.size, head.root)


def test_one_changed_byte_is_found_and_located(log: Log) -> None:
    id_ = log.id_at(4)
    raw = log.entries.find_one({"_id": id_})["raw"]
    log.entries.update_one({"_id": id_}, {"$set": {"raw": raw.replace(b'"4"', b'"0"', 1)}})
    assert log.faults() == [(4, id_)]


def test_an_entry_that_changes_records_is_found(log: Log) -> None:
    """Who may read an entry is sealed with it."""
    id_ = log.id_at(5)
    log.entries.update_one({"_id": id_}, {"$set": {"acl.patient": "another"}})
    assert log.faults() == [(5, id_)]


def test_a_dropped_entry_is_found_and_located(log: Log) -> None:
    id_ = log.id_at(6)
    log.entries.delete_one({"_id": id_})
    found = log.verified()
    assert [(fault.position, fault.entry, fault.what) for fault in found.faults] == [
        (6, id_, "gone")
    ]
    assert found.pending == -1


def test_an_entry_changed_before_it_was_sealed_is_found(log: Log) -> None:
    """The leaf is of what was inserted, not of what the sealer finds a second later."""
    known = set(log.entries.distinct("_id"))
    log.some(1)
    (new,) = set(log.entries.distinct("_id")) - known
    log.entries.update_one({"_id": new}, {"$set": {"updated": 7}})
    log.sealing.catch_up()
    assert [entry for _, entry in log.faults()] == [new]


def test_an_entry_dropped_before_it_was_sealed_is_found(log: Log) -> None:
    known = set(log.entries.distinct("_id"))
    log.some(1)
    (new,) = set(log.entries.distinct("_id")) - known
    log.entries.delete_one({"_id": new})
    log.sealing.catch_up()
    assert [entry for _, entry in log.faults()] == [new]


def test_two_entries_that_change_places_in_the_tree_are_found(log: Log) -> None:
    tiles = log.entries.database.audit_tile
    ids = tiles.find_one({"_id": "0/0"})["ids"]
    ids[1], ids[2] = ids[2], ids[1]
    tiles.update_one({"_id": "0/0"}, {"$set": {"ids": ids}})
    found = log.verified().faults
    assert [fault.position for fault in found] == [1, 2]
    assert all("in the place of another" in fault.what for fault in found)


def test_a_tree_made_anew_over_a_changed_log_lacks_the_signature(log: Log) -> None:
    """Whoever reaches MongoDB but not the data directory can't sign a head."""
    heads = log.entries.database.audit_head
    head = log.tiles.head()
    assert head is not None
    heads.update_one({"_id": head.size}, {"$set": {"root": b"\x00" * 32}})
    whats = [fault.what for fault in log.verified().faults]
    assert any("has another root than the tree" in what for what in whats)
    assert any("bears no signature" in what for what in whats)


def test_an_older_log_in_the_place_of_this_one_is_found_by_a_head_kept_elsewhere(log: Log) -> None:
    old = log.tiles.head()
    log.some(2)
    log.sealing.catch_up()
    kept = log.tiles.head()
    assert kept is not None
    assert old is not None
    assert log.verified(kept.signed).faults == ()
    database = log.entries.database
    database.audit_head.delete_many({"_id": {"$gt": old.size}})
    (fault,) = log.verified(kept.signed).faults
    assert "shorter than the head that was given" in fault.what


def test_what_no_key_of_the_installation_signed_is_no_head(log: Log, tmp_path: Path) -> None:
    other = open_sealing(Settings(data_dir=tmp_path / "other"), log.world.store)
    forged = other._sign({"size": 1, "root": "00", "at": 0})
    (fault,) = log.verified(forged).faults
    assert "bears no signature" in fault.what


def test_a_second_process_leaves_the_work_to_the_first(log: Log) -> None:
    assert log.tiles.lease(30)
    other = open_sealing(log.settings, log.world.store)
    assert not other.catch_up()
    log.tiles.release()
    assert other.catch_up()


def test_what_was_stored_before_is_sealed_whole_after_a_look_through_was_broken_off(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look ends between two batches, as when the process dies there."""
    database = log.entries.database
    for name in ("audit_tile", "audit_head"):
        database[name].delete_many({})
    database.audit_seal.update_one({"_id": "seal"}, {"$set": {"token": None, "size": 0}})
    monkeypatch.setattr(sealing, "BATCH", 5)
    seal, sealed = log.sealing.seal, list[int]()

    def once(rows: Sequence[Row], token: Any) -> None:
        if sealed:
            raise Unavailable
        sealed.append(len(rows))
        seal(rows, token)

    monkeypatch.setattr(log.sealing, "seal", once)
    with pytest.raises(Unavailable):
        log.sealing.catch_up()
    assert log.verified().pending > 0
    monkeypatch.setattr(log.sealing, "seal", seal)
    assert log.sealing.catch_up()
    found = log.verified()
    assert (found.pending, found.faults) == (0, ())


def test_a_tree_that_lacks_tiles_is_told_with_a_head_too(log: Log) -> None:
    head = log.tiles.head()
    assert head is not None
    log.entries.database.audit_tile.delete_many({})
    whats = [fault.what for fault in log.verified(head.signed).faults]
    assert whats[0].startswith("the tree lacks entries")
    assert "does not begin with" in whats[1]


def test_a_stream_whose_past_is_gone_is_made_good_from_what_is_stored(log: Log) -> None:
    log.some(3)
    log.entries.database.audit_seal.update_one({"_id": "seal"}, {"$set": {"token": None}})
    log.sealing.catch_up()
    found = log.verified()
    assert (found.pending, found.faults) == (0, ())


def test_more_entries_than_one_tile_holds_are_verified(log: Log) -> None:
    log.some(300)
    log.sealing.catch_up()
    found = log.verified()
    assert found.sealed > 256
    assert (found.pending, found.faults) == (0, ())
    assert log.tiles.tile((1, 0)) != b""


# what the auditor is told ----------------------------------------------------------------------

AUDITOR = Requester(Kind.AUDITOR, Purpose.ADMINISTRATION, client="watch")


def told(reply: Reply) -> dict[str, list[Any]]:
    """Return the parameters of an answer by name."""
    assert reply.status == 200, reply.body
    found: dict[str, list[Any]] = {}
    for one in reply.json["parameter"]:
        value = next(value for name, value in one.items() if name.startswith("value"))
        found.setdefault(one["name"], []).append(value)
    return found


def test_the_auditor_gets_a_head_that_the_published_keys_check(log: Log) -> None:
    found = told(log.world.as_(AUDITOR).get("AuditEvent/$tree-head"))
    said = checked(load(log.home), HEAD, found["signed"][0])
    assert said is not None
    assert [said["size"], said["root"]] == [found["size"][0], found["root"][0]]


def test_an_entry_is_proven_to_the_auditor_by_what_the_operation_tells_alone(log: Log) -> None:
    found = told(log.world.as_(AUDITOR).get(f"AuditEvent/{log.id_at(2)}/$inclusion-proof"))
    proof, root = [bytes.fromhex(one) for one in found["proof"]], bytes.fromhex(found["root"][0])
    leaf = bytes.fromhex(found["leaf"][0])
    assert includes(proof, leaf, found["position"][0], found["size"][0], root)


def test_the_log_is_proven_to_have_only_grown(log: Log) -> None:
    old = log.tiles.head()
    log.some(3)
    log.sealing.catch_up()
    assert old is not None
    asked = f"AuditEvent/$consistency-proof?old={old.size}"
    found = told(log.world.as_(AUDITOR).get(asked))
    proof, root = [bytes.fromhex(one) for one in found["proof"]], bytes.fromhex(found["root"][0])
    assert continues(proof, old.size, old.root, found["size"][0], root)


@pytest.mark.parametrize("asked", ["AuditEvent/$tree-head", "AuditEvent/$consistency-proof?old=1"])
def test_what_is_asked_of_the_tree_stands_in_the_log(log: Log, asked: str) -> None:
    """R71: granted or refused, the question is an entry like any other."""
    for who, outcome in ((AUDITOR, "0"), (a_doctor(), "4")):
        id_ = make.new_hex()
        log.world.as_(who).send("GET", asked, X_Request_Id=id_)
        assert [one["outcome"] for one in log.world.traces(request_id=id_)] == [outcome]


@pytest.mark.parametrize("asked", ["AuditEvent/$tree-head", "AuditEvent/$consistency-proof?old=1"])
def test_nobody_else_is_told_how_much_is_logged(log: Log, asked: str) -> None:
    """L45, L59: the size of the tree counts the accesses to every record."""
    reply = log.world.as_(a_doctor()).get(asked)
    assert reply.status == 403
    assert reply.json["issue"][0]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("AuditEvent/$consistency-proof?old=0", 400),
        ("AuditEvent/$consistency-proof?old=999999", 400),
        ("AuditEvent/$consistency-proof?old=x", 400),
        ("AuditEvent/$consistency-proof", 400),
        ("AuditEvent/$tree-head?size=5", 400),
        ("AuditEvent/absent/$inclusion-proof", 404),
        ("AuditEvent/$inclusion-proof", 404),
    ],
)
def test_what_has_no_proof_is_refused_clearly(log: Log, asked: str, status: int) -> None:
    reply = log.world.as_(AUDITOR).get(asked)
    assert reply.status == status
    assert reply.json["issue"][0]["severity"] == "error"
