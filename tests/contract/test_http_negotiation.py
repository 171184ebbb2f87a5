"""In which forms requests and answers come, and how large a request may be."""

from __future__ import annotations

import io
import json

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.http.pretty import pretty
from tests.contract.conventions import CHUNKED, FHIR_JSON, LIMIT, PATIENT, issue
from tests.contract.conventions import client as client
from tests.contract.conventions import home as home
from tests.contract.conventions import serve as serve

# Negotiation


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/fhir+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/json",
        "text/json",
        "application/fhir+xml;q=0.1, application/fhir+json;q=0.9",
        "application/fhir+xml;q=0, */*",
        "application/fhir+json, application/fhir+xml",
        "application/fhir+xml; fhirVersion=5.0, application/fhir+json",
        "application/fhir+xml;q=nonsense, application/fhir+json;q=0.1",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "APPLICATION/FHIR+JSON",
    ],
)
def test_json_is_given_to_who_accepts_it(client: FlaskClient, accept: str) -> None:
    response = client.get("/fhir/metadata", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.content_type == "application/fhir+json; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "text/html",
        "image/png",
        "application/fhir+json;q=0",
        "application/fhir+xml;q=0",
        "*/*;q=0",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+xml; fhirVersion=3.0",
        "nonsense",
    ],
)
def test_another_form_is_not_acceptable(client: FlaskClient, accept: str) -> None:
    response = client.get("/fhir/Patient/1", headers={"Accept": accept})
    told = issue(response, 406)["diagnostics"]
    assert told.endswith("ask for `application/fhir+json` or `application/fhir+xml`")


@pytest.mark.parametrize("value", ["json", "application/json", "application/fhir%2Bjson",
                                   "application/fhir+json", "text/json"])  # fmt: skip
def test_format_stands_above_accept(client: FlaskClient, value: str) -> None:
    path = f"/fhir/metadata?_format={value}"
    for accept in ("application/fhir+xml", "image/png"):
        response = client.get(path, headers={"Accept": accept})
        assert response.status_code == 200
        assert response.content_type == "application/fhir+json; charset=utf-8"


@pytest.mark.parametrize("value", ["ttl", "text/turtle", "html", "image/png", ""])
def test_a_format_that_is_not_written_is_not_acceptable(client: FlaskClient, value: str) -> None:
    issue(client.get(f"/fhir/Patient?_format={value}"), 406)


def test_pretty_changes_spaces_only(client: FlaskClient) -> None:
    bare, pretty = client.get("/fhir/metadata"), client.get("/fhir/metadata?_pretty=true")
    assert pretty.data.count(b"\n") > 10
    assert json.loads(bare.data) == json.loads(pretty.data)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(_values, st.booleans())
def test_pretty_keeps_every_value(value: object, spaced: bool) -> None:
    separators = (" , ", " : ") if spaced else (",", ":")
    body = json.dumps(value, ensure_ascii=False, separators=separators).encode("utf-8", "replace")
    assert json.loads(pretty(body)) == json.loads(body)


def test_pretty_keeps_numbers_and_escapes_as_they_were() -> None:
    body = b'{"a":[1.00,-1e3,0.10],"b":"\\u00e9 \\"{,}[:]","c":{ },"d":[ ]}'
    kept = pretty(body)
    for text in (b"1.00", b"-1e3", b"0.10", b'"\\u00e9 \\"{,}[:]"', b'"c": {}', b'"d": []'):
        assert text in kept


@pytest.mark.parametrize(
    "content_type",
    [
        "text/turtle",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+xml; charset=iso-8859-1",
        "application/fhir+xml; fhirVersion=5.0",
        None,
    ],
)
def test_a_body_in_another_form_is_unsupported(
    client: FlaskClient, content_type: str | None
) -> None:
    response = client.post("/fhir/Patient", data=PATIENT, content_type=content_type)
    assert "`application/fhir+json`" in issue(response, 415)["diagnostics"]


@pytest.mark.parametrize(
    "content_type",
    [FHIR_JSON, "application/json", "application/fhir+json; charset=UTF-8",
     'application/fhir+json;charset="utf-8";fhirVersion=4.0'],
)  # fmt: skip
def test_json_in_utf_8_is_read(client: FlaskClient, content_type: str) -> None:
    response = client.post("/fhir/Patient", data=PATIENT, content_type=content_type)
    assert response.status_code == 201, response.text


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "text/plain", None])
def test_a_patch_of_another_kind_is_unsupported(
    client: FlaskClient, content_type: str | None
) -> None:
    response = client.patch("/fhir/Patient/1", data="[]", content_type=content_type)
    assert "`application/json-patch+json`" in issue(response, 415)["diagnostics"]


# Bounds


def test_a_body_over_the_limit_is_refused_before_it_is_read(client: FlaskClient) -> None:
    body = io.BytesIO(b"x" * (LIMIT + 1))
    response = client.post(
        "/fhir/Patient",
        input_stream=body,
        content_type=FHIR_JSON,
        environ_overrides={"CONTENT_LENGTH": str(LIMIT + 1)},
    )
    assert issue(response, 413)["code"] == "too-long"
    assert body.tell() == 0


def test_a_body_of_unknown_length_is_read_to_the_limit_only(client: FlaskClient) -> None:
    body = io.BytesIO(b"x" * LIMIT * 4)
    response = client.post(
        "/fhir/Patient",
        input_stream=body,
        content_type=FHIR_JSON,
        environ_overrides=CHUNKED,
    )
    assert issue(response, 413)["code"] == "too-long"
    assert body.tell() == LIMIT + 1


def test_a_body_of_unknown_length_under_the_limit_is_read(client: FlaskClient) -> None:
    response = client.post(
        "/fhir/Patient",
        input_stream=io.BytesIO(PATIENT.encode()),
        content_type=FHIR_JSON,
        environ_overrides=CHUNKED,
    )
    assert response.status_code == 201, response.text


@pytest.mark.parametrize("length", ["10", "-1", "1e3", "٣"])
def test_a_length_that_is_not_the_body_s_is_refused(client: FlaskClient, length: str) -> None:
    response = client.post(
        "/fhir/Patient",
        input_stream=io.BytesIO(b"{}"),
        content_type=FHIR_JSON,
        environ_overrides={"CONTENT_LENGTH": length},
    )
    issue(response, 400)
