"""Take references apart, find them, and give them new addresses."""

from typing import Any

import pytest

from fhir_server.fhir.references import (
    Kind,
    Reference,
    parse_reference,
    rewrite,
    walk_references,
)

BASE = "https://dmp.example/fhir"
URN = "urn:uuid:0c0a7a6e-4d5b-4f0a-9f9e-0d0b6f2c1a11"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Patient/1", Reference(Kind.RELATIVE, "Patient/1", "Patient", "1")),
        (f"{BASE}/Patient/1", Reference(Kind.LOCAL, f"{BASE}/Patient/1", "Patient", "1")),
        (
            "https://else.example/r4/Patient/1/_history/2",
            Reference(
                Kind.ABSOLUTE, "https://else.example/r4/Patient/1/_history/2", "Patient", "1", "2"
            ),
        ),
        (
            "Binary/a#part",
            Reference(Kind.RELATIVE, "Binary/a#part", "Binary", "a", fragment="part"),
        ),
        (URN, Reference(Kind.URN, URN)),
        ("#org", Reference(Kind.CONTAINED, "#org", id="org")),
        ("#", Reference(Kind.CONTAINED, "#")),
        (
            "Patient?identifier=s|1",
            Reference(
                Kind.CONDITIONAL, "Patient?identifier=s|1", "Patient", query="identifier=s|1"
            ),
        ),
        ("http://acme.com/ehr", Reference(Kind.ABSOLUTE, "http://acme.com/ehr")),
        ("patient one", Reference(Kind.OTHER, "patient one")),
        ("", Reference(Kind.OTHER, "")),
    ],
)
def test_a_reference_is_taken_apart(text: Any, wanted: Any) -> None:
    assert parse_reference(text, BASE) == wanted


def test_only_this_server_s_references_are_ours() -> None:
    texts = ("Patient/1", f"{BASE}/Patient/1", "https://else.example/Patient/1", "#a", URN)
    assert [parse_reference(text, BASE).ours for text in texts] == [True, True, False, False, False]


def test_references_are_found_at_any_depth_with_their_path() -> None:
    resource = {
        "resourceType": "Observation",
        "contained": [{"resourceType": "Patient", "managingOrganization": {"reference": "a/b"}}],
        "extension": [{"url": "x", "valueReference": {"reference": "Group/1"}}],
        "performer": [{"display": "no link"}, {"reference": "Practitioner/1"}],
        "_status": {"extension": [{"url": "x", "valueReference": {"reference": "Group/2"}}]},
    }
    assert [(path, one["reference"]) for path, one in walk_references(resource)] == [
        ("Observation.contained[0].managingOrganization", "a/b"),
        ("Observation.extension[0].valueReference", "Group/1"),
        ("Observation.performer[1]", "Practitioner/1"),
        ("Observation._status.extension[0].valueReference", "Group/2"),
    ]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "DetectedIssue", "reference": "http://a.example"},
        {"resourceType": "Immunization", "education": [{"reference": "http://a.example"}]},
        {
            "resourceType": "PlanDefinition",
            "e": {"language": "text/cql", "reference": "http://a.example"},
        },
    ],
)
def test_an_element_called_reference_that_is_a_uri_is_not_a_reference(resource: Any) -> None:
    assert list(walk_references(resource)) == []


def test_a_transaction_s_links_are_replaced_wherever_a_link_can_stand() -> None:
    resource = {
        "resourceType": "DocumentReference",
        "contained": [{"resourceType": "Patient", "managingOrganization": {"reference": URN}}],
        "subject": {"reference": URN},
        "text": {
            "status": "generated",
            "div": f'<div xmlns="x"><a href="{URN}#a">{URN}</a><img src=\'{URN}\'/></div>',
        },
        "extension": [{"url": "x", "valueUri": URN}, {"url": "y", "valueCanonical": f"{URN}|1.0"}],
        "meta": {"profile": [URN]},
        "_status": {"extension": [{"url": "x", "valueUrl": f"{URN}/_history/1"}]},
        "content": [{"attachment": {"url": f"{URN}#page"}}],
    }
    assert rewrite(resource, {URN: "Binary/7"}) == 7
    assert resource == {
        "resourceType": "DocumentReference",
        "contained": [
            {"resourceType": "Patient", "managingOrganization": {"reference": "Binary/7"}}
        ],
        "subject": {"reference": "Binary/7"},
        "text": {
            "status": "generated",
            "div": (f'<div xmlns="x"><a href="Binary/7#a">{URN}</a><img src=\'Binary/7\'/></div>'),
        },
        "extension": [
            {"url": "x", "valueUri": "Binary/7"},
            {"url": "y", "valueCanonical": f"{URN}|1.0"},
        ],
        "meta": {"profile": [URN]},
        "_status": {"extension": [{"url": "x", "valueUrl": "Binary/7/_history/1"}]},
        "content": [{"attachment": {"url": "Binary/7#page"}}],
    }


def test_a_string_that_looks_like_a_link_stays() -> None:
    resource = {
        "resourceType": "DocumentReference",
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": URN},
        "description": URN,
        "subject": {"display": URN},
    }
    before = str(resource)
    assert rewrite(resource, {URN: "Binary/7"}) == 0
    assert str(resource) == before


def test_a_longer_link_is_not_mistaken_for_a_shorter_one() -> None:
    resource = {"resourceType": "Observation", "subject": {"reference": f"{URN}0"}}
    assert rewrite(resource, {URN: "Patient/1"}) == 0


def test_a_new_link_cannot_leave_its_attribute() -> None:
    div = f'<div><a href="{URN}">x</a></div>'
    resource: dict[str, Any] = {"resourceType": "Patient", "text": {"div": div}}
    rewrite(resource, {URN: 'x" onclick="y'})
    assert '"x" onclick' not in resource["text"]["div"]
