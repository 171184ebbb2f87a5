"""A resource's index values: what is stored beside it to be found and sorted by."""

from __future__ import annotations

from typing import Any

from fhir_server.search.index import index
from fhir_server.search.registry import supported
from tests.unit.search.both_sides import BASE, LOCALE

DOCUMENT: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "id": "d",
    "status": "current",
    "type": {"coding": [{"system": "http://loinc.org", "code": "11502-2"}]},
    "subject": {"reference": f"{BASE}/Patient/anna", "identifier": {"value": "1"}},
    "date": "2024-03-10T10:00:00Z",
    "author": [{"reference": "Practitioner/z"}, {"reference": "Practitioner/a"}],
    "securityLabel": [{"coding": [{"code": "N"}]}],
}


def test_values_stand_under_the_code_of_their_parameter() -> None:
    values = index("DocumentReference", DOCUMENT, LOCALE).values
    assert values["status"] == ["current", "\x1fcurrent"]
    assert values["type"] == ["11502-2", "http://loinc.org\x1f11502-2"]
    assert values["patient"] == values["subject"] == ["Patient/anna"]
    assert values["security-label"] == ["N", "\x1fN"]
    (date,) = values["date"]
    assert date["hi"] - date["lo"] == 1_000_000


def test_a_logical_identifier_stands_beside_its_reference() -> None:
    values = index("DocumentReference", DOCUMENT, LOCALE).values
    assert values["subject:identifier"] == ["1", "\x1f1"]


def test_what_modifiers_look_for_stands_beside_the_values() -> None:
    type_ = {"coding": [{"system": "urn:t", "code": "MR"}]}
    resource = {
        **DOCUMENT,
        "type": {"text": "Compte-rendu", "coding": [{"code": "a", "display": "Bio (sang)"}]},
        "masterIdentifier": {"type": type_, "value": "1"},
        "custodian": {"reference": "Organization/o/_history/2"},
    }
    values = index("DocumentReference", resource, LOCALE).values
    assert values["type:text"] == [" compte rendu", " bio sang"]
    assert values["identifier:of-type"] == ["urn:t\x1fMR\x1f1"]
    assert values["custodian"] == ["Organization/o"]
    assert values["custodian:version"] == ["Organization/o/_history/2"]
    assert not {"status:text", "subject:version", "type:of-type"} & values.keys()


def test_an_element_that_nothing_is_found_by_is_not_missing() -> None:
    resource = {**DOCUMENT, "type": {"extension": []}, "custodian": {"display": "CHU"}}
    values = index("DocumentReference", resource, LOCALE).values
    assert values["type:unread"] is values["custodian:unread"] is True
    assert not {"type", "custodian", "status:unread", "category:unread"} & values.keys()


def test_one_value_of_each_is_sorted_by_the_smallest() -> None:
    keys = index("DocumentReference", DOCUMENT, LOCALE).keys
    assert keys["author"] == "Practitioner/a"
    assert keys["status"] == "current"
    assert keys["date"] == index("DocumentReference", DOCUMENT, LOCALE).values["date"][0]["lo"]


def test_a_parameter_without_a_value_is_left_out() -> None:
    found = index("DocumentReference", {**DOCUMENT, "date": "someday"}, LOCALE)
    for code in ("date", "custodian", "identifier"):
        assert code not in found.values
        assert code not in found.keys


def test_an_identifier_alone_is_no_reference() -> None:
    subject = {"identifier": {"system": "urn:ins", "value": "1"}}
    found = index("DocumentReference", {**DOCUMENT, "subject": subject}, LOCALE)
    assert found.values["subject:identifier"] == ["1", "urn:ins\x1f1"]
    assert "subject" not in found.values
    assert "subject" not in found.keys


def test_what_stands_on_the_stored_document_is_not_indexed_again() -> None:
    resource = {**DOCUMENT, "meta": {"lastUpdated": "2024-03-10T10:00:00Z"}}
    found = index("DocumentReference", resource, LOCALE)
    assert not {"_id", "_lastUpdated"} & found.values.keys()


def test_nothing_is_indexed_that_can_not_be_searched() -> None:
    codes = {code.partition(":")[0] for code in index("DocumentReference", DOCUMENT, LOCALE).values}
    assert codes <= supported("DocumentReference").keys()
