"""XML in and out: https://hl7.org/fhir/R4/xml.html and https://hl7.org/fhir/R4/http.html#mime-type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from fhir_server.fhir.xml import to_json, to_xml
from tests.support import resources as make
from tests.support.people import a_doctor, an_auditor, the_patient
from tests.support.replies import Json, Reply, entry
from tests.support.world import World

XML, JSON = "application/fhir+xml", "application/fhir+json"
NS = "http://hl7.org/fhir"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Hémoglobine <b>basse</b> &amp; stable</p></div>'
PRECISION = "http://example.org/precision"


def an_observation_in_xml(of: str, number: str = "7.500") -> bytes:
    """Return a result whose digits, extensions and repetitions a careless reader would lose."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Observation xmlns="{NS}">
  <text><status value="generated"/>{DIV}</text>
  <identifier><value value="first"/></identifier>
  <identifier><value value="second"/></identifier>
  <status value="final"/>
  <code><coding><system value="http://loinc.org"/><code value="718-7"/></coding></code>
  <subject><reference value="Patient/{of}"/></subject>
  <effectiveDateTime value="2024-03">
    <extension url="{PRECISION}"><valueCode value="month"/></extension>
  </effectiveDateTime>
  <valueQuantity><value value="{number}"/><unit value="g/dL"/></valueQuantity>
</Observation>""".encode()


def a_patient_in_xml(family: str, xmlns: str = NS, before: str = "") -> bytes:
    return (
        f'{before}<Patient xmlns="{xmlns}"><name><family value="{family}"/></name></Patient>'
    ).encode()


def in_xml(reply: Reply) -> dict[str, Any]:
    """Return the resource of an answer in XML, after checking that it says so."""
    assert reply.headers["content-type"] == "application/fhir+xml; charset=utf-8", reply.body
    assert etree.fromstring(reply.body).tag.startswith(f"{{{NS}}}")
    return to_json(reply.body)


# what is written in one form is read in both ----------------------------------------------------


@pytest.mark.parametrize("number", ["7.500", "0.10", "1.2E+3", "-0", "12345678901234567890.10"])
def test_what_is_written_in_xml_keeps_its_digits_in_both_forms(world: World, number: str) -> None:
    """https://hl7.org/fhir/R4/datatypes.html#decimal: precision is part of the value."""
    made = world.trusted.send(
        "POST", "Observation", an_observation_in_xml(world.patient(), number), XML
    )
    assert made.status == 201, made.body
    path = f"Observation/{made.id}"
    assert f'"value":{number},'.encode() in world.trusted.get(path).body
    assert f'<value value="{number}"/>'.encode() in world.trusted.get(path, Accept=XML).body


def test_what_is_written_in_xml_keeps_extensions_of_primitives_order_and_narrative(
    world: World,
) -> None:
    made = world.trusted.send("POST", "Observation", an_observation_in_xml(world.patient()), XML)
    found = world.trusted.get(f"Observation/{made.id}").json
    assert found["effectiveDateTime"] == "2024-03"
    assert found["_effectiveDateTime"] == {
        "extension": [{"url": PRECISION, "valueCode": "month"}],
    }
    assert [one["value"] for one in found["identifier"]] == ["first", "second"]
    assert found["text"]["div"] == DIV


def test_the_two_forms_of_a_resource_say_the_same(world: World) -> None:
    body = make.an_observation(world.patient()) | {
        "text": {"status": "generated", "div": DIV},
        "_effectiveDateTime": {"extension": [{"url": PRECISION, "valueCode": "day"}]},
        "contained": [{"resourceType": "Specimen", "id": "s", "note": [{"text": "a\n<b>"}]}],
        "specimen": {"reference": "#s"},
    }
    path = f"Observation/{world.has(body)}"
    plain, xml = world.trusted.get(path), world.trusted.get(path, Accept=XML)
    assert in_xml(xml) == plain.json
    assert {name: xml.headers[name] for name in ("etag", "last-modified")} == {
        name: plain.headers[name] for name in ("etag", "last-modified")
    }


def test_an_xml_answer_can_be_sent_back_and_changes_nothing_but_the_version(world: World) -> None:
    path = f"Observation/{world.has(make.an_observation(world.patient()))}"
    before = world.trusted.get(path, Accept=XML)
    reply = world.trusted.send("PUT", path, before.body, XML, If_Match='W/"1"')
    assert (reply.status, reply.json["meta"]["versionId"]) == (200, "2")
    after = in_xml(world.trusted.get(path, Accept=XML))
    assert {k: v for k, v in after.items() if k != "meta"} == {
        k: v for k, v in in_xml(before).items() if k != "meta"
    }


def test_a_write_in_xml_is_answered_in_the_form_that_is_accepted(world: World) -> None:
    """https://hl7.org/fhir/R4/http.html#mime-type: the body's type says nothing of the answer's."""
    body = a_patient_in_xml("GENÊT")
    assert world.trusted.send("POST", "Patient", body, XML).json["name"] == [{"family": "GENÊT"}]
    reply = world.trusted.send("POST", "Patient", body, XML, Accept=XML)
    assert in_xml(reply)["name"] == [{"family": "GENÊT"}]


@pytest.mark.parametrize(
    "path",
    ["Patient?_count=1", "Patient/{id}/_history", "Patient/{id}/$meta", "Patient/{id}/$everything",
     "metadata", "Patient/{id}/_history/1", "Patient/{id}?_summary=true"],
)  # fmt: skip
def test_every_answer_that_is_a_resource_comes_in_xml(world: World, path: str) -> None:
    address = path.format(id=world.patient())
    plain, xml = world.trusted.get(address), world.trusted.get(address, Accept=XML)
    assert (xml.status, in_xml(xml)["resourceType"]) == (200, plain.json["resourceType"])


def test_a_search_in_xml_shows_what_its_caller_may_know_and_pages(world: World) -> None:
    doctor = a_doctor()
    anna = world.patient()
    world.team(anna, doctor)
    seen = {world.document(anna) for _ in range(3)}
    world.document(anna, "MASQUE_PS")
    caller = world.as_(doctor)
    bundle = in_xml(caller.get(f"DocumentReference?patient={anna}&_count=2", Accept=XML))
    assert bundle["total"] == 3
    [link] = [one["url"] for one in bundle["link"] if one["relation"] == "next"]
    rest = in_xml(caller.get(link.removeprefix("http://localhost"), Accept=XML))
    assert {one["resource"]["id"] for one in [*bundle["entry"], *rest["entry"]]} == seen


def test_a_binary_comes_in_xml_when_that_is_asked_and_as_it_is_when_its_type_is(
    world: World,
) -> None:
    """https://hl7.org/fhir/R4/binary.html#rest."""
    path = f"Binary/{world.has(make.a_binary(b'<CDA/>', contentType='text/xml'))}"
    assert in_xml(world.trusted.get(path, Accept=XML))["resourceType"] == "Binary"
    native = world.trusted.get(path, Accept="text/xml")
    assert (native.headers["content-type"], native.body) == ("text/xml", b"<CDA/>")


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\x0b", "\x00"])
@pytest.mark.parametrize(
    ("place", "rest"),
    [
        ("Basic.code.text", {"code": {"text": "a{}b"}}),
        ("Basic.code.coding[0].code", {"code": {"coding": [{"code": "a{}b"}]}}),
        ("Basic.identifier[0].system", {"code": {"text": "a"}, "identifier": [{"system": "u:{}"}]}),
        ("Basic.text.div", {"code": {"text": "a"}, "text": {"status": "generated",
         "div": '<div xmlns="http://www.w3.org/1999/xhtml">a{}b</div>'}}),
    ],
)  # fmt: skip
def test_a_character_that_xml_cannot_hold_is_refused_with_its_place(
    world: World, character: str, place: str, rest: Json
) -> None:
    """https://www.w3.org/TR/xml/#charsets: what is stored can be sent in both forms."""
    given = json.dumps({"resourceType": "Basic"} | rest).replace("{}", json.dumps(character)[1:-1])
    reply = world.trusted.post("Basic", given.encode())
    assert (reply.status, reply.issue["expression"]) == (422, [place]), reply.body
    assert f"U+{ord(character):04X}" in reply.issue["diagnostics"]


def test_a_refusal_that_quotes_such_a_character_is_read_in_both_forms(world: World) -> None:
    for form in ("json", "xml"):
        reply = world.trusted.get(f"Patient?a%EF%BF%BF=1&_format={form}")
        assert reply.status == 400
        assert "a\ufffd" in reply.body.decode()


@pytest.mark.parametrize("form", ["json", "xml"])
def test_format_stands_above_accept_where_a_binary_may_come_as_it_is(
    world: World, form: str
) -> None:
    path = f"Binary/{world.has(make.a_binary(b'%PDF', contentType='application/pdf'))}"
    native = world.trusted.get(path, Accept="application/pdf")
    asked = world.trusted.get(f"{path}?_format={form}", Accept="application/pdf")
    assert native.body == b"%PDF"
    assert asked.headers["content-type"] == f"application/fhir+{form}; charset=utf-8"
    assert b"JVBERg==" in asked.body


# who asks for what --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (XML, XML),
        ("application/xml", XML),
        ("text/xml", XML),
        ("APPLICATION/FHIR+XML; charset=utf-8", XML),
        (f"{XML}; fhirVersion=4.0", XML),
        (f"{JSON};q=0.1, {XML};q=0.9", XML),
        (f"{XML};q=0.5, {JSON};q=0.6", JSON),
        (f"{XML}, {JSON}", XML),
        (f"{JSON}, {XML}", JSON),
        (f"{JSON};q=0, */*", XML),
        (f"*/*, {JSON};q=0.1", XML),
        (f"{XML};q=0.3, */*;q=0.2", XML),
        (f"text/html, application/xml;q=0.9, {JSON};q=0.95", JSON),
        ("image/png, application/*;q=0.1", JSON),
    ],
)
def test_quality_values_choose_the_form(world: World, accept: str, form: str) -> None:
    """RFC 9110, 12.5.1."""
    reply = world.trusted.get("metadata", Accept=accept)
    assert (reply.status, reply.headers["content-type"]) == (200, f"{form}; charset=utf-8")


@pytest.mark.parametrize("value", ["xml", "text/xml", "application/xml", "application/fhir%2Bxml",
                                   "application/fhir+xml"])  # fmt: skip
@pytest.mark.parametrize("accept", [JSON, "image/png", ""])
def test_format_stands_above_accept(world: World, value: str, accept: str) -> None:
    """https://hl7.org/fhir/R4/http.html#parameters."""
    in_xml(world.trusted.get(f"Patient?_count=1&_format={value}", Accept=accept))


def test_the_format_of_a_form_counts_like_that_of_a_query(world: World) -> None:
    in_xml(world.trusted.form("Patient/_search", "_count=1&_format=xml"))


def test_pretty_indents_xml_and_changes_nothing_else(world: World) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>a <b>b</b> > c</p>\n</div>'
    text = {"status": "generated", "div": div}
    path = f"Patient/{world.patient(text=text)}?_format=xml"
    plain, pretty = world.trusted.get(path), world.trusted.get(f"{path}&_pretty=true")
    assert pretty.body.count(b"\n  ") > 5
    assert to_json(pretty.body) == to_json(plain.body)
    assert b"<p>a <b>b</b> " in pretty.body


# refusals -----------------------------------------------------------------------------------------


def _absent(world: World, **headers: str) -> Reply:
    return world.trusted.get(f"Patient/{make.new_id()}", **headers)


def _invalid(world: World, **headers: str) -> Reply:
    return world.trusted.post("Patient", {"resourceType": "Patient", "nothing": 1}, **headers)


def _unknown_parameter(world: World, **headers: str) -> Reply:
    return world.trusted.get("Patient?nothing=1", **headers)


def _no_such_verb(world: World, **headers: str) -> Reply:
    return world.trusted.send("LOCK", "Patient/1", **headers)


def _no_such_address(world: World, **headers: str) -> Reply:
    return world.trusted.get("nothing/here/at/all", **headers)


def _no_such_body(world: World, **headers: str) -> Reply:
    return world.trusted.send("POST", "Patient", b"x", "text/plain", **headers)


@pytest.mark.parametrize(
    ("ask", "status"),
    [(_absent, 404), (_invalid, 422), (_unknown_parameter, 400), (_no_such_verb, 405),
     (_no_such_address, 404), (_no_such_body, 415)],
)  # fmt: skip
def test_a_refusal_comes_in_xml_and_says_what_it_says_in_json(
    world: World, ask: Callable[..., Reply], status: int
) -> None:
    plain, xml = ask(world), ask(world, Accept=XML)
    told, said = in_xml(xml), plain.json
    assert (xml.status, plain.status, told["resourceType"]) == (status, status, "OperationOutcome")
    assert [one["code"] for one in told["issue"]] == [one["code"] for one in said["issue"]]
    assert plain.headers["content-type"] == f"{JSON}; charset=utf-8"


def test_a_refusal_obeys_the_format_of_its_address(world: World) -> None:
    reply = world.trusted.get(f"Patient/{make.new_id()}?_format=xml", Accept=JSON)
    assert (reply.status, in_xml(reply)["resourceType"]) == (404, "OperationOutcome")


def test_what_is_hidden_and_what_is_absent_are_the_same_in_xml(world: World) -> None:
    """L17, L18."""
    hidden, absent = world.document(world.patient()), make.new_id()
    caller = world.as_(a_doctor())
    one, other = (
        caller.get(f"DocumentReference/{id_}", Accept=XML).without(id_) for id_ in (hidden, absent)
    )
    assert one == other


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE Patient>",
        '<!DOCTYPE Patient [<!ENTITY a "GENÊT">]>',
        '<!DOCTYPE Patient [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/a.dtd">',
    ],
)
def test_a_document_type_is_refused_and_nothing_is_stored(world: World, declared: str) -> None:
    before = world.counts()
    family = "&amp;" if "ENTITY" not in declared else "&a;"
    body = a_patient_in_xml(family, before=declared)
    reply = world.trusted.send("POST", "Patient", body, XML)
    assert (reply.status, reply.issue["code"]) == (400, "structure")
    assert "document type" in reply.issue["diagnostics"]
    assert world.counts() == before


def test_an_entity_without_a_document_type_is_refused(world: World) -> None:
    reply = world.trusted.send("POST", "Patient", a_patient_in_xml("&nbsp;"), XML)
    assert (reply.status, reply.issue["code"]) == (400, "structure")


@pytest.mark.parametrize("xmlns", ["", "http://hl7.org/fhir/", "urn:hl7-org:v3"])
def test_another_namespace_is_refused_with_the_right_one(world: World, xmlns: str) -> None:
    reply = world.trusted.send("POST", "Patient", a_patient_in_xml("GENÊT", xmlns), XML)
    assert (reply.status, reply.issue["code"]) == (400, "structure")
    assert f"`{NS}`" in reply.issue["diagnostics"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f'<Patient xmlns="{NS}"><wings value="2"/></Patient>', "Patient"),
        (f'<Patient xmlns="{NS}"><active value="true"/><active value="true"/></Patient>', "active"),
        (f'<Patient xmlns="{NS}"><birthDate value="2000"/><gender value="male"/></Patient>',
         "gender"),
        (f'<Patient xmlns="{NS}">text</Patient>', "Patient"),
        (f'<Patient xmlns="{NS}"><active value="yes"/></Patient>', "active"),
    ],
)  # fmt: skip
def test_what_r4_does_not_foresee_in_xml_is_refused_with_its_place(
    world: World, body: str, place: str
) -> None:
    reply = world.trusted.send("POST", "Patient", body.encode(), XML)
    assert reply.status == 400
    assert place in reply.issue["expression"][0]


def test_what_is_well_formed_xml_and_not_r4_is_refused_as_in_json(world: World) -> None:
    body = {"resourceType": "Patient", "gender": "tree", "birthDate": "2000-13-01"}
    plain = world.trusted.post("Patient", body)
    xml = world.trusted.send("POST", "Patient", to_xml(body), XML)
    assert xml.status == plain.status == 422
    places = [one["expression"] for one in xml.json["issue"]]
    assert places == [one["expression"] for one in plain.json["issue"]]


# bundles ------------------------------------------------------------------------------------------


def test_a_transaction_in_xml_is_carried_out_like_one_in_json(world: World) -> None:
    urn = make.a_urn()
    anna = make.a_patient()
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("PUT", f"Patient/{anna['id']}", anna, fullUrl=urn),
            entry(
                "POST", "Observation", make.an_observation("x") | {"subject": {"reference": urn}}
            ),
        ],
    }
    reply = world.trusted.send("POST", "", to_xml(bundle), XML, Accept=XML)
    answer = in_xml(reply)
    assert (reply.status, answer["type"]) == (200, "transaction-response")
    assert [one["response"]["status"][:3] for one in answer["entry"]] == ["201", "201"]
    found = world.trusted.get(f"Observation?patient={anna['id']}")
    assert found.total == 1
    assert found.entries[0]["resource"]["subject"] == {"reference": f"Patient/{anna['id']}"}


def test_a_fault_in_a_transaction_in_xml_is_named_by_entry_and_stores_nothing(world: World) -> None:
    before = world.counts()
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("POST", "Patient", {"resourceType": "Patient"}),
            entry("POST", "Patient", {"resourceType": "Patient", "gender": "tree"}),
        ],
    }
    reply = world.trusted.send("POST", "", to_xml(bundle), XML, Accept=XML)
    told = in_xml(reply)["issue"][0]
    assert (reply.status, told["expression"]) == (422, ["Bundle.entry[1].resource.gender"])
    assert world.counts() == before


def test_what_is_stored_and_traced_is_the_same_whatever_the_form(world: World) -> None:
    anna = world.patient()
    caller = world.as_(the_patient(anna))
    caller.get(f"Patient/{anna}", Accept=XML, X_Request_Id="in-xml")
    caller.get(f"Patient/{anna}", X_Request_Id="in-json")
    log = world.as_(an_auditor()).get(f"AuditEvent?patient={anna}&_count=50").body.decode()
    assert all(name in log for name in ("in-xml", "in-json"))
    stored = json.loads(world.trusted.get(f"Patient/{anna}").body)
    assert stored == in_xml(world.trusted.get(f"Patient/{anna}", Accept=XML))
