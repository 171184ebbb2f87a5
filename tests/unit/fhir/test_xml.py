"""FHIR XML and the JSON model: https://hl7.org/fhir/R4/xml.html."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest, NotAcceptable, TooLarge
from fhir_server.fhir.exact import Exact
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.xml import MAX_BYTES, MAX_TAGS, to_json, to_xml
from fhir_server.fhir.xml_members import Member, members

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def xml(inside: str, type_: str = "Patient") -> bytes:
    return f'<{type_} xmlns="http://hl7.org/fhir">{inside}</{type_}>'.encode()


def body(inside: str, type_: str = "Patient") -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>' + xml(inside, type_)


def exactly(value: Any) -> Any:
    """Order the members by name; the text of numbers then shows in what `dumps` writes."""
    if isinstance(value, dict):
        return {name: exactly(value[name]) for name in sorted(value)}
    return [exactly(item) for item in value] if isinstance(value, list) else value


def patient(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **members}


BOTH_WAYS: dict[str, tuple[dict[str, Any], bytes]] = {
    "the id of a resource is an element": (patient(id="a"), body('<id value="a"/>')),
    "the id of an element is an attribute": (
        patient(name=[{"id": "n", "family": "F"}]),
        body('<name id="n"><family value="F"/></name>'),
    ),
    "the url of an extension is an attribute": (
        patient(extension=[{"url": "http://a", "valueCode": "c"}]),
        body('<extension url="http://a"><valueCode value="c"/></extension>'),
    ),
    "a primitive carries its id and its extensions": (
        patient(birthDate="2000", _birthDate={"id": "b", "extension": [{"url": "u"}]}),
        body('<birthDate id="b" value="2000"><extension url="u"></extension></birthDate>'),
    ),
    "a primitive may have an extension and no value": (
        patient(_birthDate={"extension": [{"url": "u", "valueBoolean": False}]}),
        body('<birthDate><extension url="u"><valueBoolean value="false"/></extension></birthDate>'),
    ),
    "null pads the values and what stands beside them": (
        patient(name=[{"given": ["a", None, "c"], "_given": [None, {"id": "g"}, None]}]),
        body('<name><given value="a"/><given id="g"></given><given value="c"/></name>'),
    ),
    "a contained resource stands inside an element": (
        patient(contained=[{"resourceType": "Basic", "id": "b"}]),
        body('<contained><Basic><id value="b"/></Basic></contained>'),
    ),
    "white space of a value is escaped": (
        patient(name=[{"text": 'a\tb\n"<&>\r'}]),
        body('<name><text value="a&#9;b&#10;&quot;&lt;&amp;>&#13;"/></name>'),
    ),
}


@pytest.mark.parametrize("case", BOTH_WAYS)
def test_both_forms_say_the_same(case: str) -> None:
    resource, written = BOTH_WAYS[case]
    assert to_xml(resource) == written
    assert to_json(written) == resource


def test_elements_are_written_in_the_order_of_the_specification() -> None:
    resource = patient(birthDate="2000", active=True, id="a", meta={"versionId": "1"})
    assert to_xml(resource) == body(
        '<id value="a"/><meta><versionId value="1"/></meta>'
        '<active value="true"/><birthDate value="2000"/>'
    )


@pytest.mark.parametrize(
    "number", ["1.00", "1e3", "0", "-0", "100", "0.10", "12345678901234567890"]
)
def test_a_decimal_keeps_its_digits(number: str) -> None:
    text = f'{{"resourceType":"Observation","valueQuantity":{{"value":{number}}}}}'
    written = to_xml(parse(text.encode()).resource)
    assert f'<value value="{number}"/>'.encode() in written
    assert dumps(to_json(written)) == text.encode()


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("+3", 3), ("-3", -3), ("0", 0)])
def test_an_integer_becomes_a_number(text: str, value: int) -> None:
    found = to_json(xml(f'<valueInteger value="{text}"/>', "Observation"))["valueInteger"]
    assert (type(found), found) == (int, value)


@pytest.mark.parametrize(
    "inside",
    [
        "<p class='x'>a &#160; b<br></br></p>",
        "one\r\ntwo <!-- <div> --> <![CDATA[</div>]]>",
        '<div title="&gt; />"><div/></div>',
    ],
)
def test_a_narrative_keeps_every_character(inside: str) -> None:
    resource = patient(text={"status": "generated", "div": DIV.format(inside)})
    assert to_json(to_xml(resource)) == resource


def test_each_narrative_stays_with_its_resource() -> None:
    texts = [DIV.format(f"<div>{i}</div>") for i in range(3)]
    entries = [{"resource": patient(text={"div": text})} for text in texts]
    bundle = {"resourceType": "Bundle", "entry": [*entries, {"fullUrl": "urn:x"}]}
    assert to_json(to_xml(bundle)) == bundle


def test_a_prefixed_narrative_is_written_again_as_a_document_of_its_own() -> None:
    inside = '<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>a</h:p></h:div>'
    outer = (
        '<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml">'
        f"<text><h:div><h:p>a</h:p></h:div></text><contained><Basic><text>{inside}</text>"
        "</Basic></contained></Patient>"
    )
    found = to_json(outer.encode())
    assert '<h:div xmlns:h="http://www.w3.org/1999/xhtml"' in found["text"]["div"]
    assert to_json(to_xml(found)) == found


def test_comments_and_instructions_and_schema_locations_are_no_content() -> None:
    outer = (
        '\ufeff<?xml version="1.0"?><!-- a --><?x y?><Patient xmlns="http://hl7.org/fhir" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://hl7.org/fhir ../fhir-all.xsd">\n'
        '  <!-- b --> <active value="true"/><?z?>\n</Patient>'
    )
    assert to_json(outer.encode()) == patient(active=True)


REFUSED = {
    "an unknown element": (
        xml('<active value="true"/>\n<foo/>'),
        "`foo` is not an element of Patient: line 2",
        "Patient",
    ),
    "the bare name of a choice": (
        xml('<value value="1"/>', "Observation"),
        "`value` is not an element of Observation: line 1",
        "Observation",
    ),
    "an unknown element deep inside": (
        xml("<name/><name><period><x/></period></name>"),
        "`x` is not an element of Period: line 1",
        "Patient.name[1].period",
    ),
    "an unknown attribute": (
        xml('<name use="official"/>'),
        "the attribute `use` is not allowed on `name`: line 1",
        "Patient.name[0]",
    ),
    "an attribute on a resource": (
        b'<Patient xmlns="http://hl7.org/fhir" id="a"/>',
        "the attribute `id` is not allowed on `Patient`: line 1",
        "Patient",
    ),
    "an empty attribute": (
        xml('<active value=""/>'),
        "the attribute `value` of `active` must not be empty: line 1",
        "Patient.active",
    ),
    "a wrong order": (
        xml('<birthDate value="2000"/><active value="true"/>'),
        "`active` must come before `birthDate`: line 1",
        "Patient.active",
    ),
    "a repeating element in two places": (
        xml('<name/><active value="true"/>'),
        "`active` must come before `name`: line 1",
        "Patient.active",
    ),
    "an element that stands twice": (
        xml('<active value="true"/><active value="true"/>'),
        "`active` stands twice: line 1",
        "Patient.active",
    ),
    "two values of a choice": (
        xml('<deceasedBoolean value="true"/><deceasedDateTime value="2000"/>'),
        "`deceasedDateTime` and `deceasedBoolean` exclude each other: line 1",
        "Patient.deceased",
    ),
    "text inside an object": (
        xml("<name>Ann</name>"),
        "text is not allowed inside `name`: line 1",
        "Patient.name[0]",
    ),
    "text after an element": (
        xml('<active value="true"/>x'),
        "text is not allowed inside `Patient`: line 1",
        "Patient",
    ),
    "text inside a primitive": (
        xml("<active>true</active>"),
        "text is not allowed inside `active`: line 1",
        "Patient.active",
    ),
    "an empty primitive": (
        xml("<active/>"),
        "`active` says nothing: a value or an extension expected: line 1",
        "Patient.active",
    ),
    "no namespace": (
        b"<Patient/>",
        "`{}Patient` is not a resource type of R4 in the namespace `http://hl7.org/fhir`: line 1",
        "Patient",
    ),
    "another namespace inside": (
        xml('<active xmlns="urn:x" value="true"/>'),
        "`{urn:x}active` is not an element of Patient: line 1",
        "Patient.active",
    ),
    "a narrative out of its namespace": (
        xml("<text><div>a</div></text>"),
        "`div` is not an element of Narrative: line 1",
        "Patient.text.div",
    ),
    "an unknown type": (
        xml("", "Dog"),
        "`Dog` is not a resource type of R4 in the namespace `http://hl7.org/fhir`: line 1",
        "",
    ),
    "two contained resources in one element": (
        xml("<contained><Basic/><Basic/></contained>"),
        "`contained` must hold one resource: line 1",
        "Patient.contained[0]",
    ),
    "an unknown element inside an entry": (
        xml("<entry><resource><Basic><x/></Basic></resource></entry>", "Bundle"),
        "`x` is not an element of Basic: line 1",
        "Bundle.entry[0].resource",
    ),
    "another encoding": (xml("").decode().encode("utf-16"), "the body is not UTF-8 at byte 0", ""),
    "nothing": (b"", "the body is not XML: document is empty: line 1 column 1", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_specification_does_not_foresee_is_refused_with_its_place(case: str) -> None:
    sent, diagnostics, expression = REFUSED[case]
    with pytest.raises(BadRequest) as refusal:
        to_json(sent)
    [issue] = refusal.value.issues
    assert (issue.code, issue.expression) == ("structure", expression)
    assert issue.diagnostics == diagnostics


def test_an_entity_that_nobody_defines_is_refused() -> None:
    with pytest.raises(BadRequest, match="the body is not XML: entity 'a' not defined: line 1"):
        to_json(xml('<id value="&a;"/>'))


@pytest.mark.parametrize(
    ("type_", "inside"),
    [
        ("Patient", '<active value="TRUE"/>'),
        ("Patient", '<multipleBirthInteger value="1.0"/>'),
        ("Patient", '<multipleBirthInteger value="1e3"/>'),
        ("Observation", "<valueQuantity><value value='1,5'/></valueQuantity>"),
        ("Observation", "<valueQuantity><value value='NaN'/></valueQuantity>"),
        ("Observation", "<valueQuantity><value value='1e999999999'/></valueQuantity>"),
    ],
)
def test_a_number_or_boolean_that_is_not_one_is_refused(type_: str, inside: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        to_json(xml(inside, type_))
    assert refusal.value.issues[0].code == "value"


BOMBS = {
    "laughs": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>{}',
    "external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>{}',
    "external subset": '<!DOCTYPE x SYSTEM "http://localhost/x.dtd">{}',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://localhost/p">%p;]>{}',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_document_type_is_never_read(bomb: str) -> None:
    sent = BOMBS[bomb].format(xml('<id value="a"/>').decode())
    with pytest.raises(BadRequest, match="a document type declaration is not allowed: line 1"):
        to_json(sent.encode())


def test_nesting_is_bounded() -> None:
    depth = 70
    inside = '<extension url="u">' * depth + "</extension>" * depth
    with pytest.raises(BadRequest, match="nests deeper than 64 levels"):
        to_json(xml(inside))


@pytest.mark.parametrize(
    "sent",
    [
        b" " * (MAX_BYTES + 1),
        xml("<name/>" * (MAX_TAGS + 1)),
        xml('<extension url="u">' * 5000 + "</extension>" * 5000),
        xml(f'<id value="{"a" * 11_000_000}"/>'),
    ],
    ids=["bytes", "tags", "depth", "text"],
)
def test_size_is_bounded(sent: bytes) -> None:
    with pytest.raises(TooLarge):
        to_json(sent)


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Dog"},
        {},
        patient(foo=1),
        patient(value="x"),
        patient(_name=[{"id": "a"}]),
        patient(active=None),
        patient(active=[True]),
        patient(name={}),
        patient(name=["x"]),
        patient(birthDate={"a": 1}),
        patient(_birthDate="x"),
        patient(contained=[{"id": "a"}]),
        patient(text={"div": "</div><evil/>"}),
        patient(text={"div": "<div>no namespace</div>"}),
        patient(text={"div": "<!DOCTYPE a>" + DIV.format("a")}),
        patient(text={"div": DIV.format("a") + "<b/>"}),
    ],
    ids=str,
)
def test_what_has_no_form_in_xml_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refusal:
        to_xml(resource)
    assert refusal.value.issues[0].code == "structure"


@pytest.mark.parametrize("text", ["a\x00", "\x0b", "\ufffe", "\uffff", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_said(text: str) -> None:
    with pytest.raises(NotAcceptable, match=r"`family` holds the character U\+[0-9A-F]{4}"):
        to_xml(patient(name=[{"family": text}]))


# What XML 1.0 can hold: https://www.w3.org/TR/xml/#charsets
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r"),
    min_size=1,
    max_size=8,
)
numbers = st.integers(-(10**17), 10**17) | st.sampled_from(["1.0", "0.10", "1E+2", "-0"]).map(Exact)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "decimal": numbers,
    **dict.fromkeys(("integer", "positiveInt", "unsignedInt"), st.integers(-9, 9)),
}


@st.composite
def objects(draw: st.DrawFn, path: str, depth: int) -> dict[str, Any]:
    """Make an object of type `path` with some of its members, never two of a choice."""
    made: dict[str, Any] = {}
    by_order: dict[int, list[Member]] = {}
    for member in members(path).values():
        if depth > 0 or member.form in ("attribute", "narrative", "primitive"):
            by_order.setdefault(member.order, []).append(member)
    orders = draw(st.lists(st.sampled_from(sorted(by_order)), max_size=4, unique=True))
    for member in (draw(st.sampled_from(by_order[order])) for order in orders):
        _fill(draw, made, member, depth)
    return made


def _fill(draw: st.DrawFn, made: dict[str, Any], member: Member, depth: int) -> None:
    if member.form == "attribute":
        made[member.name] = draw(texts)
    elif member.form == "narrative":
        made[member.name] = DIV.format(draw(st.sampled_from(["a", "<p>b\r</p>", "<br />", "é"])))
    elif member.form != "primitive":
        strategy = (
            resources(depth - 1) if member.form == "resource" else objects(member.type, depth - 1)
        )
        made[member.name] = (
            draw(st.lists(strategy, min_size=1, max_size=2)) if member.repeats else draw(strategy)
        )
    else:
        _fill_primitive(draw, made, member)


def _fill_primitive(draw: st.DrawFn, made: dict[str, Any], member: Member) -> None:
    values = VALUES.get(member.type, texts)
    beside = st.fixed_dictionaries({"id": texts}, optional={"extension": st.just([{"url": "u"}])})
    pair = st.one_of(
        st.tuples(values, st.none()), st.tuples(st.none(), beside), st.tuples(values, beside)
    )
    pairs = draw(st.lists(pair, min_size=1, max_size=3 if member.repeats else 1))
    for name, halves in zip(
        (member.name, f"_{member.name}"), zip(*pairs, strict=True), strict=True
    ):
        if any(half is not None for half in halves):
            made[name] = list(halves) if member.repeats else halves[0]


@st.composite
def resources(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    type_ = draw(st.sampled_from(sorted(RESOURCE_TYPES)))
    return {"resourceType": type_, **draw(objects(type_, depth))}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(resources())
def test_the_way_through_xml_changes_nothing(resource: dict[str, Any]) -> None:
    found = to_json(to_xml(resource))
    assert dumps(exactly(found)) == dumps(exactly(resource))


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: xml(text)))
def test_any_body_is_read_or_refused(sent: bytes) -> None:
    with suppress(BadRequest, TooLarge):
        assert json.loads(dumps(to_json(sent)))["resourceType"] in RESOURCE_TYPES
