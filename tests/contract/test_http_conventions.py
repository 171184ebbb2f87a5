"""What every FHIR client may rely on, whatever the record holds (contract, HTTP conventions)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from fhir_server.app import create_app
from fhir_server.http.endpoint import UNKNOWN_ROUTE
from fhir_server.http.routes import ROUTES
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.contract.conventions import FHIR_JSON, PATCH_FORMATS, PATIENT, Serve, issue
from tests.contract.conventions import client as client
from tests.contract.conventions import home as home
from tests.contract.conventions import serve as serve

# Addresses and verbs


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/nothing/here/at/all",
        "/fhir//Patient",
        "/fhir/Patient//1",
        "/fhir/Patient/1/_history/1/2",
        "/fhir/Patient;a=b/1",
        "/fhir/Patient/..%2f..%2fetc",
        "/fhir/%00/1",
        "/fhir/%ff",
        "/fhir/Patient/a_b",
        "/fhir/Patient/" + "a" * 65,
        "/fhir/<script>",
        "/fhir/Patient/$nothing",
        "/fhir/$nothing",
    ],
)
def test_a_strange_address_is_answered_with_an_outcome(client: FlaskClient, path: str) -> None:
    assert issue(client.get(path), 404)["code"] in {"not-supported", "not-found"}


def test_an_unknown_type_is_named(client: FlaskClient) -> None:
    found = issue(client.get("/fhir/Wizard/1"), 404)
    assert found == {
        "severity": "error",
        "code": "not-supported",
        "diagnostics": "the resource type `Wizard` is not one of R4",
    }


def test_a_type_in_lower_case_gets_a_hint(client: FlaskClient) -> None:
    found = issue(client.get("/fhir/documentreference"), 404)
    assert found["diagnostics"].endswith("did you mean `DocumentReference`?")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "LOCK"])
def test_an_odd_verb_is_refused_with_those_that_exist(client: FlaskClient, method: str) -> None:
    response = client.open("/fhir/Patient/1", method=method)
    assert issue(response, 405)["code"] == "not-supported"
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_write_to_a_type_needs_a_condition(client: FlaskClient, method: str) -> None:
    body = {"PUT": PATIENT, "PATCH": "[]"}.get(method)
    type_ = "application/json-patch+json" if method == "PATCH" else FHIR_JSON
    response = client.open("/fhir/Patient", method=method, data=body, content_type=type_)
    found = issue(response, 400)
    assert found["diagnostics"] == "a condition needs at least one search parameter"


def test_a_slash_at_the_end_changes_nothing(client: FlaskClient) -> None:
    bare, slashed = client.get("/fhir/Patient/1"), client.get("/fhir/Patient/1/")
    assert (bare.status_code, bare.data) == (slashed.status_code, slashed.data)


def test_an_escaped_slash_is_the_same_address(client: FlaskClient) -> None:
    plain, escaped = client.get("/fhir/Patient/1"), client.get("/fhir/Patient%2F1")
    assert (plain.status_code, plain.data) == (escaped.status_code, escaped.data)


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/metadata",
        "/fhir/Patient?_count=1",
        "/fhir/Patient/1",
        "/fhir/Patient/1/_history",
        "/health/live",
        "/health/ready",
        "/docs",
        "/openapi.json",
        "/.well-known/smart-configuration",
    ],
)
def test_head_is_get_without_a_body(client: FlaskClient, path: str) -> None:
    got, headed = client.get(path), client.head(path)
    assert headed.data == b""
    assert headed.status_code == got.status_code
    assert headed.headers["Content-Length"] == got.headers["Content-Length"]
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]


def test_search_by_form_is_search_by_query(client: FlaskClient) -> None:
    created = client.post(
        "/fhir/Patient",
        data=json.dumps({"resourceType": "Patient", "name": [{"family": "Dupont-Form"}]}),
        content_type=FHIR_JSON,
    )
    assert created.status_code == 201, created.text
    by_query = client.get("/fhir/Patient?family=dupont-form&_total=accurate")
    by_form = client.post("/fhir/Patient/_search?_total=accurate", data={"family": "dupont-form"})
    assert by_query.status_code == by_form.status_code == 200, by_form.text
    queried, formed = json.loads(by_query.data), json.loads(by_form.data)
    assert queried["total"] == formed["total"] == 1
    assert queried["entry"] == formed["entry"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("a=%ff", 400), ("&".join(["a=1"] * 300), 400), ("a=" + "x" * 40_000, 414)],
    ids=["bytes", "many", "long"],
)
def test_a_query_out_of_bounds_is_refused(client: FlaskClient, query: str, status: int) -> None:
    issue(client.get(f"/fhir/Patient?{query}"), status)


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "<x>", "a,b", "x" * 300])
def test_a_host_that_is_none_is_refused(client: FlaskClient, host: str) -> None:
    issue(client.get("/fhir/Patient/1", headers={"Host": host}), 400)


# Headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fhir/Patient/1"),
        ("GET", "/fhir/Patient?_count=1"),
        ("GET", "/fhir/Wizard"),
        ("GET", "/fhir/nothing/here/at/all"),
        ("PUT", "/fhir/Patient"),
        ("POST", "/fhir/Patient"),
    ],
)
def test_no_clinical_answer_may_be_cached(client: FlaskClient, method: str, path: str) -> None:
    headers = client.open(path, method=method).headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Vary"] == "Authorization, Accept, Accept-Encoding"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_capabilities_may_be_cached(client: FlaskClient) -> None:
    assert "public" in client.get("/fhir/metadata").headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/1", "/fhir/x/y/z/1", "/docs"])
def test_a_request_keeps_its_id(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"X-Request-Id": "trace-1.A_b"})
    assert response.headers["X-Request-Id"] == "trace-1.A_b"


@pytest.mark.parametrize("given", [None, "", "a b", "é", "x" * 65, "a;b", "<x>"])
def test_a_request_without_a_fit_id_gets_one(client: FlaskClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    response = client.get("/fhir/Patient/1", headers=headers)
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-Id"])


def test_the_smart_configuration_is_the_same_at_both_places(client: FlaskClient) -> None:
    root = client.get("/.well-known/smart-configuration")
    assert root.data == client.get("/fhir/.well-known/smart-configuration").data
    assert json.loads(root.data)["jwks_uri"] == "http://localhost/.well-known/jwks.json"


def test_a_ready_server_says_so(client: FlaskClient) -> None:
    response = client.get("/health/ready")
    assert json.loads(response.data) == {"status": "ready", "problems": []}


@pytest.fixture(scope="module")
def stranded(home: Path) -> Iterator[FlaskClient]:
    """Give a client of a server whose MongoDB is away."""
    with connect(
        "mongodb://127.0.0.1:9/?directConnection=true&serverSelectionTimeoutMS=50"
    ) as mongo:
        settings = Settings(auth="off", data_dir=home, log_level="error")
        yield create_app(settings, store=MongoStore(mongo, "nowhere")).test_client()


def test_without_mongodb_a_read_is_to_be_tried_again(stranded: FlaskClient) -> None:
    response = stranded.get("/fhir/Patient/1")
    assert issue(response, 503)["code"] == "transient"
    assert int(response.headers["Retry-After"]) > 0


def test_without_mongodb_the_server_is_alive_and_not_ready(stranded: FlaskClient) -> None:
    assert stranded.get("/health/live").status_code == 200
    response = stranded.get("/health/ready")
    assert response.status_code == 503
    assert json.loads(response.data)["problems"]


def test_metrics_count_by_route_and_name_no_record(client: FlaskClient) -> None:
    client.get("/fhir/Patient/secret-id-1?family=secret-name")
    client.get("/fhir/secret-path/a/b/c/d")
    text = client.get("/metrics").text
    assert 'route="/fhir/{type}/{id}"' in text
    assert "secret" not in text
    named = set(re.findall(r'route="([^"]*)"', text))
    assert named <= {UNKNOWN_ROUTE, *(route.template for route in ROUTES)}
    assert "Patient" not in re.sub(r'route="[^"]*"', "", text)


def test_logs_name_no_record(
    serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhir_server import observe

    asked = serve("off")
    observe.configure("debug")
    asked.get("/fhir/Patient/secret-id-1?family=secret-name", headers={"X-Request-Id": "r-1"})
    asked.get("/fhir/secret-path/a/b/c/d")
    observe.configure("error")
    told = capsys.readouterr().err
    assert "/fhir/{type}/{id}" in told
    assert "r-1" in told
    assert "secret" not in told
    assert "Patient" not in told


def test_the_openapi_document_describes_every_fhir_address(client: FlaskClient) -> None:
    document = json.loads(client.get("/openapi.json").data)
    assert document["openapi"].startswith("3.")
    assert {"/fhir/metadata", "/fhir/Patient", "/fhir/Patient/{id}"} <= set(document["paths"])
    refused = document["components"]["responses"]["error"]
    assert list(refused["content"]) == [FHIR_JSON, "application/fhir+xml"]
    patch = document["components"]["requestBodies"]["patch"]
    assert set(patch["content"]) >= set(PATCH_FORMATS)
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document))
    assert set(names) <= set(document["components"]["schemas"])


def test_the_documentation_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href)="https?://', page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
