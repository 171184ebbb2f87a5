"""Apply an XML Patch: https://hl7.org/fhir/R4/http.html#patch and RFC 5261.

1. The patch is read and every selector is checked (`xml_patch_path`) before anything is touched.
2. The resource is written as XML, the operations are applied in order to that (`xml_patch_tree`),
   each to exactly one node, and the result is read again as strictly as a body is.
3. Narratives that the patch doesn't change keep their very text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from fhir_server.fhir.errors import BadRequest, TooLarge, Unprocessable
from fhir_server.fhir.xml import parse_tree, to_json, to_xml
from fhir_server.fhir.xml_members import FHIR, XHTML
from fhir_server.fhir.xml_narrative import narrative_spans, narratives
from fhir_server.interactions.xml_patch_path import Path, PathError, read_path
from fhir_server.interactions.xml_patch_tree import (
    NoFit,
    add_content,
    declare,
    is_attribute,
    is_text,
    remove_node,
    replace_node,
    set_attribute,
    set_text,
)

CONTENT_TYPE: Final = "application/xml-patch+xml"
MAX_OPERATIONS: Final = 200

_NAMESPACES: Final = frozenset({None, FHIR, "urn:ietf:params:xml:schema:patch-ops"})
_ROOTS: Final = frozenset({"diff", "patch"})
_ALLOWED: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "add": {
        "sel": frozenset(),
        "type": frozenset(),
        "pos": frozenset({"before", "after", "prepend"}),
    },
    "replace": {"sel": frozenset()},
    "remove": {"sel": frozenset(), "ws": frozenset({"before", "after", "both"})},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One change: `name` is add, replace or remove; `content` the element that carries it."""

    name: str
    sel: str
    path: Path
    content: etree._Element
    pos: str = ""
    type: str = ""
    ws: str = ""


def read_patch(body: bytes) -> Sequence[Operation]:
    """Return the operations of `body`. Raise `BadRequest` naming the one that is malformed."""
    root = parse_tree(body, keep_comments=True)
    if not _is_of(root, _ROOTS):
        raise BadRequest("an XML Patch is a `diff` element", code="structure")
    found = [element for element in root if isinstance(element.tag, str)]
    if not found:
        raise BadRequest("the patch has no operation", code="structure")
    if len(found) > MAX_OPERATIONS:
        raise TooLarge(f"a patch has at most {MAX_OPERATIONS} operations")
    operations = []
    for index, element in enumerate(found):
        try:
            operations.append(_operation(element))
        except PathError as fault:
            shown = f", at `{str(element.get('sel'))[:80]}`" if element.get("sel") else ""
            what = f"operation {index} of the patch{shown}: {fault}"
            raise BadRequest(what, code="structure") from None
    return operations


def _is_of(element: etree._Element, names: Mapping[str, Any] | frozenset[str]) -> bool:
    name = etree.QName(element)
    return name.namespace in _NAMESPACES and name.localname in names


def _operation(element: etree._Element) -> Operation:
    name = etree.QName(element).localname
    if not _is_of(element, _ALLOWED):
        raise PathError(f"`{name[:40]}` is none of {', '.join(_ALLOWED)}")
    given = {str(key): str(text) for key, text in element.items()}
    for key, text in given.items():
        values = _ALLOWED[name].get(key)
        if values is None or (values and text not in values):
            raise PathError(f"`{key[:40]}` can't be `{text[:40]}` here")
    if not given.get("sel", "").strip():
        raise PathError("`sel` is missing")
    if name == "remove" and (len(element) or (element.text or "").strip()):
        raise PathError("a removal has no content")
    type_ = given.get("type", "")
    if type_ and (len(element) or given.get("pos")):
        raise PathError("an attribute or a namespace is added as text, without `pos`")
    return Operation(
        name,
        given["sel"],
        read_path(given["sel"], element.nsmap),
        element,
        given.get("pos", ""),
        _attribute_name(type_, element.nsmap),
        given.get("ws", ""),
    )


def _attribute_name(type_: str, declared: Mapping[str | None, str]) -> str:
    """Check a `type`: `@name`, whose prefix is resolved, or `namespace::prefix`."""
    if not type_.startswith("@"):
        if type_ and not type_.removeprefix("namespace::").isidentifier():
            raise PathError(f"`{type_[:40]}` is neither `@name` nor `namespace::prefix`")
        return type_
    prefix, colon, name = type_[1:].rpartition(":")
    if colon and prefix not in declared:
        raise PathError(f"the prefix `{prefix[:40]}` is not declared")
    try:
        return f"@{etree.QName(declared[prefix] if colon else None, name).text}"
    except ValueError:
        raise PathError(f"`{type_[:40]}` is not the name of an attribute") from None


def apply_patch(resource: dict[str, Any], operations: Sequence[Operation]) -> dict[str, Any]:
    """Return a copy of `resource` with `operations` applied in order; `resource` stays.

    Raise `Unprocessable` naming the operation that doesn't fit, or the place where the result is
    no longer FHIR XML. The result is *not* validated.
    """
    before = to_xml(resource)
    root = parse_tree(before, keep_comments=True)
    kept = dict(zip(_narrative_texts(root), narratives(before.decode()), strict=True))
    after = etree.tostring(patch_tree(root, operations), encoding="unicode")
    parts, done = [], 0
    for start, end in narrative_spans(after):
        div = after[start:end]
        parts += [after[done:start], kept.get(div, div)]
        done = end
    try:
        return to_json("".join([*parts, after[done:]]).encode())
    except (BadRequest, TooLarge) as fault:
        raise Unprocessable(issues=fault.issues) from None


def _narrative_texts(root: etree._Element) -> list[str]:
    """Return the outermost `div` of `root` in the text that lxml gives them."""
    outermost = root.xpath("//h:div[not(ancestor::h:div)]", namespaces={"h": XHTML})
    return [etree.tostring(div, encoding="unicode", with_tail=False) for div in outermost]


def patch_tree(root: etree._Element, operations: Sequence[Operation]) -> etree._Element:
    """Apply `operations` to the tree under `root` and return its root, which may be another.

    Raise `Unprocessable` naming the operation that doesn't fit.
    """
    holder = etree.Element("holder")
    holder.append(root)
    for index, operation in enumerate(operations):
        try:
            _APPLY[operation.name](_the_node(holder, operation), operation)
        except NoFit as fault:
            shown = f"`{operation.name}` at `{operation.sel[:80]}`"
            raise Unprocessable(f"operation {index} of the patch, {shown}: {fault}") from None
    if len(holder) != 1 or not isinstance(holder[0].tag, str):
        raise Unprocessable("the patch must leave one resource", code="structure")
    return holder[0]


def _the_node(holder: etree._Element, operation: Operation) -> Any:
    try:
        found = holder.xpath(operation.path.xpath, namespaces=operation.path.namespaces)
    except etree.XPathError:
        raise NoFit("the path is not XPath") from None
    if not isinstance(found, list):
        raise NoFit("the path doesn't lead to a node")
    if not found:
        raise NoFit("there is nothing at this path")
    if len(found) > 1:
        raise NoFit(f"{len(found)} nodes are at this path, one expected")
    return found[0]


def _add(found: Any, operation: Operation) -> None:
    if isinstance(found, str):
        raise NoFit("nothing can be added to a text or an attribute")
    text = operation.content.text or ""
    if operation.type.startswith("@"):
        if operation.type[1:] in found.attrib:
            raise NoFit("the attribute is there already")
        found.set(operation.type[1:], text)
    elif operation.type:
        declare(found, operation.type.removeprefix("namespace::"), text)
    elif not isinstance(found.tag, str) and operation.pos not in ("before", "after"):
        raise NoFit("nothing can be added inside a comment")
    else:
        add_content(found, operation.content, operation.pos)


def _replace(found: Any, operation: Operation) -> None:
    if not isinstance(found, str):
        replace_node(found, operation.content)
        return
    if len(operation.content):
        raise NoFit("text expected as the new content")
    set_ = set_attribute if is_attribute(found) else set_text
    set_(found, operation.content.text or "")


def _remove(found: Any, operation: Operation) -> None:
    if is_attribute(found):
        set_attribute(found, None)
    elif is_text(found):
        set_text(found, None)
    else:
        remove_node(found, operation.ws)


_APPLY: Final[Mapping[str, Callable[[Any, Operation], None]]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}
