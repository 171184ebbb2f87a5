"""Rule sets as data: what is read, what is refused, and what a hash covers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.consent.matrix import Matrix
from fhir_server.consent.requester import Kind
from fhir_server.consent.rules import RULES
from fhir_server.consent.ruleset import (
    NEVER_READ,
    ORIGINAL,
    RuleSet,
    RuleSetError,
    read_rule_sets,
    rule_set_hash,
)
from fhir_server.data import mappings_dir
from fhir_server.records.rulesets import rule_set, rule_sets, shipped_matrix
from tests.oracle.records import BIOLOGY, MATRIX

ENTRIES: list[dict[str, Any]] = json.loads(
    mappings_dir().joinpath("rulesets.json").read_text(encoding="utf-8")
)


def an_entry(**changes: Any) -> dict[str, Any]:
    return ENTRIES[0] | changes


def test_the_shipped_default_is_the_rule_set_that_holds_when_nothing_is_said() -> None:
    shipped = rule_set("original")
    assert replace(shipped, fr="", en="") == ORIGINAL


def test_the_shipped_rule_sets_are_dated_and_told_in_both_languages() -> None:
    assert [(one.id, one.valid_from) for one in rule_sets()] == [
        ("original", "2022-01-01"),
        ("law-2026", "2022-03-31"),
    ]
    assert all(one.fr and one.en for one in rule_sets())


def test_an_unknown_rule_set_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RuleSetError, match=r"`law` is no rule set .*: original, law-2026"):
        rule_set("law")


def test_the_matrix_of_a_rule_set_knows_its_edition_and_day() -> None:
    matrix = shipped_matrix(rule_set("original").matrix)
    assert (matrix.edition, matrix.valid_from) == ("1", "2022-01-01")


def test_no_rule_set_lets_insurers_banks_secretaries_or_the_feed_read() -> None:
    """R33, R34, R35."""
    assert {
        Kind.INSURER, Kind.BANK, Kind.SECRETARY, Kind.HEALTH_INSURANCE_FEED,
    } == NEVER_READ  # fmt: skip
    for one in rule_sets():
        assert one.excluded >= NEVER_READ


def test_occupational_medicine_is_excluded_unless_express_consent_admits_it() -> None:
    """R32, C3."""
    assert Kind.OCCUPATIONAL_MEDICINE in rule_set("original").excluded
    assert Kind.OCCUPATIONAL_MEDICINE not in rule_set("law-2026").excluded


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        pytest.param(an_entry(extra=1), "`extra` is missing or not known", id="too much"),
        pytest.param(
            {k: v for k, v in an_entry().items() if k != "matrix"},
            "`matrix` is missing or not known",
            id="too little",
        ),
        pytest.param(
            an_entry(occupational_medicine="always"),
            "`occupational_medicine` takes express-consent, never",
            id="no such choice",
        ),
        pytest.param(
            an_entry(masked_spares=["author", "nurse"]),
            "`masked_spares` takes attending-doctor, author",
            id="no such reader",
        ),
        pytest.param(an_entry(announcement_days=0), "whole number over 0", id="no day"),
        pytest.param(an_entry(announcement_days="30"), "whole number over 0", id="words"),
        pytest.param(an_entry(announcement_days=True), "whole number over 0", id="truth"),
        pytest.param(an_entry(attending_blockable=1), "true or false", id="number"),
        pytest.param(an_entry(valid_from="2022-02-30"), "a day YYYY-MM-DD", id="no such day"),
        pytest.param(an_entry(valid_from="20220101"), "a day YYYY-MM-DD", id="another form"),
    ],
)
def test_a_rule_set_that_is_not_understood_exactly_is_refused(
    entry: dict[str, Any], words: str
) -> None:
    with pytest.raises(RuleSetError, match=f"rule set `original`: .*{words}"):
        read_rule_sets([entry])


def test_two_rule_sets_of_one_id_are_refused() -> None:
    with pytest.raises(RuleSetError, match="`original` is there twice"):
        read_rule_sets([an_entry(), an_entry()])


# the hash ----------------------------------------------------------------------------------------


def test_the_same_rules_matrix_and_rule_set_have_the_same_hash_whatever_their_order() -> None:
    turned = Matrix(dict(sorted(MATRIX.readable.items(), reverse=True)), MATRIX.rows)
    one = rule_set_hash(ORIGINAL, MATRIX, RULES)
    assert one == rule_set_hash(RuleSet(), turned, RULES)
    assert len(one) == 64


@pytest.mark.parametrize(
    "other",
    [
        pytest.param((replace(ORIGINAL, announcement_days=31), MATRIX, RULES), id="rule set"),
        pytest.param((replace(ORIGINAL, id="mine"), MATRIX, RULES), id="its name"),
        pytest.param(
            (ORIGINAL, Matrix({"G15_10": frozenset({BIOLOGY})}, MATRIX.rows), RULES), id="matrix"
        ),
        pytest.param(
            (ORIGINAL, replace(MATRIX, rows=MATRIX.rows | {"x"}), RULES), id="a row that is shut"
        ),
        pytest.param((ORIGINAL, MATRIX, RULES[1:]), id="rules"),
    ],
)
def test_the_hash_changes_with_whatever_decides(other: tuple[Any, Any, Any]) -> None:
    assert rule_set_hash(*other) != rule_set_hash(ORIGINAL, MATRIX, RULES)
