"""XML Patch on resources: https://hl7.org/fhir/R4/http.html#patch and RFC 5261."""

import os
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhir_server.fhir.errors import BadRequest, TooLarge, Unprocessable
from fhir_server.fhir.exact import Exact
from fhir_server.fhir.json import dumps
from fhir_server.fhir.xml import parse_tree
from fhir_server.interactions.xml_patch import apply_patch, patch_tree, read_patch

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)

DIV = "<div xmlns='http://www.w3.org/1999/xhtml'><br></br>\r\n&#233;</div>"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "text": {"status": "generated", "div": DIV},
    "active": True,
    "name": [{"use": "usual", "family": "a"}, {"use": "official", "family": "b\n"}],
    "birthDate": "2000-01-01",
    "_birthDate": {"extension": [{"url": "u", "valueDecimal": Exact("1.00")}]},
}


def patch(*operations: str, root: str = 'diff xmlns="http://hl7.org/fhir"') -> bytes:
    return f"<{root}>{''.join(operations)}</{root.split()[0]}>".encode()


def patched(*operations: str) -> dict[str, Any]:
    return apply_patch(PATIENT, read_patch(patch(*operations)))


def cases() -> Iterator[Any]:
    file = REFERENCE / "fhir-test-cases" / "xml-patch-tests.xml"
    if not file.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {file}; set FHIR_REFERENCE_DATA")
    yield from etree.parse(file).getroot().iter("case")


def inside(case: Any, name: str) -> bytes:
    element = case.find(name)
    return bytes(etree.tostring(element[0], with_tail=False)) if len(element) else b""


def canonical(root: Any) -> str:
    """Write a tree without the white space between its nodes."""
    for node in root.iter():
        node.text = node.text if (node.text or "").strip() else None
        node.tail = node.tail if (node.tail or "").strip() else None
    return str(etree.tostring(root, method="c14n").decode())


@pytest.mark.reference
def test_the_cases_of_hl7_hold() -> None:
    for case in cases():
        target = inside(case, "target")
        operations = etree.tostring(case.find("{http://hl7.org/fhir}patch"), with_tail=False)
        if case.find("error") is not None:
            with pytest.raises((BadRequest, Unprocessable)):
                patch_tree(parse_tree(target), read_patch(operations))
            continue
        wanted = canonical(etree.fromstring(inside(case, "patched")))
        tree = parse_tree(target, keep_comments=True)
        assert canonical(patch_tree(tree, read_patch(operations))) == wanted, case.get("name")


def test_a_value_is_replaced_and_all_else_stays_to_the_letter() -> None:
    found = patched('<replace sel="f:Patient/f:active/@value">false</replace>')
    assert dumps(found) == dumps(PATIENT | {"active": False})


@pytest.mark.parametrize(
    "sel",
    [
        "f:Patient/f:name[2]",
        "/f:Patient/f:name[last()]",
        "Patient/name[use/@value='official']",
        "*/f:name[f:use[@value = 'official'] and not(@id)]",
        "f:Patient/f:name[starts-with(f:use/@value, 'off')]",
        "f:Patient/f:name[position() = 2]",
    ],
)
def test_a_path_leads_to_one_element(sel: str) -> None:
    found = patched(f'<remove sel="{sel}"/>')
    assert found == PATIENT | {"name": [PATIENT["name"][0]]}


def test_a_prefix_may_be_declared_in_the_patch() -> None:
    operations = patch(
        '<x:remove sel="p:Patient/p:active"/>', root='x:diff xmlns:x="X" xmlns:p="X"'
    )
    operations = operations.replace(b'"X"', b'"http://hl7.org/fhir"')
    assert "active" not in apply_patch(PATIENT, read_patch(operations))


def test_elements_are_added_where_they_belong() -> None:
    found = patched(
        '<add sel="f:Patient/f:name[1]/f:family" pos="after"><given value="c"/></add>',
        '<add sel="f:Patient/f:name[1]" pos="before"><name><text value="0"/></name></add>',
        '<add sel="f:Patient/f:name[2]" pos="prepend"><extension url="z"/></add>',
        '<add sel="f:Patient"><maritalStatus><text value="m"/></maritalStatus></add>',
    )
    assert found["name"][:2] == [
        {"text": "0"},
        {"extension": [{"url": "z"}], "use": "usual", "family": "a", "given": ["c"]},
    ]
    assert found["maritalStatus"] == {"text": "m"}


def test_a_narrative_is_replaced() -> None:
    new = '<div xmlns="http://www.w3.org/1999/xhtml"><p>new</p></div>'
    found = patched(f'<replace sel="f:Patient/f:text/h:div">{new}</replace>')
    assert found["text"]["div"] == new


def test_a_patch_may_be_applied_again() -> None:
    operations = read_patch(patch('<add sel="f:Patient"><gender value="male"/></add>'))
    with pytest.raises(Unprocessable, match="`gender` must come before `birthDate`"):
        apply_patch(PATIENT, operations)
    bare = {"resourceType": "Patient"}
    assert (
        apply_patch(bare, operations) == apply_patch(bare, operations) == bare | {"gender": "male"}
    )


def tree(text: str) -> Any:
    return parse_tree(text.encode(), keep_comments=True)


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ('<remove sel="a/b"/>', "<a>1 2</a>"),
        ('<remove sel="a/b" ws="after"/>', "<a>12</a>"),
        ('<add sel="a/b" pos="after">x</add>', "<a>1<b/>x 2</a>"),
        ('<add sel="a/b" pos="before">x</add>', "<a>1x<b/> 2</a>"),
        ('<add sel="a" pos="prepend">x</add>', "<a>x1<b/> 2</a>"),
        ('<add sel="a" pos="prepend">x<c/>y</add>', "<a>x<c/>y1<b/> 2</a>"),
        ('<add sel="a">x</add>', "<a>1<b/> 2x</a>"),
        ('<replace sel="a/b"><c/></replace>', "<a>1<c/> 2</a>"),
        ('<remove sel="a/text()[2]"/>', "<a>1<b/></a>"),
        ('<replace sel="a/text()[1]">x</replace>', "<a>x<b/> 2</a>"),
    ],
)
def test_the_text_beside_a_node_stays(operation: str, after: str) -> None:
    operation = operation.replace('sel="a', 'sel="o:a').replace("/b", "/o:b")
    before = tree('<a xmlns="urn:o">1<b/>' + (" " if "ws=" in operation else " 2") + "</a>")
    if "ws=" in operation:
        before[0].tail = " "
        after = "<a>1</a>"
    root = 'diff xmlns:o="urn:o" xmlns="urn:ietf:params:xml:schema:patch-ops"'
    operation = operation.replace("<c/>", '<c xmlns="urn:o"/>')
    found = patch_tree(before, read_patch(patch(operation, root=root)))
    assert etree.tostring(found).decode().replace(' xmlns="urn:o"', "") == after


MALFORMED = {
    "no diff": (b"<x/>", "an XML Patch is a `diff` element"),
    "no operation": (patch(), "the patch has no operation"),
    "an unknown operation": (
        patch('<move sel="a"/>'),
        "operation 0 of the patch, at `a`: `move` is none of add, replace, remove",
    ),
    "no path": (patch("<remove/>"), "operation 0 of the patch: `sel` is missing"),
    "an unknown attribute": (
        patch('<remove sel="a" pos="before"/>'),
        "operation 0 of the patch, at `a`: `pos` can't be `before` here",
    ),
    "an unknown place": (
        patch('<add sel="a" pos="beside"/>'),
        "operation 0 of the patch, at `a`: `pos` can't be `beside` here",
    ),
    "content to remove": (
        patch('<remove sel="a"><b/></remove>'),
        "operation 0 of the patch, at `a`: a removal has no content",
    ),
    "an attribute without a name": (
        patch('<add sel="a" type="@1"/>'),
        "operation 0 of the patch, at `a`: `@1` is not the name of an attribute",
    ),
    "a document type": (
        b"<!DOCTYPE diff><diff/>",
        "a document type declaration is not allowed: line 1",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_patch_is_refused(case: str) -> None:
    body, diagnostics = MALFORMED[case]
    with pytest.raises(BadRequest) as refusal:
        read_patch(body)
    [issue] = refusal.value.issues
    assert (issue.code, issue.diagnostics) == ("structure", diagnostics)


@pytest.mark.parametrize(
    "sel",
    [
        "document('/etc/passwd')",
        "f:Patient[document('/etc/passwd')]",
        "unparsed-entity-uri('a')",
        "f:Patient/@value[. = $secret]",
        "//f:name",
        "f:Patient/..",
        "f:Patient/ancestor::*",
        "f:Patient | f:Basic",
        "f:Patient/f:name[f:use/@value = f:family/@value]",
        "f:Patient[count(f:name) = count(f:name)]",
        "re:test('a', 'b')",
        "f:Patient/re:test('(a+)+', 'b')",
        "x:Patient",
        "f:Patient[",
        "f:Patient[]",
        "/",
        "f:Patient/'a'",
        "a" * 1001,
        "[" * 900,
    ],
)
def test_a_path_that_could_look_elsewhere_is_refused(sel: str) -> None:
    with pytest.raises(BadRequest, match="operation 0 of the patch, at "):
        read_patch(patch(f'<remove sel="{sel}"/>'))


UNFIT = {
    "nothing there": ('<remove sel="f:Patient/f:gender"/>', "there is nothing at this path"),
    "several there": (
        '<remove sel="f:Patient/f:name"/>',
        "2 nodes are at this path, one expected",
    ),
    "no node": ('<remove sel="count(f:Patient)"/>', "the path doesn't lead to a node"),
    "an attribute there already": (
        '<add sel="f:Patient/f:active" type="@value">false</add>',
        "the attribute is there already",
    ),
    "inside an attribute": (
        '<add sel="f:Patient/f:active/@value">x</add>',
        "nothing can be added to a text or an attribute",
    ),
    "text for an element": (
        '<replace sel="f:Patient/f:active">x</replace>',
        "one element expected as the new content",
    ),
    "no white space": (
        '<remove sel="f:Patient/f:active" ws="both"/>',
        "there is no white space before the node to remove",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_operation_that_does_not_fit_is_named(case: str) -> None:
    operation, diagnostics = UNFIT[case]
    with pytest.raises(Unprocessable) as refusal:
        patched('<remove sel="f:Patient/f:birthDate"/>', operation)
    said = refusal.value.issues[0].diagnostics
    assert said.startswith("operation 1 of the patch, `")
    assert said.endswith(f": {diagnostics}")


@pytest.mark.parametrize(
    "operation",
    [
        '<add sel="f:Patient"><foo/></add>',
        '<add sel="f:Patient" type="@id">x</add>',
        '<add sel="f:Patient">text</add>',
        '<add sel="f:Patient" pos="after"><Patient/></add>',
        '<remove sel="f:Patient"/>',
        '<remove sel="f:Patient/f:active/@value"/>',
        '<replace sel="f:Patient/f:active/@value">yes</replace>',
    ],
)
def test_a_result_that_is_not_fhir_is_refused(operation: str) -> None:
    with pytest.raises(Unprocessable):
        patched(operation)


def test_operations_are_bounded() -> None:
    with pytest.raises(TooLarge, match="a patch has at most 200 operations"):
        read_patch(patch(*['<remove sel="a"/>'] * 201))


steps = st.lists(
    st.sampled_from(
        ["f:Patient", "f:name", "f:family", "h:div", "@value", "text()", "*", "f:birthDate", "[1]"]
    ),
    max_size=4,
).map(lambda parts: "/".join(parts).replace("/[", "["))
contents = st.sampled_from(["", "x", '<active value="true"/>', "<!-- c -->", "x<name/>y"])
operations = st.one_of(
    st.builds('<remove sel="{}"/>'.format, steps),
    st.builds('<replace sel="{}">{}</replace>'.format, steps, contents),
    st.builds(
        '<add sel="{}"{}>{}</add>'.format,
        steps,
        st.sampled_from(["", ' pos="before"', ' pos="after"', ' pos="prepend"', ' type="@id"']),
        contents,
    ),
)


@given(st.lists(operations, min_size=1, max_size=4))
def test_any_patch_is_applied_or_refused(given_: list[str]) -> None:
    before = deepcopy(PATIENT)
    with suppress(BadRequest, Unprocessable):
        assert patched(*given_)["resourceType"]
    assert before == PATIENT
