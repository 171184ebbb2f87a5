"""Words: what is indexed for `_text` and `_content`, and how they are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import holds
from fhir_server.records.governance import governance
from fhir_server.search import words
from fhir_server.search.types import Locale
from fhir_server.search.words import CONTENT, TEXT, TYPES, stems, values
from fhir_server.search.words_query import criterion

FRENCH = st.text(st.sampled_from("abcdeéèêfghiïjklmnoôpqrstuùvwxyzœç '’-"), max_size=40)


def found(query: str, text: str) -> bool:
    return holds(
        criterion("idx._content", "", query, Locale()), {"idx": {CONTENT: sorted(stems(text))}}
    )


def refusal(query: str) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        criterion("idx._content", "", query, Locale())
    (issue,) = caught.value.issues
    return issue.code, issue.diagnostics


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("douleur", "Douleurs thoraciques"),
        ("OPEREE", "patient opéré hier"),
        ("fievre", "pas de fièvre."),
        ("urgence", "vu aux urgences"),
        ("urgence", "soins d’urgence"),
        ("coeur", "bruits du cœur"),
        ("hepatite c", "Hépatite C chronique"),
        ("vitamine d", "carence en vitamine D"),
    ],
)
def test_a_word_is_found_whatever_its_form(asked: str, written: str) -> None:
    assert found(asked, written)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("toux", True),
        ("toux fièvre", True),
        ("fièvre, toux", True),
        ("toux rougeole", False),
        ("toux and rougeole", False),
        ("toux OR rougeole", True),
        ("rougeole or toux fièvre", True),
        ("(rougeole or toux) and fièvre", True),
        ("toux and not fièvre", False),
        ("toux not rougeole", True),
        ("not (rougeole or varicelle)", True),
        ("la toux", True),
        ("le or toux", True),
    ],
)
def test_words_are_joined_as_the_specification_shows(query: str, expected: bool) -> None:
    """R4's own example is `(bone OR liver) and metastases`."""
    assert found(query, "La toux, puis la fièvre") is expected


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "a word is missing"),
        ("  ", "a word is missing"),
        ("toux or", "a word is missing"),
        ("and toux", "a word is missing"),
        ("(toux", "`(` is not closed"),
        ("toux)", "`)` closes nothing"),
        ("de la", "holds no word to look for"),
        ("…", "holds no word to look for"),
        ('"toux grasse"', '`"` is not read'),
        ("tou*", "`*` is not read"),
    ],
)
def test_what_holds_no_words_is_refused(query: str, why: str) -> None:
    code, text = refusal(query)
    assert code == "value"
    assert text.startswith("search parameter `_content`: ")
    assert why in text


def test_too_many_words_are_refused() -> None:
    assert refusal("toux " * 65)[0] == "too-costly"
    assert refusal("(" * 20 + "toux" + ")" * 20)[0] == "too-costly"


CONDITION: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "secretid",
    "text": {"status": "generated", "div": "<div><p class='hidden'>Otite &eacute;norme</p></div>"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "display": "Otite moyenne"}]},
    "subject": {"reference": "Patient/anna", "display": "Zoé Martin"},
    "recordedDate": "2024-05-05",
    "note": [{"text": "Tympan bombé"}],
}


def test_the_narrative_and_the_whole_resource_are_indexed_apart() -> None:
    index = values("Condition", CONDITION)
    assert set(index[TEXT]) == stems("otite énorme")
    assert set(index[CONTENT]) == set(index[TEXT]) | stems("moyenne tympan bombé zoé martin")


@pytest.mark.parametrize("machine", ["secretid", "snomed", "hidden", "anna", "2024"])
def test_what_no_person_reads_is_not_indexed(machine: str) -> None:
    assert not stems(machine) & set(values("Condition", CONDITION)[CONTENT])


def test_codes_are_found_by_parameters_and_are_no_words() -> None:
    held = {
        "gender": "female",
        "name": [{"use": "usual", "family": "Durand"}],
        "telecom": [{"system": "email", "value": "anna"}],
        "maritalStatus": {"coding": [{"code": "M", "version": "2.1", "display": "Mariée"}]},
        "meta": {"tag": [{"code": "x", "display": "Suivi"}]},
        "birthDate": "1980-01-01",
    }
    assert set(values("Patient", held)[CONTENT]) == stems("durand anna mariée suivi")


def test_what_extensions_say_is_read_at_any_depth() -> None:
    said = {"url": "http://example.org/e", "valueCodeableConcept": {"text": "Tuberculose"}}
    held = {
        "_birthDate": {"extension": [{"url": "http://example.org/e", "valueString": "incertaine"}]},
        "contact": [{"relationship": [{"extension": [said]}]}],
        "contained": [{"resourceType": "Organization", "name": "Clinique"}],
    }
    assert set(values("Patient", held)[CONTENT]) == stems("incertaine tuberculose clinique")


def test_a_content_sent_as_base64_is_no_text() -> None:
    held = {"content": [{"attachment": {"data": "VG91eA==", "title": "Compte rendu"}}]}
    assert set(values("DocumentReference", held)[CONTENT]) == stems("compte rendu")


def test_no_type_is_indexed_of_which_a_reader_may_see_less_than_is_stored() -> None:
    """L36, L57: words of what was taken out would tell of it."""
    kinds = {governance()[type_].kind for type_ in TYPES}
    assert not kinds & {"pointer", "trace", "binary"}
    assert values("List", {"title": "toux"}) == {}


def test_a_type_that_is_not_read_has_no_words() -> None:
    assert not words.searched("AuditEvent", CONTENT)
    assert words.searched("DocumentReference", TEXT)


@given(FRENCH)
def test_case_does_not_count(text: str) -> None:
    assert stems(text.upper()) == stems(text)


@given(FRENCH, FRENCH)
def test_the_words_of_two_texts_are_those_of_each(one: str, other: str) -> None:
    assert stems(f"{one} {other}") == stems(one) | stems(other)


@given(FRENCH)
def test_a_text_is_found_by_all_its_words(text: str) -> None:
    try:
        predicate = criterion("idx._content", "", " ".join(sorted(text.split())), Locale())
    except BadRequest:
        return
    # `or`, `and` and `not` are words of the question.
    if not {"or", "and", "not"} & set(text.lower().split()):
        assert holds(predicate, {"idx": {CONTENT: sorted(stems(text))}})
