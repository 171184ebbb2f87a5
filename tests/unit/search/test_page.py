"""Cursors: a position, sealed for one caller (L06, L07)."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.predicate import Scalar, holds
from fhir_server.search.page import Position, beyond, order, seal, unseal, value_at
from fhir_server.search.result import SortKey

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
POSITION = Position("Patient", (("family", "Lefèvre"), ("_sort", "-birthdate")), (None, 3), "anna")
SAME_ANSWER = "this page link is not valid; run the search again"

VALUES: st.SearchStrategy[Scalar | None] = st.one_of(
    st.none(), st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans()
)
POSITIONS = st.builds(
    Position,
    st.text(),
    st.lists(st.tuples(st.text(), st.text())).map(tuple),
    st.lists(VALUES).map(tuple),
    st.text(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 2**40),
)


def refusal(text: str, key: bytes = KEY, caller: str = "dupont") -> tuple[object, ...]:
    with pytest.raises(BadRequest) as caught:
        unseal(text, key, caller)
    error = caught.value
    return error.status, error.issues[0].code, str(error), dict(error.headers), error.__cause__


@given(POSITIONS, st.text())
def test_a_position_comes_back_to_the_caller_it_was_given(at: Position, caller: str) -> None:
    assert unseal(seal(at, KEY, caller), KEY, caller) == at


def test_whatever_is_wrong_with_a_cursor_the_answer_is_the_same() -> None:
    """L07, L18: another caller, another key, tampering and garbage can't be told apart."""
    good = seal(POSITION, KEY, "dupont")
    raw = bytearray(urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    raw[-1] ^= 1
    tampered = urlsafe_b64encode(raw).decode().rstrip("=")
    answers = [
        refusal(good, caller="martin"),
        refusal(good, caller=""),
        refusal(good, key=OTHER_KEY),
        refusal(tampered),
        refusal(good[:-4]),
        refusal(good[4:]),
        *map(refusal, ["", "x", "é€", "\ud800", "A" * 15, "A" * 5000]),
        refusal(urlsafe_b64encode(b'["Patient",[],[],"a",false]' * 3).decode()),
    ]
    assert all(answer == (400, "invalid", SAME_ANSWER, {}, None) for answer in answers)


@given(st.text())
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    assert refusal(text) == (400, "invalid", SAME_ANSWER, {}, None)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_bit_of_a_cursor_can_be_changed(place: int, flip: int) -> None:
    sealed = seal(POSITION, KEY, "dupont")
    raw = bytearray(urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    raw[place % len(raw)] ^= flip
    refusal(urlsafe_b64encode(raw).decode())


def test_a_cursor_tells_nothing_and_is_never_the_same() -> None:
    """L06, L48: neither the query nor the row can be read in it, nor compared."""
    one, two = seal(POSITION, KEY, "dupont"), seal(POSITION, KEY, "dupont")
    assert one != two
    for text in ("anna", "Patient", "family", "Lef"):
        assert text.encode() not in urlsafe_b64decode(one + "=" * (-len(one) % 4))


def test_a_cursor_stands_in_an_address_as_it_is() -> None:
    for _ in range(20):
        text = seal(Position("Patient", (), (), secrets.token_hex()), KEY, "dupont")
        assert text.replace("-", "").replace("_", "").isalnum()


# where the next page begins -------------------------------------------------------------------------


def test_without_sort_keys_the_id_alone_decides() -> None:
    after = beyond((), (), "b")
    assert [holds(after, {"_id": id_}) for id_ in "abc"] == [False, False, True]


@pytest.mark.parametrize(
    ("descending", "value", "expected"),
    [
        # of rows with: nothing, 1, 2 and 3, each with an id after and before the last one's
        (False, None, [True, False, True, True, True, True, True, True]),
        (False, 2, [False, False, False, False, True, False, True, True]),
        (True, 2, [True, True, True, True, True, False, False, False]),
        (True, None, [True, False, False, False, False, False, False, False]),
    ],
)
def test_what_is_absent_comes_first_and_last_when_descending(
    descending: bool, value: int | None, expected: list[bool]
) -> None:
    """As MongoDB sorts."""
    after = beyond((SortKey("s", descending),), (value,), "m")
    rows = [{"_id": id_} | ({"s": s} if s else {}) for s in (None, 1, 2, 3) for id_ in "za"]
    assert [holds(after, row) for row in rows] == expected


def test_as_many_values_as_keys_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        beyond((SortKey("s"),), (), "a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("_id", "a"),
        ("updated", 7),
        ("srt.date", 3),
        ("srt.flag", True),
        ("srt.none", None),
        ("srt", None),
        ("srt.date.deeper", None),
        ("nothing.at.all", None),
    ],
)
def test_a_sort_value_is_taken_from_where_it_stands(field: str, value: Scalar | None) -> None:
    document = {"_id": "a", "updated": 7, "srt": {"date": 3, "flag": True, "none": None}}
    assert value_at(document, field) == value


# the other way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("value", [None, 2])
def test_what_is_before_a_row_is_neither_it_nor_beyond_it(
    descending: bool, value: int | None
) -> None:
    sort = (SortKey("s", descending),)
    after, before = (beyond(sort, (value,), "m", back=back) for back in (False, True))
    for s in (None, 1, 2, 3):
        for id_ in "amz":
            row = {"_id": id_} | ({"s": s} if s else {})
            here = s == value and id_ == "m"
            assert [holds(after, row), holds(before, row), here].count(True) == 1, row


def test_a_sort_by_id_needs_no_tie_break() -> None:
    assert order((SortKey("_id", descending=True),)) == (SortKey("_id", descending=True),)
    assert order((SortKey("s"),), back=True) == (
        SortKey("s", descending=True),
        SortKey("_id", descending=True),
    )
    after = beyond((SortKey("_id", descending=True),), ("b",), "b")
    assert [holds(after, {"_id": id_}) for id_ in "abc"] == [True, False, False]


def test_a_long_query_makes_no_long_cursor() -> None:
    at = Position("Patient", (("family", "lefevre," * 200),), (None,), "anna", back=True)
    text = seal(at, KEY, "dupont")
    assert len(text) < 300
    assert unseal(text, KEY, "dupont") == at
