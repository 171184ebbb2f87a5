"""What is received is what is stored: https://hl7.org/fhir/R4/json.html."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps, parse, parse_value, stamp, stamp_resource

STAMP: dict[str, Any] = {"id": "abc", "version_id": 7, "last_updated": "2026-01-02T03:04:05.678Z"}

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
metas = st.dictionaries(
    st.sampled_from(["versionId", "lastUpdated", "profile", "tag"]) | texts, values, max_size=4
)
resources = st.builds(
    lambda rest, meta, type_: rest | ({} if meta is None else {"meta": meta}) | type_,
    st.dictionaries(st.sampled_from(["id", "text", "_id"]) | texts, values, max_size=5),
    st.none() | metas,
    st.just({"resourceType": "Patient"}),
)


def without_stamp(resource: dict[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in META}
    return {k: v for k, v in resource.items() if k not in ("id", "meta")} | {"meta": meta}


META = ("versionId", "lastUpdated")


@given(resources, st.sampled_from([None, 0, 2]), st.booleans(), st.randoms())
def test_a_stamp_changes_three_values_and_nothing_else(
    resource: Any, indent: Any, escape: Any, random: Any
) -> None:
    members = list(resource.items())
    random.shuffle(members)
    body = json.dumps(dict(members), indent=indent, ensure_ascii=escape).encode()

    stamped = parse(stamp(parse(body), **STAMP)).resource

    assert without_stamp(stamped) == without_stamp(resource)
    assert stamped["id"] == "abc"
    assert [stamped["meta"][name] for name in META] == ["7", STAMP["last_updated"]]


@given(resources)
def test_what_is_parsed_is_written_with_the_same_values(resource: Any) -> None:
    assert parse(dumps(resource)).resource == resource


@given(resources)
def test_a_changed_resource_is_stamped_like_a_received_one(resource: Any) -> None:
    stamped = parse(stamp_resource(resource, **STAMP)).resource
    assert stamped == parse(stamp(parse(dumps(resource)), **STAMP)).resource


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
)
def test_a_number_is_written_as_it_was_read(number: Any) -> None:
    body = f'{{"value":{number}}}'.encode()
    document = parse(body)
    assert dumps(document.resource) == body
    assert document.resource["value"] == Decimal(number)


def test_white_space_and_escapes_stay_as_they_came() -> None:
    body = '{ "resourceType" : "Patient",\n\t"name":[{"family":"H\\u00e9l\u00e8ne"}] }'.encode()
    wanted = (
        '{ "resourceType" : "Patient","id":"abc","meta":{"versionId":"7",'
        '"lastUpdated":"2026-01-02T03:04:05.678Z"},'
        '\n\t"name":[{"family":"H\\u00e9l\u00e8ne"}] }'
    ).encode()
    assert stamp(parse(body), **STAMP) == wanted


def test_an_existing_meta_keeps_its_other_members() -> None:
    body = b'{"resourceType":"Patient","meta": { "versionId": "1" , "profile":["x"]}}'
    wanted = (
        b'{"resourceType":"Patient","id":"abc","meta": {"lastUpdated":"2026-01-02T03:04:05.678Z",'
        b' "versionId": "7" , "profile":["x"]}}'
    )
    assert stamp(parse(body), **STAMP) == wanted


def test_the_span_of_a_member_is_its_value() -> None:
    document = parse(b'{"resourceType": "Patient", "active" : true}')
    assert document.text[slice(*document.spans["active"])] == "true"


def test_a_byte_order_mark_is_dropped() -> None:
    assert parse(b'\xef\xbb\xbf{"a":1}').text == '{"a":1}'


@pytest.mark.parametrize(
    ("body", "diagnostics"),
    [
        (b"\xff", "the body is not UTF-8 at byte 0"),
        (b"", "the body is not FHIR JSON: `{` expected: line 1 column 1"),
        (b"[]", "the body is not FHIR JSON: `{` expected: line 1 column 1"),
        (b'{"a":1,}', 'the body is not FHIR JSON: `"` expected: line 1 column 8'),
        (b'{"a":\n }', "the body is not FHIR JSON: a value expected: line 2 column 2"),
        (b'{"a":1} x', "the body is not FHIR JSON: nothing may follow the object: line 1 column 8"),
        (b'{"a":01}', "the body is not FHIR JSON: `,` expected: line 1 column 7"),
        (b'{"a":"\t"}', "the body is not FHIR JSON: invalid control character: line 1 column 7"),
        (
            b'{"a":NaN}',
            "the body is not FHIR JSON: `NaN` is not a JSON number, in the value: line 1 column 6",
        ),
        (
            b'{"a":[-Infinity]}',
            (
                "the body is not FHIR JSON: `-Infinity` is not a JSON number, in the value: "
                "line 1 column 6"
            ),
        ),
        (
            b'{"a":1,\n"a":2}',
            (
                "the body is not FHIR JSON: the member `a` stands twice in one object, "
                "in the object: line 1 column 1"
            ),
        ),
        (
            b'{"a":1,\n"b":[{"c":2,"c":2}]}',
            (
                "the body is not FHIR JSON: the member `c` stands twice in one object, "
                "in the value: line 2 column 5"
            ),
        ),
        (
            b'{"a":1e401}',
            (
                "the body is not FHIR JSON: the number `1e401` is out of range, "
                "in the value: line 1 column 6"
            ),
        ),
        (
            b'{"a":' + b"1" * 5000 + b"}",
            (
                "the body is not FHIR JSON: a number is longer than 100 characters, "
                "in the value: line 1 column 6"
            ),
        ),
        (b'{"a":"\\ud800"}', "the body escapes half of a surrogate pair"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "the body nests deeper than 64 levels"),
        (b'{"a":' + b"[" * 100_000, "the body nests deeper than 64 levels"),
    ],
)
def test_what_is_not_lossless_json_is_refused_with_its_place(body: Any, diagnostics: Any) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(body)
    assert [(one.code, one.diagnostics) for one in refusal.value.issues] == [
        ("structure", diagnostics)
    ]


def test_a_repeated_half_surrogate_is_named_in_text_that_can_be_sent() -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(b'{"\\ud800":1,"\\ud800":2}')
    assert dumps(refusal.value.issues[0].diagnostics)


def test_nesting_at_the_bound_is_accepted() -> None:
    assert parse(b'{"a":' + b"[" * 63 + b"]" * 63 + b"}").resource


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0e.-\\u1 \n').map(str.encode))
def test_any_bytes_are_read_or_refused(body: Any) -> None:
    with suppress(BadRequest):
        assert parse(body).text.encode() == body.removeprefix(b"\xef\xbb\xbf")


def test_any_value_is_read_as_strictly_as_a_resource() -> None:
    assert dumps(parse_value(b' [1.00, {"a": 1e3}] ')) == b'[1.00,{"a":1e3}]'
    for body in (b"[1] 2", b'[{"a":1,"a":2}]', b"[NaN]", b"", b"[" * 70 + b"]" * 70):
        with pytest.raises(BadRequest):
            parse_value(body)
