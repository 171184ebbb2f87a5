"""Which parameters a type has, and how an unknown one is refused (L56)."""

from __future__ import annotations

import pytest

from fhir_server.definitions import RESOURCE_TYPES, search_parameters
from fhir_server.fhir.errors import BadRequest
from fhir_server.search.additions import shipped
from fhir_server.search.registry import (
    PARAMETER_TYPES,
    UnknownParameter,
    field,
    parameter,
    sort_field,
    supported,
)


def test_what_is_supported_is_of_r4_or_shipped_and_of_a_type_that_is_read_here() -> None:
    for type_ in RESOURCE_TYPES:
        for code, found in supported(type_).items():
            assert found.type in PARAMETER_TYPES
            official = search_parameters(type_).get(code)
            assert found.url == official.url if official else found in shipped()


@pytest.mark.parametrize("code", ["_id", "_lastUpdated", "_security", "patient", "date", "type"])
def test_documents_are_searched_by_what_a_record_needs(code: str) -> None:
    assert code in supported("DocumentReference")


def test_a_reference_has_targets_even_where_r4_names_none() -> None:
    """R4 leaves them out where a reference, or a canonical, may lead anywhere."""
    for type_ in RESOURCE_TYPES:
        for found in supported(type_).values():
            assert bool(found.target) == (found.type == "reference")
            assert set(found.target) <= set(RESOURCE_TYPES)


def test_an_unknown_parameter_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UnknownParameter, match="has no search parameter `familly`") as caught:
        parameter("Patient", "familly")
    (issue,) = caught.value.issues
    assert issue.code == "not-supported"
    assert "did you mean `family`" in issue.diagnostics


def test_a_name_like_no_other_is_refused_without_a_hint() -> None:
    with pytest.raises(UnknownParameter) as caught:
        parameter("Patient", "q" * 999)
    assert caught.value.issues[0].diagnostics == (f"Patient has no search parameter `{'q' * 64}`")


def test_a_parameter_of_r4_that_is_not_read_here_is_refused_as_such() -> None:
    with pytest.raises(BadRequest, match="is defined by R4 but not supported yet"):
        parameter("Patient", "age")


@pytest.mark.parametrize(
    ("code", "where", "sorted_by"),
    [
        ("_id", "_id", "_id"),
        ("_lastUpdated", "updated", "updated"),
        ("date", "idx.date", "srt.date"),
    ],
)
def test_every_parameter_has_its_place_in_the_stored_document(
    code: str, where: str, sorted_by: str
) -> None:
    assert (field(code), sort_field(code)) == (where, sorted_by)
