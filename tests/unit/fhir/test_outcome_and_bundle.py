"""What the server writes itself: OperationOutcome and Bundle."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.bundle import Entry, Request, Response, history, response_bundle, searchset
from fhir_server.fhir.errors import Issue
from fhir_server.fhir.outcome import outcome

BASE = "https://dmp.example/fhir"
texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_an_outcome_has_a_line_for_each_issue() -> None:
    issues = [
        Issue("required", "`status` is missing", "Consent.status"),
        Issue("informational", "", severity="information"),
    ]
    assert json.loads(outcome(issues)) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "diagnostics": "`status` is missing",
                "expression": ["Consent.status"],
            },
            {"severity": "information", "code": "informational"},
        ],
    }


def test_an_outcome_without_issues_says_that_all_went_well() -> None:
    assert json.loads(outcome([]))["issue"] == [
        {"severity": "information", "code": "informational", "diagnostics": "done"}
    ]


def test_what_no_fhir_text_holds_is_replaced_in_an_outcome() -> None:
    """A caller's own words are quoted, and the outcome may be asked for in XML."""
    issue = json.loads(outcome([Issue("value", "`a\x00\uffff\ud800`", "a\ufffe")]))["issue"][0]
    assert (issue["diagnostics"], issue["expression"]) == ("`a\ufffd\ufffd\ufffd`", ["a\ufffd"])


fit = texts.map(lambda text: re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text))


@given(fit, fit)
def test_any_text_comes_out_of_an_outcome_as_it_went_in(diagnostics: Any, expression: Any) -> None:
    issue = json.loads(outcome([Issue("value", diagnostics, expression)]))["issue"][0]
    assert issue.get("diagnostics", "") == diagnostics
    assert issue.get("expression", [""]) == [expression]


def test_a_searchset_carries_the_stored_bytes_untouched() -> None:
    stored = b'{ "resourceType":"Observation", "valueQuantity":{"value":1.00} }'
    bundle = searchset(
        BASE,
        f"{BASE}/Observation?code=a",
        [("next", f"{BASE}?page=2")],
        1,
        [Entry("Observation/1", stored, "match")],
    )
    assert stored in bundle
    assert json.loads(bundle) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "link": [
            {"relation": "self", "url": f"{BASE}/Observation?code=a"},
            {"relation": "next", "url": f"{BASE}?page=2"},
        ],
        "entry": [
            {
                "fullUrl": f"{BASE}/Observation/1",
                "resource": json.loads(stored),
                "search": {"mode": "match"},
            }
        ],
    }


def test_a_page_without_entries_has_no_empty_array() -> None:
    assert json.loads(searchset(BASE, BASE, [], None, [])) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": BASE}],
    }


def test_a_history_says_what_made_each_version() -> None:
    gone = Entry(
        "Patient/1", request=Request("DELETE", "Patient/1"), response=Response("204", etag='W/"2"')
    )
    bundle = json.loads(history(BASE, BASE, [], 1, [gone]))
    assert bundle["entry"] == [
        {
            "fullUrl": f"{BASE}/Patient/1",
            "request": {"method": "DELETE", "url": "Patient/1"},
            "response": {"status": "204", "etag": 'W/"2"'},
        }
    ]


def test_a_batch_answers_each_entry_in_order() -> None:
    failed = Response("404", outcome=outcome([Issue("not-found", "unknown")]))
    created = Response("201", f"{BASE}/Patient/1/_history/1", 'W/"1"', "2026-01-01T00:00:00.000Z")
    bundle = json.loads(
        response_bundle("batch-response", [Entry(response=failed), Entry(response=created)])
    )
    assert bundle["type"] == "batch-response"
    assert [entry["response"]["status"] for entry in bundle["entry"]] == ["404", "201"]
    assert bundle["entry"][0]["response"]["outcome"]["issue"][0]["diagnostics"] == "unknown"
    assert bundle["entry"][1]["response"] == {
        "status": "201",
        "location": f"{BASE}/Patient/1/_history/1",
        "etag": 'W/"1"',
        "lastModified": "2026-01-01T00:00:00.000Z",
    }


def test_a_urn_is_kept_as_full_url() -> None:
    bundle = json.loads(response_bundle("batch-response", [Entry("urn:uuid:1")], base=BASE))
    assert bundle["entry"] == [{"fullUrl": "urn:uuid:1"}]


@given(texts, texts)
def test_any_text_comes_out_of_a_bundle_as_it_went_in(link: Any, url: Any) -> None:
    bundle = json.loads(searchset(BASE, link, [], 0, [Entry(request=Request("GET", url))]))
    assert bundle["link"][0]["url"] == link
    assert bundle["entry"][0]["request"]["url"] == url
