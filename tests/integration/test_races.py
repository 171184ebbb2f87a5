"""Writes that meet: processes of their own against a server of two workers, as clients are.

Each race is run by processes that wait for one another, then send at once, each over connections
of its own. What must hold is counted in the answers and in what is stored.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.integration.test_serve import Server
from tests.support import resources as make
from tests.support.racing import Race, Request, ask, racing
from tests.support.replies import Json, entry


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a server of two workers."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        found = trial.getsockname()[1]
    folder = tmp_path_factory.mktemp("races") / "data"
    server = Server(folder, found, "--auth", "off", "--workers", "2")
    try:
        server.wait_until_it_answers()
        yield found
    finally:
        server.process.terminate()
        server.process.wait(30)


@pytest.fixture(scope="module")
def race(port: int) -> Iterator[Race]:
    """Give what sends requests from several processes at once."""
    with racing(port) as run:
        yield run


def condition(body: Json) -> str:
    return f"identifier={quote(make.INS)}%7C{body['identifier'][0]['value']}"


def found(port: int, path: str) -> Json:
    status, body = ask(port, ("GET", path, None, {}))
    assert status == 200, body
    return body


def stored(port: int, body: Json) -> str:
    """Store `body` under its own id, and return its path."""
    path = f"{body['resourceType']}/{body['id']}"
    assert ask(port, ("PUT", path, body, {}))[0] == 201
    return path


def has_every_version_once(port: int, path: str) -> list[Json]:
    """Return the versions of `path`, newest first, after checking that they count down to 1."""
    history = found(port, f"{path}/_history?_count=1000")["entry"]
    numbers = [int(one["resource"]["meta"]["versionId"]) for one in history]
    assert numbers == list(range(len(numbers), 0, -1))
    return [one["resource"] for one in history]


# Conditions


def a_conditional_create(body: Json) -> Request:
    return "POST", "Patient", body, {"If-None-Exist": condition(body)}


def a_transaction_that_creates(body: Json) -> Request:
    one = entry("POST", "Patient", body, ifNoneExist=condition(body), fullUrl=make.a_urn())
    return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [one]}, {}


def a_conditional_update(body: Json) -> Request:
    return "PUT", f"Patient?{condition(body)}", body, {}


def a_transaction_that_updates(body: Json) -> Request:
    one = entry("PUT", f"Patient?{condition(body)}", body)
    return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [one]}, {}


def without_id(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "id"}


@pytest.mark.parametrize(
    "one",
    [
        a_conditional_create,
        a_transaction_that_creates,
        a_conditional_update,
        a_transaction_that_updates,
    ],
)
def test_sixty_four_identical_conditions_make_one_resource(
    port: int, race: Race, one: Callable[[Json], Request]
) -> None:
    body = without_id(make.a_patient())
    answers = race([one(body)] * 64)
    counted = Counter(status for status, _ in answers)
    assert set(counted) <= {200, 201, 409, 412}, counted
    matches = found(port, f"Patient?{condition(body)}")["entry"]
    assert len(matches) == 1
    created = counted[201] or sum(
        one["response"]["status"].startswith("201")
        for status, answer in answers
        if status == 200
        for one in answer.get("entry", ())
    )
    assert created == 1
    has_every_version_once(port, f"Patient/{matches[0]['resource']['id']}")


def test_different_requests_under_one_condition_make_one_resource(port: int, race: Race) -> None:
    body = without_id(make.a_patient())
    kinds = (a_conditional_create, a_transaction_that_creates, a_conditional_update)
    answers = race([kinds[number % 3](body) for number in range(48)])
    assert {status for status, _ in answers} <= {200, 201, 409, 412}
    assert len(found(port, f"Patient?{condition(body)}")["entry"]) == 1


# Versions


@pytest.mark.parametrize("method", ["PUT", "transaction"])
def test_of_thirty_two_updates_of_one_version_exactly_one_passes(
    port: int, race: Race, method: str
) -> None:
    body = make.a_patient()
    path = stored(port, body)
    changes = [body | {"name": [{"family": f"N{number}"}]} for number in range(32)]
    requests: list[Request] = [("PUT", path, change, {"If-Match": 'W/"1"'}) for change in changes]
    if method == "transaction":
        bundles = [entry("PUT", path, change, ifMatch='W/"1"') for change in changes]
        requests = [
            ("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [one]}, {})
            for one in bundles
        ]
    counted = Counter(status for status, _ in race(requests))
    assert counted[200] == 1
    assert set(counted) <= {200, 409, 412}
    versions = has_every_version_once(port, path)
    assert len(versions) == 2
    assert versions[1]["name"] == body["name"]


def test_every_acknowledged_update_is_one_version_and_no_other_is(port: int, race: Race) -> None:
    body = make.a_patient()
    path = stored(port, body)
    changes = [body | {"name": [{"family": f"N{number}"}]} for number in range(32)]
    answers = race([("PUT", path, change, {}) for change in changes])
    passed = [answer["name"][0]["family"] for status, answer in answers if status == 200]
    assert {status for status, _ in answers} <= {200, 409}
    assert passed
    versions = has_every_version_once(port, path)
    assert sorted(one["name"][0]["family"] for one in versions[:-1]) == sorted(passed)


def test_a_deletion_and_updates_at_once_leave_an_order_that_can_be_read(
    port: int, race: Race
) -> None:
    body = make.a_patient()
    path = stored(port, body)
    requests: list[Request] = [("PUT", path, body, {"If-Match": 'W/"1"'})] * 15
    answers = race([("DELETE", path, None, {"If-Match": 'W/"1"'}), *requests])
    counted = Counter(status for status, _ in answers)
    assert counted[200] + counted[204] == 1
    assert set(counted) <= {200, 204, 404, 409, 410, 412}
    assert found(port, f"{path}/_history")["total"] == 2


# Transactions


def test_transactions_on_the_same_resources_are_all_or_nothing(port: int, race: Race) -> None:
    bodies = [make.a_patient() for _ in range(4)]
    paths = [stored(port, body) for body in bodies]

    def bundle(number: int) -> Request:
        named = [{"family": f"N{number}"}]
        # In another order each, so that they would hold each other up.
        pairs = list(zip(paths, bodies, strict=True))
        turned = pairs[number % 4 :] + pairs[: number % 4]
        entries = [entry("PUT", path, body | {"name": named}) for path, body in turned]
        entries.append(entry("POST", "Basic", a_mark(number)))
        return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, {}

    def a_mark(number: int) -> Json:
        named = {"system": "urn:race", "value": str(number)}
        return {"resourceType": "Basic", "identifier": [named], "code": {"text": "race"}}

    answers = race([bundle(number) for number in range(24)])
    assert {status for status, _ in answers} <= {200, 409}
    passed = sum(status == 200 for status, _ in answers)
    assert passed >= 1
    histories = [has_every_version_once(port, path) for path in paths]
    assert {len(versions) for versions in histories} == {passed + 1}
    # Each transaction is the same step in the history of all four.
    for step in zip(*histories, strict=True):
        assert len({one["name"][0]["family"] for one in step}) == 1
    marks = found(port, "Basic?identifier=urn:race%7C&_summary=count")
    assert marks["total"] == passed


def test_a_transaction_that_is_refused_at_its_end_leaves_nothing_in_a_race(
    port: int, race: Race
) -> None:
    body = make.a_patient()
    path = stored(port, body)
    ids = [make.new_id() for _ in range(32)]

    def bundle(number: int) -> Request:
        created = make.a_patient(id=ids[number])
        entries = [
            entry("PUT", f"Patient/{ids[number]}", created),
            entry("PUT", path, body | {"active": False}, ifMatch='W/"1"'),
        ]
        return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries}, {}

    answers = race([bundle(number) for number in range(32)])
    counted = Counter(status for status, _ in answers)
    assert counted[200] == 1
    assert set(counted) <= {200, 409, 412}
    made = found(port, f"Patient?_id={','.join(ids)}&_summary=count")["total"]
    assert made == 1
    assert len(has_every_version_once(port, path)) == 2
