"""The pieces of `make bench`: what they count, what they refuse. No time is judged."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import floors
from benchmarks.costs import Cost, cost_table, costs
from benchmarks.cpu import Cpu, Meter, of_tree
from benchmarks.dataset import Shape
from benchmarks.layer_table import LAYERS, timed_functions
from benchmarks.load import Sample, Shot, WrongAnswer, drive
from benchmarks.messages import message
from benchmarks.operation import CONSTANT, Callers, Operation, connections
from benchmarks.report import lines
from benchmarks.resources import new_document, new_documents
from benchmarks.specimens import SIZE, specimens
from benchmarks.stock import Stock
from benchmarks.workload import UnknownOperation, chosen, operations
from fhir_server.fhir.json import dumps, parse
from fhir_server.store.mongo.connect import connect
from fhir_server.validation import validate

AMOUNTS = st.floats(min_value=0, max_value=1000)
CPUS = st.builds(Cpu, AMOUNTS, AMOUNTS, AMOUNTS)
NO_TIME = 0.0001


# the load generator --------------------------------------------------------------------------


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Give the port of a server that answers every request with the same bytes."""

    def talk(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def shot(
    status: bytes = b"200",
    is_right: Callable[[bytes], bool] = lambda body: True,
    then: Callable[[], None] = lambda: None,
) -> Shot:
    return Shot(message("GET", "/constant", ""), status, is_right, then)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_every_answer_of_a_drive_has_a_latency_and_is_remembered() -> None:
    right: list[int] = []
    with answering(OK) as port:
        sample = drive(port, cycle([shot(then=lambda: right.append(1))]), 3, 0.05)
    assert len(sample.latencies) == len(right) >= 3
    assert sample.rate > 0


def test_a_drive_ends_when_nothing_more_is_coming() -> None:
    with answering(OK) as port:
        sample = drive(port, iter([shot()] * 5), 2, 60)
    assert len(sample.latencies) == 5


def test_an_answer_without_content_needs_no_length() -> None:
    with answering(NO_CONTENT) as port:
        sample = drive(port, iter([shot(b"204", lambda body: not body)] * 3), 1, 60)
    assert len(sample.latencies) == 3


@pytest.mark.parametrize(
    "wrong", [shot(b"201"), shot(is_right=lambda body: False)], ids=["status", "body"]
)
def test_a_wrong_answer_ends_the_drive_and_is_not_remembered(wrong: Shot) -> None:
    right: list[int] = []
    asked = Shot(wrong.request, wrong.status, wrong.is_right, lambda: right.append(1))
    with answering(OK) as port, pytest.raises(WrongAnswer, match="200 OK"):
        drive(port, cycle([asked]), 1, 60)
    assert not right


# CPU time ------------------------------------------------------------------------------------


def test_the_cpu_of_a_process_counts_its_children_even_when_they_have_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    inside = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); "
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdout.readline()
        # The kernel counts in ticks of 10 ms.
        assert of_tree(parent.pid) >= 0.15
        parent.stdin.close()


def test_a_process_that_is_gone_has_used_nothing_more() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert of_tree(done.pid) == 0


def test_a_meter_tells_the_load_generator_from_the_others() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    meter = Meter(done.pid, done.pid)
    before = meter()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    used = meter() - before
    assert used.generator >= 0.05
    assert (used.server, used.mongod) == (0, 0)


@given(CPUS, CPUS)
def test_what_was_used_in_between_and_before_is_all_that_was_used(one: Cpu, other: Cpu) -> None:
    whole = one + (other - one)
    assert whole.server == pytest.approx(other.server)
    assert whole.mongod == pytest.approx(other.mongod)
    assert whole.generator == pytest.approx(other.generator)


def test_cpu_is_told_in_milliseconds_a_request() -> None:
    told = Cpu(server=3.0, mongod=1.0, generator=0.05).per(1000).text()
    assert told == "CPU ms per request: server 3.00 / mongod 1.00 / load generator 0.05"


# layers and stages ---------------------------------------------------------------------------


def test_every_layer_is_made_of_functions_that_the_server_has() -> None:
    found = timed_functions()
    assert len(found) == len(LAYERS)
    assert all(callable(each.call) for each in found)


@pytest.mark.parametrize("specimen", specimens(), ids=lambda each: str(each["resourceType"]))
def test_a_specimen_is_valid_and_of_about_5_kb(specimen: dict[str, object]) -> None:
    body = dumps(specimen)
    assert abs(len(body) - SIZE) < SIZE / 10
    assert validate(parse(body).resource, str(specimen["resourceType"])) == []


def test_each_stage_of_validation_is_timed_for_each_specimen() -> None:
    found = costs(NO_TIME)
    assert [cost.type for cost in found] == ["DocumentReference", "Observation", "Patient"]
    stages = {"parse", "structure tables", "invariants", "R4B models", "index extraction", "facts"}
    assert all(set(cost.stages) == stages for cost in found)
    assert all(spent > 0 for cost in found for spent in cost.stages.values())


def test_the_table_of_costs_adds_up_what_judges_a_resource() -> None:
    stages = {
        "parse": 1000.0,
        "structure tables": 200.0,
        "invariants": 30.0,
        "R4B models": 4.0,
        "facts": 5000.0,
    }
    told = cost_table([Cost("Patient", 5000, stages)]).splitlines()
    assert [line.split()[-1] for line in told[-3:]] == ["230", "234", "6,234"]


# which operations ----------------------------------------------------------------------------


@pytest.fixture
def planned(mongo_uri: str, database_name: str) -> Iterator[list[Operation]]:
    with connect(mongo_uri) as client:
        stock = Stock(client[database_name], 0)
        yield operations(Shape(2, 3), Callers("a", "b", "c"), stock)


def test_without_a_word_everything_is_measured(planned: list[Operation]) -> None:
    assert chosen(planned, []) == planned


def test_every_operation_has_a_floor_that_is_measured_at_the_same_concurrency(
    planned: list[Operation],
) -> None:
    at = connections(planned, [1, 32])
    floors_there = {each.name for each in planned if each.is_floor}
    for each in planned:
        assert each.floor in floors_there
        assert set(at[each.name]) <= set(at[each.floor])


def test_what_only_waits_for_itself_is_measured_at_few_connections(
    planned: list[Operation],
) -> None:
    at = connections(planned, [1, 32])
    assert at["read"] == [1, 32]
    assert at["transaction of 500"] == [1, 2]


def test_a_word_chooses_operations_and_the_floors_they_need(planned: list[Operation]) -> None:
    names = [each.name for each in chosen(planned, [" Transaction of 20 "])]
    assert names == [CONSTANT, "floor: insert of 20", "transaction of 20"]


def test_a_word_in_no_name_is_refused(planned: list[Operation]) -> None:
    with pytest.raises(UnknownOperation, match="`floor`"):
        chosen(planned, ["read", "floor"])


def test_what_is_in_flight_is_not_changed_a_second_time(planned: list[Operation]) -> None:
    [update] = [each for each in planned if each.name == "update, If-Match"]
    coming = update.supply()
    taken = [next(coming) for _ in range(100)]
    addresses = {each.request.split(b" ")[1] for each in taken}
    assert len(addresses) == 100


def test_a_changed_document_comes_again_with_its_next_version(planned: list[Operation]) -> None:
    [update] = [each for each in planned if each.name == "update, If-Match"]
    first, *others = update.supply()
    first.then()
    again = next(update.supply())
    assert len(others) > 100
    assert again.request.split(b" ")[1] == first.request.split(b" ")[1]
    assert b'If-Match: W/"1"' in first.request
    assert b'If-Match: W/"2"' in again.request


# ratios --------------------------------------------------------------------------------------


def sample(rate: int) -> Sample:
    return Sample(1.0, (1 / rate,) * rate, Cpu(server=rate / 1000))


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    floor, ours = (
        Operation(name, lambda: iter([]), "floor: insert") for name in ("floor: insert", "create")
    )
    rounds = {
        ("floor: insert", 1): [sample(100), sample(1000), sample(10)],
        ("create", 1): [sample(50), sample(250), sample(10)],
    }
    [_, line] = lines(rounds, [floor, ours])
    assert (line.floor, line.of_floor, line.of_constant) == ("insert", 0.5, None)
    assert line.requests == 310
    assert line.cpu == Cpu(server=1.0)


# the floors ----------------------------------------------------------------------------------


def test_the_write_floor_stores_the_body_it_was_sent(mongo_uri: str, database_name: str) -> None:
    body = msgspec.json.encode(new_document("scratch-000", 0))
    with connect(mongo_uri) as client:
        answer = floors.create_app(client, database_name).test_client().post("/inserted", data=body)
        kept = [each["raw"] for each in client[database_name][floors.WRITTEN].find()]
    assert (answer.status_code, answer.data) == (201, body)
    assert kept == [body]


def test_the_floors_begin_where_another_worker_has_begun(
    mongo_uri: str, database_name: str
) -> None:
    with connect(mongo_uri) as client:
        floors.create_app(client, database_name)
        app = floors.create_app(client, database_name).test_client()
        answer = app.get("/constant")
    assert (answer.status_code, answer.data) == (200, floors.CONSTANT)


def test_the_transaction_floor_stores_each_body_of_the_bundle(
    mongo_uri: str, database_name: str
) -> None:
    with connect(mongo_uri) as client:
        app = floors.create_app(client, database_name).test_client()
        answer = app.post("/inserted-together", data=new_documents("scratch-000", 3))
        kept = [parse(each["raw"]).resource for each in client[database_name].bench_floor.find()]
    assert (answer.status_code, answer.data) == (200, b"3")
    assert kept == [new_document("scratch-000", number) for number in range(3)]
