"""A mark changes with what a parameter's values are computed from, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_server.search.additions import read_definition
from fhir_server.search.index import indexer
from fhir_server.search.marks import FORMATS, body, known, mark, marks
from fhir_server.search.registry import PARAMETER_TYPES
from fhir_server.search.words import CODES

FAMILY = known()["http://hl7.org/fhir/SearchParameter/individual-family"]


@pytest.mark.parametrize("change", [{"expression": "Patient.name"}, {"code": "f"}, {"type": "uri"}])
def test_another_definition_has_another_mark(change: dict[str, str]) -> None:
    assert mark(replace(FAMILY, **change)) != mark(FAMILY)  # type: ignore[arg-type]


def test_what_only_a_query_is_checked_by_changes_no_mark() -> None:
    assert mark(replace(FAMILY, modifier=("exact",), multiple_or=False)) == mark(FAMILY)


def test_every_type_of_parameter_has_a_format() -> None:
    assert FORMATS.keys() == PARAMETER_TYPES.keys() | {"words"}


def test_everything_that_gives_values_can_be_indexed_by_itself() -> None:
    assert len(marks()) > 1000
    for one in known().values():
        again = read_definition(body(one))
        assert mark(again) == mark(one)
        if one.code not in CODES:
            indexer(again.base[0], [again])
