"""Uri parameters, both sides: https://hl7.org/fhir/R4/search.html#uri."""

from __future__ import annotations

import pytest

from fhir_server.fhir.errors import BadRequest
from fhir_server.search.uri import URI
from tests.unit.search.both_sides import LOCALE, found

ADDRESS = "http://example.org/fhir/ValueSet/a,b"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (r"http://example.org/fhir/ValueSet/a\,b", True),
        (ADDRESS, True),
        (ADDRESS.upper(), False),
        ("http://example.org/fhir/ValueSet", False),
        (ADDRESS + "/", False),
    ],
)
def test_a_uri_is_found_by_the_whole_of_it(value: str, expected: bool) -> None:
    assert found(URI, [("uri", ADDRESS), ("uri", ADDRESS)], value) is expected


def test_what_is_no_text_is_no_uri() -> None:
    assert not found(URI, [("uri", {"x": 1})], "x")


def test_a_uri_of_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="is not a uri"):
        URI.criterion("idx.p", "", "", LOCALE)


def test_a_uri_sorts_by_its_text() -> None:
    assert URI.key("urn:a") == "urn:a"
