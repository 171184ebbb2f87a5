"""`_pretty` changes white space alone, and none that counts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhir.xml import to_json, to_xml
from fhir_server.http.pretty import pretty, pretty_xml

# What both forms hold: no control characters, nor the two that XML lacks.
texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(values)
def test_indented_json_says_the_same(value: Any) -> None:
    assert json.loads(pretty(json.dumps(value).encode())) == value


@given(st.lists(texts, min_size=1, max_size=3), texts)
def test_indented_xml_says_the_same(names: list[str], comment: str) -> None:
    written = comment.replace("&", "&amp;").replace("<", "&lt;")
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{written} <b>b</b>\n</p><br/><div> a</div></div>'
    patient = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": div},
        "name": [{"family": name, "given": names} for name in names],
    }
    plain = to_xml(patient)
    assert to_json(pretty_xml(plain)) == to_json(plain)


def test_each_element_stands_on_a_line_of_its_own_by_its_depth() -> None:
    plain = to_xml({"resourceType": "Patient", "name": [{"family": "a > b"}], "active": True})
    assert pretty_xml(plain).decode().splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<Patient xmlns="http://hl7.org/fhir">',
        '  <active value="true"/>',
        "  <name>",
        '    <family value="a > b"/>',
        "  </name>",
        "</Patient>",
    ]


def test_a_narrative_is_left_alone() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><div>a</div><p title="x > y">b</p></div>'
    plain = to_xml({"resourceType": "Patient", "text": {"status": "generated", "div": div}})
    assert f"    {div}\n  </text>".encode() in pretty_xml(plain)
