"""String parameters, both sides: https://hl7.org/fhir/R4/search.html#string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.search.folding import fold, words
from fhir_server.search.string import STRING
from tests.unit.search.both_sides import LOCALE, found

NAME = ("HumanName", {"family": "Lefèvre d'Ormesson", "given": ["Jean", "Œdipe"]})


@pytest.mark.parametrize(
    ("value", "modifier", "expected"),
    [
        ("lefevre", "", True),
        ("LEFÈVRE", "", True),
        ("Lefe\u0300vre", "", True),
        ("Lefèvre  d\u2019Or", "", True),
        ("Jean", "", True),
        ("oedipe", "", True),
        ("ormesson", "", False),
        ("ormesson", "contains", True),
        ("FÈV", "contains", True),
        ("x", "contains", False),
        ("Lefèvre d'Ormesson", "exact", True),
        ("lefèvre d'ormesson", "exact", False),
        ("Lefèvre", "exact", False),
    ],
)
def test_a_name_is_found_without_case_and_accents_unless_asked_exactly(
    value: str, modifier: str, expected: bool
) -> None:
    assert found(STRING, [NAME], value, modifier) is expected


@pytest.mark.parametrize("value", ["j.*n", "[a-z]ean", "je(an)?", "x|jean", "$", "+", "<jean"])
def test_a_value_is_a_text_and_no_expression(value: str) -> None:
    """L66."""
    assert not found(STRING, [NAME], value.replace("je(an)?", "je(ax)?"))
    assert found(STRING, [("string", f"a{value}b")], f"a{value}")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("O'Brien", "OBRIEN"),
        ("O’Brien", "o brien"),
        ("OBRIEN", "O'Brien"),
        ("Jean-Pierre", "jean pierre"),
        ("Jean Pierre", "JEAN-PIERRE"),
        ("JEANPIERRE", "jean-p"),
        ("de La Tour", "De  la\tTour"),
        ("Sainte-Œuvre", "sainte oeuvre"),
        ("d`Ormesson", "d'ormesson"),
        ("Saint-Étienne (42)", "saint etienne 42"),
        ("François", "FRANCOIS"),
    ],
)
def test_punctuation_and_spaces_do_not_count(written: str, asked: str) -> None:
    """R4: punctuation and non-significant white space should be ignored."""
    assert found(STRING, [("string", written)], asked)
    assert found(STRING, [("string", f"x {written}")], asked, "contains")


def test_an_exact_text_may_be_of_punctuation_alone() -> None:
    assert found(STRING, [("string", "-")], "-", "exact")
    assert not found(STRING, [("string", "--")], "-", "exact")


def test_a_search_does_not_reach_into_the_text_as_it_came() -> None:
    """The index value holds both; `:contains` looks at the folded half."""
    assert not found(STRING, [("string", "É")], "É\x1fÉ", "contains")
    assert not found(STRING, [("string", "ab")], "b\x1fa", "contains")


def test_an_address_is_found_by_each_of_its_parts() -> None:
    address = {"line": ["12 rue des Lilas", ""], "city": "Évry", "country": "FR", "use": "home"}
    for value in ("12 rue", "evry", "fr"):
        assert found(STRING, [("Address", address)], value)
    assert not found(STRING, [("Address", address)], "home")


def test_a_type_without_texts_has_none() -> None:
    assert not found(STRING, [("Period", {"start": "2020"}), ("boolean", True)], "2020")


@pytest.mark.parametrize("value", [" ", "\u0301", "\t\n", "-", "...", "''"])
def test_a_value_without_a_letter_to_look_for_is_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="is not a text to look for"):
        STRING.criterion("idx.p", "", value, LOCALE)


def test_a_long_text_is_found_by_its_beginning() -> None:
    text = "é" * 4000
    assert found(STRING, [("markdown", text)], "e" * 300)
    assert found(STRING, [("markdown", text)], text, "exact")


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_the_case_does_not_matter(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@given(st.text(min_size=1), st.text())
def test_a_text_is_found_by_its_own_beginning(head: str, tail: str) -> None:
    beginning = fold(head)
    if beginning:
        assert found(STRING, [("string", beginning + tail)], beginning.replace("\\", "\\\\"))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Œuvre", "oeuvre"),
        ("Ǽ", "ae"),
        ("Straße", "strasse"),
        ("ŁØ", "lo"),
        ("™", "tm"),
        ("ﬁn", "fin"),
        ("l’été", "lete"),
        ("a\xa0 b\x1fc", "abc"),
        ("50 % < 2 €", "50<2€"),
        ("ℌ", "h"),
    ],
)
def test_signs_are_folded_to_letters(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Compte rendu d'imagerie", "compte rendu d imagerie"),
        ("  Œdème—aigu (2) ", "oedeme aigu 2"),
        ("e\u0301te\u0301", "ete"),
        ("...", ""),
    ],
)
def test_words_are_folded_one_by_one(text: str, expected: str) -> None:
    assert words(text) == expected


@given(st.text())
def test_the_letters_of_a_text_are_those_of_its_words(text: str) -> None:
    assert fold(words(text)) == fold(text)


def test_a_string_sorts_by_its_folded_text() -> None:
    texts = ["zoé", "Éric", "eric", "Abel"]
    keys = {STRING.key(f"{fold(text)}\x1f{text}"): text for text in texts}
    assert [keys[key] for key in sorted(map(str, keys))] == ["Abel", "eric", "Éric", "zoé"]
