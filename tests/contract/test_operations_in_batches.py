"""Operations as entries of a batch or a transaction."""

from __future__ import annotations

from tests.contract.operating import TAG, meta_of
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
)
from tests.support.replies import Reply, entry
from tests.support.world import World

# in batches --------------------------------------------------------------------------------------


def statuses(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [one["response"]["status"][:3] for one in reply.entries]


def test_operations_are_entries_of_a_batch(world: World) -> None:
    doctor, anna = a_doctor(), world.patient()
    world.team(anna, doctor)
    tag = make.parameters(meta={"valueMeta": {"tag": [TAG]}})
    reply = world.trusted.transact(
        entry("GET", f"Patient/{anna}/$everything?_count=1"),
        entry("HEAD", f"Patient/{anna}/$meta"),
        entry("GET", "$meta"),
        entry("GET", f"Patient/{anna}/_history/1/$meta"),
        entry("POST", "Patient/$validate", {"resourceType": "Patient"}),
        entry("POST", "Patient/$validate", make.parameters(resource={"resource": {"resourceType": "Patient"}})),
        entry("POST", f"Patient/{anna}/$meta-add", tag),
        entry("POST", f"Patient/{anna}/$everything"),
        kind="batch",
    )  # fmt: skip
    assert statuses(reply) == ["200"] * 8
    kinds = [one.get("resource", {}).get("resourceType") for one in reply.entries]
    assert kinds == ["Bundle", None, "Parameters", "Parameters", "OperationOutcome",
                     "OperationOutcome", "Parameters", "Bundle"]  # fmt: skip
    assert meta_of(world.trusted.get(f"Patient/{anna}/$meta"))["tag"] == [TAG]


def test_an_operation_in_a_batch_is_refused_as_it_would_be_alone(world: World) -> None:
    hidden, absent = world.patient(), make.new_id()
    caller = world.as_(a_doctor())
    urls = [
        f"Patient/{id_}/{name}" for id_ in (hidden, absent) for name in ("$everything", "$meta")
    ]
    reply = caller.transact(
        *(entry("GET", url) for url in urls),
        entry("GET", "Patient/$nothing"),
        entry("GET", f"Patient/{absent}/$meta-add"),
        entry("PUT", "Patient/$validate", {"resourceType": "Patient"}),
        entry("GET", "Nothing/$meta"),
        entry("GET", "Patient/1/a/b/$meta"),
        kind="batch",
    )
    assert statuses(reply) == ["404"] * 5 + ["405", "400", "400", "400"]


def test_a_transaction_reads_by_operations_and_writes_by_none(world: World) -> None:
    anna = world.patient()
    read = world.trusted.transact(
        entry("POST", "Observation", make.an_observation(anna)),
        entry("GET", f"Patient/{anna}/$everything?_type=Observation"),
    )
    assert statuses(read) == ["201", "200"]
    assert read.entries[1]["resource"]["total"] == 1
    tag = make.parameters(meta={"valueMeta": {"tag": [TAG]}})
    written = world.trusted.transact(entry("POST", f"Patient/{anna}/$meta-add", tag))
    assert (written.status, written.issue["expression"]) == (400, ["Bundle.entry[0].request"])
