"""Change one place of an XML tree as an XML Patch says: RFC 5261, section 4.

lxml keeps text in the node before it (`text` of the parent, `tail` of the sibling); what is done
here never lets the text beside a node go with the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final

from lxml import etree

_SIDES: Final = {"before": ("before",), "after": ("after",), "both": ("before", "after")}


class NoFit(ValueError):
    """An operation that doesn't fit what it found."""


def is_text(found: object) -> bool:
    """Say whether the XPath result `found` is a text node."""
    return isinstance(found, str) and not getattr(found, "is_attribute", False)


def is_attribute(found: object) -> bool:
    """Say whether the XPath result `found` is an attribute."""
    return isinstance(found, str) and bool(getattr(found, "is_attribute", False))


def add_content(target: Any, content: etree._Element, pos: str) -> None:
    """Add the children and the text of `content` into `target`, or beside it."""
    nodes, text = [deepcopy(node) for node in content], content.text or ""
    if pos in ("before", "after"):
        parent = target.getparent()
        index = parent.index(target) + (pos == "after")
        if pos == "after":
            rest, target.tail = target.tail or "", None
            _insert(parent, index, text, nodes)
            _add_text(parent, index + len(nodes), rest)
        else:
            _insert(parent, index, text, nodes)
    elif pos == "prepend":
        rest, target.text = target.text or "", None
        _insert(target, 0, text, nodes)
        _add_text(target, len(nodes), rest)
    else:
        _insert(target, len(target), text, nodes)


def _insert(parent: etree._Element, index: int, text: str, nodes: Sequence[Any]) -> None:
    """Put `text` and then `nodes`, each with its tail, before the child at `index`."""
    _add_text(parent, index, text)
    for offset, node in enumerate(nodes):
        parent.insert(index + offset, node)


def _add_text(parent: etree._Element, index: int, text: str) -> None:
    """Append `text` to what stands before the child at `index`."""
    if index:
        parent[index - 1].tail = (parent[index - 1].tail or "") + text or None
    else:
        parent.text = (parent.text or "") + text or None


def remove_node(node: Any, ws: str) -> None:
    """Remove an element or a comment, and the white space that `ws` names beside it."""
    parent = node.getparent()
    index = parent.index(node)
    rest = node.tail or ""
    for side in _SIDES.get(ws, ()):
        beside = rest if side == "after" else _text_before(parent, index)
        if not beside or not beside.isspace():
            raise NoFit(f"there is no white space {side} the node to remove")
        if side == "after":
            rest = ""
        else:
            _drop_text(parent, index)
    node.tail = None
    parent.remove(node)
    _add_text(parent, index, rest)


def _text_before(parent: etree._Element, index: int) -> str:
    return (parent[index - 1].tail if index else parent.text) or ""


def _drop_text(parent: etree._Element, index: int) -> None:
    if index:
        parent[index - 1].tail = None
    else:
        parent.text = None


def replace_node(node: Any, content: etree._Element) -> None:
    """Put the one node inside `content`, of the same kind, in the place of `node`."""
    inside = [new for new in content if type(new) is type(node)]
    if len(inside) != 1 or len(content) != 1 or (content.text or "").strip():
        kind = "element" if isinstance(node.tag, str) else "comment"
        raise NoFit(f"one {kind} expected as the new content")
    new = deepcopy(inside[0])
    new.tail = node.tail
    node.getparent().replace(node, new)


def set_text(found: Any, text: str | None) -> None:
    """Give a text node, as XPath returned it, another text or none."""
    owner = found.getparent()
    if found.is_tail:
        owner.tail = text
    else:
        owner.text = text


def set_attribute(found: Any, text: str | None) -> None:
    """Give an attribute, as XPath returned it, another value or take it away."""
    owner = found.getparent()
    if text is None:
        del owner.attrib[found.attrname]
    else:
        owner.set(found.attrname, text)


def declare(element: etree._Element, prefix: str, address: str) -> None:
    """Declare a namespace prefix on `element`, which takes an element of its own in lxml."""
    if element.nsmap.get(prefix, address) != address:
        raise NoFit(f"the prefix `{prefix[:40]}` is declared already")
    new = etree.Element(element.tag, element.attrib, nsmap={**element.nsmap, prefix: address})
    new.text, new.tail = element.text, element.tail
    parent = element.getparent()
    new.extend(list(element))
    parent.replace(element, new)
