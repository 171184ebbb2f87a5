"""Binary in its own content type: https://hl7.org/fhir/R4/binary.html#rest."""

from __future__ import annotations

import pytest

from tests.support import resources as make
from tests.support.people import a_doctor, a_hospital, the_patient
from tests.support.world import World

TEXT = "Compte rendu : température à 38,5 °C".encode()


def test_a_body_of_any_type_becomes_a_binary_and_comes_back_to_the_byte(world: World) -> None:
    made = world.trusted.send("POST", "Binary", TEXT, "text/plain; charset=utf-8")
    assert made.status == 201
    assert made.json["contentType"] == "text/plain; charset=utf-8"
    read = world.trusted.get(f"Binary/{made.id}", Accept="text/plain")
    assert (read.status, read.body) == (200, TEXT)
    assert read.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_binary_is_replaced_in_its_own_type_too(world: World) -> None:
    id_ = make.new_id()
    for body in (b"one", b"two"):
        reply = world.trusted.send("PUT", f"Binary/{id_}", body, "application/pdf")
    assert reply.headers["etag"] == 'W/"2"'
    assert world.trusted.get(f"Binary/{id_}", Accept="application/pdf").body == b"two"


def test_json_of_a_binary_is_the_resource_and_not_its_content(world: World) -> None:
    made = world.trusted.post("Binary", make.a_binary(TEXT))
    assert world.trusted.get(f"Binary/{made.id}").json["resourceType"] == "Binary"


@pytest.mark.parametrize(
    ("asked", "status", "slice_"),
    [
        ("bytes=0-4", 206, slice(0, 5)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-3", 206, slice(-3, None)),
        ("bytes=0-9999", 206, slice(0, None)),
        ("bytes=1-2,4-5", 200, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
    ],
)
def test_a_range_of_the_content_can_be_asked_for(
    world: World, asked: str, status: int, slice_: slice
) -> None:
    made = world.trusted.send("POST", "Binary", TEXT, "text/plain")
    reply = world.trusted.get(f"Binary/{made.id}", Accept="text/plain", Range=asked)
    assert (reply.status, reply.body) == (status, TEXT[slice_])
    if status == 206:
        assert reply.headers["content-range"].endswith(f"/{len(TEXT)}")


def test_a_range_beyond_the_content_is_told_its_size(world: World) -> None:
    made = world.trusted.send("POST", "Binary", TEXT, "text/plain")
    reply = world.trusted.get(f"Binary/{made.id}", Accept="text/plain", Range="bytes=999-")
    assert reply.status == 416
    assert reply.headers["content-range"] == f"bytes */{len(TEXT)}"


def test_the_security_context_of_a_body_governs_who_reads_it(world: World) -> None:
    """L34: whoever may not know the context may not read the content."""
    hospital = a_hospital()
    anna = world.patient()
    made = world.as_(hospital).send(
        "POST", "Binary", TEXT, "text/plain", X_Security_Context=f"Patient/{anna}"
    )
    path = f"Binary/{made.id}"
    shown = world.trusted.get(path).json
    assert shown["securityContext"] == {"reference": f"Patient/{anna}"}
    assert world.as_(the_patient(world.patient())).get(path).status == 404


def test_a_hidden_binary_is_absent_in_its_own_type_and_by_range(world: World) -> None:
    """L34, L17."""
    made = world.trusted.send("POST", "Binary", TEXT, "text/plain")
    stranger = world.as_(the_patient(world.patient()))
    for id_ in (made.id, make.new_hex()):
        reply = stranger.get(f"Binary/{id_}", Accept="text/plain", Range="bytes=0-1")
        assert (reply.status, reply.issue["code"]) == (404, "not-found")


def test_a_binary_without_documents_is_read_by_those_who_know_its_context(world: World) -> None:
    """Contract, Consent conventions 7: rights come from `securityContext` too."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    document = make.a_document(anna)
    world.has(document)
    binary = world.has(make.a_binary() | {"securityContext": make.reference(document.ref)})
    assert world.as_(doctor).get(f"Binary/{binary}").status == 200
    assert world.as_(a_doctor()).get(f"Binary/{binary}").status == 404
    world.has(document.masked())
    assert world.as_(doctor).get(f"Binary/{binary}").status == 404


def test_a_context_does_not_show_what_a_masked_document_refers_to(world: World) -> None:
    """L34: with documents that refer to it, one of them must be known as well."""
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    given = make.a_binary() | {"securityContext": make.reference(f"Patient/{anna}")}
    binary = world.has(given)
    assert world.as_(doctor).get(f"Binary/{binary}").status == 200
    document = make.a_document(anna).attached(f"Binary/{binary}")
    world.has(document)
    assert world.as_(doctor).get(f"Binary/{binary}").status == 200
    world.has(document.masked())
    assert world.as_(doctor).get(f"Binary/{binary}").status == 404
