"""What is told without a token, and with one that is none (contract, tokens)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from fhir_server.consent.requester import Kind, Requester
from fhir_server.identity.tokens import mint
from tests.contract.conventions import client as client
from tests.contract.conventions import guarded as guarded
from tests.contract.conventions import home as home
from tests.contract.conventions import issue
from tests.contract.conventions import serve as serve

# Who asks


@pytest.mark.parametrize(
    "path",
    ["/fhir", "/fhir/Patient", "/fhir/Patient/1", "/fhir/Patient/1/_history", "/fhir/Wizard",
     "/fhir/Patient/$record-status?identifier=a"],
)  # fmt: skip
def test_without_a_token_nothing_is_told(guarded: FlaskClient, path: str) -> None:
    response = guarded.get(path)
    assert issue(response, 401)["code"] == "login"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="fhir"'


@pytest.mark.parametrize(
    "path",
    ["/fhir/metadata", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json",
     "/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration",
     "/.well-known/jwks.json"],
)  # fmt: skip
def test_what_is_open_needs_no_token(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize("which", ["client", "guarded"])
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer a.b.c", "Basic eDp5", "Bearer x, Bearer y"]
)
def test_a_token_that_is_none_is_refused_even_where_strangers_are_trusted(
    request: pytest.FixtureRequest, which: str, header: str
) -> None:
    asked: FlaskClient = request.getfixturevalue(which)
    response = asked.get("/fhir/Patient/1", headers={"Authorization": header})
    assert issue(response, 401)["code"] == "login"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_of_the_installation_is_believed(guarded: FlaskClient, home: Path) -> None:
    token = mint(home, Requester(kind=Kind.TRUSTED_SYSTEM))
    response = guarded.get("/fhir/Patient/1", headers={"Authorization": f"bearer {token}"})
    assert issue(response, 404)["code"] == "not-found"


def test_an_expired_token_is_called_expired(guarded: FlaskClient, home: Path) -> None:
    token = mint(home, Requester(kind=Kind.TRUSTED_SYSTEM), 1, now=time.time() - 10)
    response = guarded.get("/fhir/Patient/1", headers={"Authorization": f"Bearer {token}"})
    assert issue(response, 401)["diagnostics"] == "the access token has expired"


# Beside /fhir


def test_the_published_keys_verify_and_do_not_sign(client: FlaskClient) -> None:
    (key,) = json.loads(client.get("/.well-known/jwks.json").data)["keys"]
    assert key["alg"] == "ES256"
    assert "d" not in key
