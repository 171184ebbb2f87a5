"""Clients that no one here wrote, unmodified, against a server as a person starts it.

fhirpy (https://github.com/beda-software/fhir-py) and SMART's fhirclient
(https://github.com/smart-on-fhir/client-py).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.test_serve import Server

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the FHIR base of a running server that trusts this machine."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    folder = tmp_path_factory.mktemp("clients") / "data"
    server = Server(folder, port, "--auth", "off", "--workers", "1")
    try:
        server.wait_until_it_answers()
        yield f"http://127.0.0.1:{port}/fhir"
    finally:
        server.process.terminate()
        server.process.wait(30)


@pytest.fixture
def fhirpy(base: str) -> Any:
    return pytest.importorskip("fhirpy").SyncFHIRClient(base)


@pytest.fixture
def smart(base: str) -> Any:
    client = pytest.importorskip("fhirclient.client")
    found = client.FHIRClient(settings={"app_id": "tests", "api_base": f"{base}/"})
    found.prepare()
    return found.server


def test_fhirpy_creates_updates_searches_pages_and_deletes(fhirpy: Any) -> None:
    patient = fhirpy.resource("Patient", name=[{"family": "Lefèvre", "given": ["Zoé"]}])
    patient.save()
    patient["gender"] = "female"
    patient.save()
    assert patient["meta"]["versionId"] == "2"
    found = fhirpy.resources("Patient").search(family="lefevre").fetch_all()
    assert patient.id in [one.id for one in found]
    for _ in range(7):
        fhirpy.resource(
            "Observation", status="final", code={"text": "x"}, subject=patient.to_reference()
        ).save()
    mine = fhirpy.resources("Observation").search(patient=patient.id)
    assert len({one.id for one in mine.limit(3).fetch_all()}) == 7
    patient.delete()
    with pytest.raises(Exception, match="was deleted"):
        fhirpy.reference("Patient", patient.id).to_resource()


def test_fhirpy_is_told_what_is_wrong_in_an_outcome(fhirpy: Any) -> None:
    with pytest.raises(Exception, match="administrative-gender"):
        fhirpy.resource("Patient", gender="tree").save()
    with pytest.raises(Exception, match="no search parameter"):
        fhirpy.resources("Patient").search(foo="x").fetch()


def test_fhirpy_runs_a_transaction_and_a_conditional_update(fhirpy: Any) -> None:
    entry = {
        "request": {"method": "POST", "url": "Patient"},
        "resource": {"resourceType": "Patient"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert fhirpy.execute("/", method="post", data=bundle)["type"] == "transaction-response"
    wanted = fhirpy.resource("Patient", identifier=[{"system": "urn:q", "value": "1"}])
    sought = fhirpy.resources("Patient").search(identifier="urn:q|1")
    assert [sought.update(wanted)[1] for _ in range(2)] == [True, False]


def test_fhirclient_creates_reads_updates_searches_and_deletes(smart: Any) -> None:
    patients = pytest.importorskip("fhirclient.models.patient")
    patient = patients.Patient({"name": [{"family": "Durand", "given": ["Anne"]}]})
    made = patient.create(smart)
    read = patients.Patient.read(made["id"], smart)
    assert read.name[0].family == "Durand"
    read.gender = "female"
    assert read.update(smart)["meta"]["versionId"] == "2"
    found = patients.Patient.where(struct={"family": "durand"}).perform_resources(smart)
    assert made["id"] in [one.id for one in found]
    read.delete(smart)
    with pytest.raises(Exception, match="410"):
        patients.Patient.read(made["id"], smart)
