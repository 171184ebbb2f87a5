"""Every status that a caller can meet, with the issue code that says why (docs/api/README.md).

503 is in `tests/integration/test_faults.py`, 429 in `test_limits.py`, 428 in
`test_required_versions.py`, 415 for codings in `test_compression.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_server import observe
from fhir_server.store.mongo.connect import connect
from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital
from tests.support.replies import FHIR_JSON, Caller, Reply
from tests.support.world import World

INTERNALS = (b"Traceback", b"KeyError", b"mongo", b"pymongo", b"fhir_server", b".py")


def code(reply: Reply, status: int) -> str:
    """Return the code of the first issue of a refusal with `status`."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"] == f"{FHIR_JSON}; charset=utf-8"
    assert reply.headers["cache-control"] == "private, no-store"
    assert reply.issue["severity"] in ("error", "fatal")
    assert reply.issue["diagnostics"]
    return str(reply.issue["code"])


def test_400_malformed_json_is_of_structure(world: World) -> None:
    assert code(world.trusted.post("Patient", b"{"), 400) == "structure"


def test_400_an_unknown_parameter_is_not_supported(world: World) -> None:
    assert code(world.trusted.get("Patient?colour=blue"), 400) == "not-supported"


def test_401_without_a_token_login_is_asked_for(world: World) -> None:
    reply = Caller(world.app.test_client(), "no.such.token").get("Patient/1")
    assert code(reply, 401) == "login"
    assert re.fullmatch(
        'Bearer realm="fhir", error="invalid_token", error_description="[a-z ]+"',
        reply.headers["www-authenticate"],
    )


def test_403_what_a_caller_may_never_do_is_forbidden(world: World) -> None:
    body = make.a_consent(world.patient(), "permit", a_doctor())
    reply = world.as_(a_hospital()).post("Consent", body)
    assert code(reply, 403) == "forbidden"


def test_404_what_is_not_there_is_not_found(world: World) -> None:
    assert code(world.trusted.get("Patient/nobody"), 404) == "not-found"


def test_404_an_address_that_is_none_is_not_supported(world: World) -> None:
    assert code(world.trusted.get("Patient/1/2/3/4"), 404) == "not-supported"


def test_405_a_verb_that_an_address_does_not_take_is_not_supported(world: World) -> None:
    reply = world.trusted.post("Patient/1", {})
    assert code(reply, 405) == "not-supported"
    assert reply.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


def test_406_a_form_that_is_not_written_is_not_supported(world: World) -> None:
    assert code(world.trusted.get("Patient", Accept="text/turtle"), 406) == "not-supported"


def test_409_an_id_that_is_taken_meanwhile_is_a_conflict(world: World, mongo_uri: str) -> None:
    body = make.a_patient()
    world.has(body)
    with connect(mongo_uri) as mongo:
        # As if the history had been written by someone else a moment ago.
        history = mongo[world._store._db.name]["Patient.history"]
        history.insert_one({"_id": f"{body['id']}/1", "id": body["id"], "version": 1})
        assert code(world.trusted.put(body | {"active": False}), 409) == "conflict"
        history.delete_one({"_id": f"{body['id']}/1"})


def test_410_what_was_deleted_says_so(world: World) -> None:
    anna = world.patient()
    world.lacks(f"Patient/{anna}")
    assert code(world.trusted.get(f"Patient/{anna}"), 410) == "deleted"


def test_412_another_version_is_a_conflict(world: World) -> None:
    body = make.a_patient()
    world.has(body)
    assert code(world.trusted.put(body, If_Match='W/"9"'), 412) == "conflict"


def test_412_a_condition_that_several_meet_says_so(world: World) -> None:
    name = make.new_hex()
    for _ in range(2):
        world.patient(name=[{"family": name}])
    reply = world.trusted.send("PUT", f"Patient?family={name}", {"resourceType": "Patient"})
    assert code(reply, 412) == "multiple-matches"


def test_413_a_body_over_the_limit_is_too_long(world: World) -> None:
    body = b" " * (20 * 1024 * 1024 + 1)
    assert code(world.trusted.post("Patient", body), 413) == "too-long"


def test_414_an_address_over_the_limit_is_too_long_and_told_the_cure(world: World) -> None:
    reply = world.trusted.get("Patient?family=" + "x" * 33_000)
    assert code(reply, 414) == "too-long"
    assert "POST `_search`" in reply.issue["diagnostics"]


def test_415_a_body_of_another_type_is_not_supported(world: World) -> None:
    reply = world.trusted.send("POST", "Patient", b"a: b", "text/turtle")
    assert code(reply, 415) == "not-supported"


def test_422_what_is_against_r4_names_the_place(world: World) -> None:
    reply = world.trusted.post("Patient", {"resourceType": "Patient", "gender": "tree"})
    assert code(reply, 422) in ("code-invalid", "value")
    assert reply.issue["expression"] == ["Patient.gender"]


# 500


@pytest.fixture
def broken(world: World, mongo_uri: str) -> Iterator[str]:
    """Give a patient whose row has lost its body, as by a fault of a disk or of a hand."""
    anna = world.patient()
    with connect(mongo_uri) as mongo:
        patients = mongo[world._store._db.name]["Patient"]
        patients.update_one({"_id": anna}, {"$unset": {"raw": 1}})
        yield anna
        patients.delete_one({"_id": anna})


@pytest.mark.parametrize("path", ["Patient/{id}", "Patient?_id={id}", "Patient/{id}/_history"])
def test_500_a_fault_is_an_exception_that_quotes_the_request_and_nothing_else(
    world: World, broken: str, path: str
) -> None:
    reply = world.trusted.get(path.format(id=broken), X_Request_Id="fault-1")
    assert code(reply, 500) == "exception"
    assert reply.issue["severity"] == "fatal"
    assert reply.issue["diagnostics"].endswith("quote request `fault-1`")
    assert reply.headers["x-request-id"] == "fault-1"
    assert not any(word in reply.body for word in (*INTERNALS, broken.encode()))


def test_500_in_one_entry_of_a_batch_is_that_of_the_request(world: World, broken: str) -> None:
    reply = world.trusted.transact(
        {"request": {"method": "GET", "url": f"Patient/{broken}"}}, kind="batch"
    )
    assert code(reply, 500) == "exception"


def test_a_fault_is_logged_under_its_request_without_the_record(
    world: World, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    observe.configure("error")
    world.trusted.get(f"Patient/{broken}", X_Request_Id="fault-2")
    told = capsys.readouterr().err
    assert "fault-2" in told
    assert "KeyError" in told
    assert broken not in told


# Verbs


ADDRESSES = {
    "/fhir": "GET, HEAD, OPTIONS, POST",
    "/fhir/metadata": "GET, HEAD, OPTIONS",
    "/fhir/_history": "GET, HEAD, OPTIONS",
    "/fhir/_search": "OPTIONS, POST",
    "/fhir/Patient": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
    "/fhir/Patient/_search": "OPTIONS, POST",
    "/fhir/Patient/1": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/fhir/Patient/1/_history": "GET, HEAD, OPTIONS",
    "/fhir/Patient/1/_history/1": "GET, HEAD, OPTIONS",
    "/health/live": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/.well-known/smart-configuration": "GET, HEAD, OPTIONS",
}
"""What each address takes."""


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.app.test_client()


def known(allow: str) -> list[str]:
    return allow.split(", ")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT", "LOCK", "X"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_405_an_unknown_verb_is_told_which_there_are(
    client: FlaskClient, address: str, method: str
) -> None:
    reply = Reply.of(client.open(address, method=method))
    assert code(reply, 405) == "not-supported"
    assert known(reply.headers["allow"]) == known(ADDRESSES[address])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_405_is_for_the_verbs_that_allow_does_not_name_alone(
    client: FlaskClient, address: str, method: str
) -> None:
    reply = Reply.of(client.open(address, method=method))
    if method in known(ADDRESSES[address]):
        assert reply.status != 405
    else:
        assert code(reply, 405) == "not-supported"
        assert known(reply.headers["allow"]) == known(ADDRESSES[address])


@pytest.mark.parametrize("address", ADDRESSES)
def test_options_says_the_verbs_of_an_address_and_needs_no_token(
    client: FlaskClient, address: str
) -> None:
    reply = Reply.of(client.open(address, method="OPTIONS"))
    assert (reply.status, reply.body) == (204, b"")
    assert known(reply.headers["allow"]) == known(ADDRESSES[address])
    assert ("accept-patch" in reply.headers) == ("PATCH" in ADDRESSES[address])
    assert not any(name.startswith("access-control-") for name in reply.headers)


def test_405_what_can_only_be_added_to_says_that_it_can_be_read(world: World) -> None:
    anna = world.patient()
    world.trusted.get(f"Patient/{anna}")
    trace = world.traces(anna)[0]
    reply = world.trusted.delete(f"AuditEvent/{trace['id']}")
    assert code(reply, 405) == "not-supported"
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PROPFIND"])
def test_404_an_address_that_is_none_has_no_verbs(client: FlaskClient, method: str) -> None:
    reply = Reply.of(client.open("/nothing/here", method=method))
    assert code(reply, 404) == "not-supported"
    assert "allow" not in reply.headers


# HEAD, inside a Bundle too


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_head_in_a_bundle_answers_as_get_does_and_without_a_resource(
    world: World, kind: str
) -> None:
    anna = world.patient()
    urls = [f"Patient/{anna}", f"Patient/{anna}/_history/1", f"Patient?_id={anna}"]
    entries: list[dict[str, Any]] = [
        {"request": {"method": method, "url": url}} for url in urls for method in ("GET", "HEAD")
    ]
    reply = world.trusted.transact(*entries, kind=kind)
    assert reply.status == 200
    for got, headed in zip(reply.entries[::2], reply.entries[1::2], strict=True):
        assert got["response"]["status"] == headed["response"]["status"] == "200 OK"
        assert got["response"].get("etag") == headed["response"].get("etag")
        assert "resource" in got
        assert "resource" not in headed


def test_head_of_what_is_not_there_says_so_in_a_bundle(world: World) -> None:
    entries = ({"request": {"method": "HEAD", "url": "Patient/nobody"}},)
    (entry,) = world.trusted.transact(*entries, kind="batch").entries
    assert entry["response"]["status"] == "404"
    assert entry["response"]["outcome"]["issue"][0]["code"] == "not-found"


def test_head_leaves_the_trace_that_get_leaves(world: World) -> None:
    anna = world.patient()
    world.trusted.send("HEAD", f"Patient/{anna}", X_Request_Id="head-1")
    assert len(world.traces(anna, "head-1")) == 1


HEADED = ["metadata", "Patient", "Patient/{id}", "Patient/{id}/_history", "Patient/_history",
          "_history", "Patient/{id}/_history/1", "Patient/{id}/$everything", "Patient/{id}/$meta",
          "Patient/nobody", "Patient?colour=blue"]  # fmt: skip


@pytest.mark.parametrize("path", HEADED)
def test_head_has_the_status_and_headers_of_get(world: World, path: str) -> None:
    asked = path.format(id=world.patient())
    headed, got = world.trusted.send("HEAD", asked), world.trusted.get(asked)
    assert headed.body == b""
    for name in ("content-type", "etag", "last-modified", "vary", "cache-control"):
        assert headed.headers.get(name) == got.headers.get(name)
    assert headed.status == got.status


def test_the_table_of_the_documentation_names_every_status_of_these_tests() -> None:
    page = Path(__file__).parents[2] / "docs/api/README.md"
    documented = set(re.findall(r"^\| (\d{3}) \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    tested = set(re.findall(r"def test_(\d{3})_", Path(__file__).read_text(encoding="utf-8")))
    assert len(tested) > 12
    assert tested | {"428", "429", "503"} <= documented
