"""Restrict the XPath of an XML Patch to paths that lead down and predicates that compare.

RFC 5261 asks for a part of XPath 1.0. What is taken here: child steps, `@name`, `text()`,
`comment()`, `*`, and predicates with the functions listed. No other axis, no variable, no function
that reads elsewhere; a comparison has a constant on its right, since comparing two sets of nodes
takes their product in time. https://www.rfc-editor.org/rfc/rfc5261#section-4.1
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lxml import etree

from fhir_server.fhir.xml_members import FHIR, XHTML

MAX_PATH: Final = 1000

# A prefix that no sender can write, for names without one.
_DEFAULT: Final = "_._"
_FUNCTIONS: Final = frozenset(
    {"comment", "contains", "count", "last", "not", "position", "starts-with", "text"}
)
_NODE_TESTS: Final = frozenset({"comment", "text"})
_OPERATORS: Final = frozenset({"and", "or"})
_COMPARISONS: Final = frozenset({"=", "!=", "<", ">", "<=", ">="})
_OPENING: Final = frozenset({"", "/", "[", "(", "@", ",", *_COMPARISONS, *_OPERATORS})

_token = re.compile(
    r"""\s*(?:(?P<name>[^\W\d][\w.-]*(?::(?:[^\W\d][\w.-]*|\*))?)
    |(?P<constant>"[^"]*"|'[^']*'|[0-9]+)
    |(?P<sign>!=|<=|>=|/(?!/)|\.(?!\.)|[][()@*,=<>]))""",
    re.VERBOSE,
).match


class PathError(ValueError):
    """A path that isn't XPath, or needs more of it than a patch may use."""


class _Token(NamedTuple):
    kind: str
    text: str


class Path(NamedTuple):
    """An XPath to evaluate from what holds the document, and what its prefixes stand for."""

    xpath: str
    namespaces: dict[str, str]


def read_path(text: str, declared: Mapping[str | None, str]) -> Path:
    """Return `text` with every name in its namespace. Raise `PathError`.

    `declared` are the namespaces in scope in the patch. Names without a prefix are of its default
    namespace (RFC 5261, 4.2.2), of FHIR's when it has none; `f` and `h` mean FHIR and XHTML
    unless declared otherwise.
    """
    if len(text) > MAX_PATH:
        raise PathError(f"a path has at most {MAX_PATH} characters")
    namespaces = {"f": FHIR, "h": XHTML, _DEFAULT: declared.get(None, FHIR)}
    namespaces |= {prefix: address for prefix, address in declared.items() if prefix}
    # The document is below the node where evaluation starts.
    tokens = list(_tokens(text.strip().removeprefix("/")))
    written, before = [], ""
    for index, token in enumerate(tokens):
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if before in _COMPARISONS and token.kind != "constant":
            raise PathError("a constant expected on the right of a comparison")
        if token.text == "/" and before in _OPENING:
            raise PathError("unexpected `/`")
        if token.kind == "name" and not (token.text in _OPERATORS and before not in _OPENING):
            written.append(_name(token.text, before, following, namespaces))
        else:
            written.append(f" {token.text} " if token.kind == "name" else token.text)
        before = token.text
    path = Path("".join(written), namespaces)
    try:
        etree.XPath(path.xpath, namespaces=namespaces)
    except etree.XPathError:
        raise PathError("the path is not XPath") from None
    return path


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _token(text, at)
        if not found:
            raise PathError(f"unexpected `{text[at:].strip()[:2]}`")
        yield _Token(str(found.lastgroup), found[found.lastgroup or 0])
        at = found.end()


def _name(text: str, before: str, following: str, namespaces: Mapping[str, str]) -> str:
    """Write one name: of a function, of an attribute or of an element."""
    if following == "(":
        if text not in _FUNCTIONS or (before == "/" and text not in _NODE_TESTS):
            raise PathError(f"the function `{text[:40]}` can't stand in a path to patch")
        return text
    prefix, colon, _ = text.partition(":")
    if colon and prefix not in namespaces:
        raise PathError(f"the prefix `{prefix[:40]}` is not declared")
    if colon or before == "@":
        return text
    return f"{_DEFAULT}:{text}"
