"""R4 http.html 3.1.0.1 and 3.1.0.13 to 3.1.0.17: what holds of every interaction."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from fhir_server.fhir.xml import to_xml
from tests.support import resources as make
from tests.support.citing import http
from tests.support.replies import FHIR_JSON, Reply, entry, told_apart
from tests.support.world import World

OWN = "127.0.0.1:8080/fhir"
"""The base of a server whose settings give none, without its scheme."""
XML = "application/fhir+xml; charset=utf-8"
JSON = "application/fhir+json; charset=utf-8"


@http("3.1.0.1.2-1")
def test_an_id_in_other_case_is_another_resource(world: World) -> None:
    world.has(make.a_patient(id="Case-A"))
    assert world.trusted.get("Patient/Case-A").status == 200
    reply = world.trusted.get("Patient/case-a")
    assert (reply.status, reply.issue["code"]) == (404, "not-found")


@http("3.1.0.1.2-3")
def test_an_address_is_read_as_utf_8(world: World) -> None:
    family = f"Noël-{make.new_hex()}"
    world.has(make.a_patient(name=[{"family": family}]))
    assert world.trusted.get(f"Patient?family={quote(family)}").total == 1
    latin = world.trusted.get(f"Patient?family={quote(family, encoding='latin-1')}")
    assert (latin.status, latin.issue["code"]) == (400, "invalid")


def referring(world: World, base: str) -> tuple[str, str]:
    """Store a result whose subject is written with `base`; return ids of patient and result."""
    anna = world.patient()
    subject = make.reference(f"{base}/Patient/{anna}")
    return anna, world.has(make.an_observation(anna, subject=subject))


@http("3.1.0.1.2-4")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_http_and_https_name_the_same_resource(world: World, scheme: str) -> None:
    anna, result = referring(world, f"{scheme}://{OWN}")
    assert world.trusted.get(f"Observation?patient={anna}").ids == [result]
    other = {"http": "https", "https": "http"}[scheme]
    assert world.trusted.get(f"Observation?subject={other}://{OWN}/Patient/{anna}").total == 1


@http("3.1.0.1.2-5")
def test_another_port_is_another_server(world: World) -> None:
    anna, _ = referring(world, "http://127.0.0.1:8081/fhir")
    assert world.trusted.get(f"Observation?patient={anna}").total == 0


@http("3.1.0.1.8-1", "3.1.0.6-3")
@pytest.mark.parametrize("verb", ["create", "update", "patch"])
@pytest.mark.parametrize("preference", ["minimal", "representation", "OperationOutcome"])
def test_a_write_brings_the_body_that_is_preferred(
    world: World, verb: str, preference: str
) -> None:
    body, prefer = make.a_patient(), {"Prefer": f"return={preference}"}
    world.has(body)
    match verb:
        case "create":
            reply = world.trusted.post("Patient", body, **prefer)
        case "update":
            reply = world.trusted.put(body, **prefer)
        case _:
            change = {"op": "replace", "path": "/active", "value": False}
            reply = world.trusted.patch(f"Patient/{body['id']}", change, **prefer)
    assert reply.status == (201 if verb == "create" else 200)
    assert brought(reply) == {"minimal": "", "representation": "Patient"}.get(
        preference, preference
    )


def brought(reply: Reply) -> str:
    """Return the type of the resource in the body, or nothing."""
    return str(reply.json["resourceType"]) if reply.body else ""


@http("3.1.0.1.8-2")
@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("preference", ["minimal", "representation", "OperationOutcome"])
def test_a_bundle_brings_in_each_entry_what_is_preferred(
    world: World, kind: str, preference: str
) -> None:
    asked = {"resourceType": "Bundle", "type": kind, "entry": [entry("POST", "Patient", patient())]}
    [told] = world.trusted.post("", asked, Prefer=f"return={preference}").entries
    assert ("resource" in told) == (preference == "representation")
    assert ("outcome" in told["response"]) == (preference == "OperationOutcome")
    assert told["response"]["status"] == "201 Created"


def patient() -> make.Json:
    return {"resourceType": "Patient", "active": True}


@http("3.1.0.1.8-3")
def test_an_outcome_comes_with_success_only_where_it_is_asked_for(world: World) -> None:
    assert brought(world.trusted.post("Patient", patient())) == "Patient"


@http("3.1.0.1.8-4")
@pytest.mark.parametrize("preference", ["minimal", "representation", "OperationOutcome"])
def test_a_failure_says_why_whatever_is_preferred(world: World, preference: str) -> None:
    reply = world.trusted.post(
        "Patient", patient() | {"gender": "x"}, Prefer=f"return={preference}"
    )
    assert (reply.status, reply.issue["expression"]) == (422, ["Patient.gender"])


@http("3.1.0.1.8-5")
def test_a_wish_for_an_asynchronous_answer_is_answered_at_once(world: World) -> None:
    anna = world.patient()
    reply = world.trusted.get(f"Patient/{anna}", Prefer="respond-async")
    assert (reply.status, reply.json["id"]) == (200, anna)


@http("3.1.0.1.9-4")
@pytest.mark.parametrize(
    ("old", "sent"), [("application/json+fhir", JSON), ("application/xml+fhir", XML)]
)
def test_the_types_of_before_stu3_are_understood_in_accept(
    world: World, old: str, sent: str
) -> None:
    reply = world.trusted.get("metadata", Accept=old)
    assert (reply.status, reply.headers["content-type"]) == (200, sent)


@http("3.1.0.1.9-7")
def test_what_is_sent_is_utf_8_and_says_so(world: World) -> None:
    anna = world.has(make.a_patient(name=[{"family": "Œuvray"}]))
    for form in ("json", "xml"):
        reply = world.trusted.get(f"Patient/{anna}?_format={form}")
        assert reply.headers["content-type"].endswith("; charset=utf-8")
        assert "Œuvray" in reply.body.decode("utf-8").replace("\\u0152", "Œ")


@http("3.1.0.1.10-1")
def test_the_version_of_fhir_may_be_named_at_both_ends(world: World) -> None:
    named = f"{FHIR_JSON}; fhirVersion=4.0"
    reply = world.trusted.send("POST", "Patient", patient(), named, Accept=named)
    assert (reply.status, brought(reply)) == (201, "Patient")


@http("3.1.0.1.10-2")
@pytest.mark.parametrize(
    ("sent", "accepted", "status"), [("3.0", "4.0", 415), ("4.0", "3.0", 406), ("3.0", "3.0", 406)]
)
def test_another_version_of_fhir_is_refused_at_either_end(
    world: World, sent: str, accepted: str, status: int
) -> None:
    reply = world.trusted.send(
        "POST", "Patient", patient(), f"{FHIR_JSON}; fhirVersion={sent}",
        Accept=f"{FHIR_JSON}; fhirVersion={accepted}",
    )  # fmt: skip
    assert (reply.status, reply.issue["code"]) == (status, "not-supported")


@http("3.1.0.1.11-2")
@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("before", ["", "text/", "application/", "application/fhir%2B"])
def test_each_name_of_a_form_means_it(world: World, before: str, form: str) -> None:
    reply = world.trusted.get(f"metadata?_format={before}{form}", Accept="text/turtle")
    assert (reply.status, reply.headers["content-type"]) == (200, XML if form == "xml" else JSON)


@http("3.1.0.1.11-5")
def test_the_form_asked_for_does_not_change_how_the_body_is_read(world: World) -> None:
    reply = world.trusted.send("POST", "Patient?_format=json", to_xml(patient()), XML)
    assert (reply.status, reply.headers["content-type"], brought(reply)) == (201, JSON, "Patient")


@http("3.1.0.13.1-1")
def test_the_statement_says_how_what_is_sent_is_kept(world: World) -> None:
    [rest] = world.trusted.get("metadata").json["rest"]
    assert "nothing is merged" in rest["documentation"]


@http("3.1.0.16-2")
@pytest.mark.parametrize("header", ["X_Request_Id", "X_Correlation_Id"])
def test_a_name_that_is_not_the_answer_s_id_is_given_back_beside_it(
    world: World, header: str
) -> None:
    reply = world.trusted.get("metadata", **{header: "of the caller; 1"})
    assert reply.headers["x-correlation-id"] == "of the caller; 1"
    assert reply.headers["x-request-id"] != "of the caller; 1"


@http("3.1.0.16-2")
@pytest.mark.parametrize("path", ["Patient/none", "no/such/address"])
def test_a_refusal_gives_the_caller_s_name_back_too(world: World, path: str) -> None:
    reply = world.trusted.get(path, X_Correlation_Id="mine")
    assert (reply.status, reply.headers["x-correlation-id"]) == (404, "mine")


@http("3.1.0.16-1")
@pytest.mark.parametrize("given", ["é", "x" * 257])
def test_a_name_that_is_no_name_is_not_given_back(world: World, given: str) -> None:
    assert "x-correlation-id" not in world.trusted.get("metadata", X_Request_Id=given).headers
    kept = world.trusted.get("metadata", X_Request_Id="fit")
    assert (kept.headers["x-request-id"], "x-correlation-id" in kept.headers) == ("fit", False)


@http("3.1.0.16-4")
def test_an_intermediary_s_stamp_changes_nothing(world: World) -> None:
    anna = world.patient()
    bare = world.trusted.get(f"Patient/{anna}")
    stamped = world.trusted.get(f"Patient/{anna}", X_Intermediary="engine.example")
    assert told_apart(bare, stamped) == ""


@http("3.1.0.17-1")
def test_accept_counts_for_a_delete_too(world: World) -> None:
    reply = world.trusted.delete("Patient/none", Accept="application/fhir+xml")
    assert (reply.status, reply.headers["content-type"]) == (404, XML)
    assert reply.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><OperationOutcome')
