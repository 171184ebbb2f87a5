"""Uri parameters, both sides: https://hl7.org/fhir/R4/search.html#uri."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


TREE = "https://acme.org/fhir/ValueSet/123"


@pytest.mark.parametrize(
    ("value", "modifier", "expected"),
    [
        ("https://acme.org/fhir", "below", True),
        ("https://acme.org/fhir/", "below", True),
        ("https://acme.org", "below", True),
        (TREE, "below", True),
        (f"{TREE}/", "below", False),
        ("https://acme.org/fh", "below", False),
        ("https://acme.org/fhir/ValueSet/12", "below", False),
        ("http://acme.org/fhir", "below", False),
        (f"{TREE}/_history/5", "above", True),
        (TREE, "above", True),
        (f"{TREE}4", "above", False),
        ("https://acme.org/fhir", "above", False),
    ],
)
def test_a_url_lies_below_another_by_whole_segments_of_its_path(
    value: str, modifier: str, expected: bool
) -> None:
    assert found(URI, [("uri", TREE)], value, modifier) is expected


@pytest.mark.parametrize("modifier", ["above", "below"])
@pytest.mark.parametrize("value", ["urn:oid:1.2.250", "acme", "https:///x", "https://a b"])
def test_what_has_no_path_is_not_above_or_below_anything(value: str, modifier: str) -> None:
    """R4: these modifiers apply to URLs and not to URNs such as OIDs."""
    with pytest.raises(BadRequest, match=f"is not a URL with segments for `:{modifier}`"):
        URI.criterion("idx.p", modifier, value, LOCALE)


SEGMENTS = st.lists(st.sampled_from("abc"), max_size=4).map(
    lambda names: "/".join(["h://x", *names])
)


@given(SEGMENTS, SEGMENTS)
def test_one_url_is_above_another_when_the_other_is_below_it(one: str, other: str) -> None:
    above = found(URI, [("uri", one)], other, "above")
    assert above is found(URI, [("uri", other)], one, "below")


def test_what_is_no_text_is_no_uri() -> None:
    assert not found(URI, [("uri", {"x": 1})], "x")


def test_a_uri_of_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="is not a uri"):
        URI.criterion("idx.p", "", "", LOCALE)


def test_a_uri_sorts_by_its_text() -> None:
    assert URI.key("urn:a") == "urn:a"
