"""Carry narratives between JSON, where they are a string, and XML, where they are elements.

Both forms hold the same text: what is read is cut out of the body, not written again by a
serialiser, so that quotes, entities and line ends stay. https://hl7.org/fhir/R4/narrative.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from fhir_server.fhir.xml_members import FHIR, XHTML

DIV: Final = f"{{{XHTML}}}div"

# The text is well formed when this is used: inside a tag only quotes can hide a `>`. Comments,
# CDATA sections and instructions are stepped over, since they may hold what looks like a tag.
_tokens = re.compile(
    r"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>
    |<(?P<end>/?)(?:[^\s<>/:=]++:)?div(?=[\s/>])(?:[^>"']|"[^"]*+"|'[^']*+')*+>""",
    re.DOTALL | re.VERBOSE,
).finditer
_declaration = re.compile(r"<!(?!--|\[CDATA\[)|<\?").search


def narratives(text: str) -> Iterator[str]:
    """Yield the text of each outermost `div` of the well-formed `text`, in its order."""
    return (text[start:end] for start, end in narrative_spans(text))


def narrative_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets in `text` of what `narratives` yields, the end excluded."""
    depth = start = 0
    for token in _tokens(text):
        if token["end"] is None:
            continue
        if token["end"]:
            depth -= 1
        else:
            start = start if depth else token.start()
            depth += not token[0].endswith("/>")
        if not depth:
            yield start, token.end()


def text_of_narrative(div: etree._Element, source: str) -> str:
    """Return `div` as the text of a document of its own; `source` is how the body writes it.

    Where prefixes are declared above it, `div` has to be written again.
    """
    parent = div.getparent()
    if parent is not None and parent.nsmap == {None: FHIR}:
        return source
    return str(etree.tostring(div, encoding="unicode", with_tail=False))


def narrative_fault(div: object) -> str:
    """Say why `div` can't stand inside XML as it is, or return an empty text.

    Safety (txt-1) is not looked at here: that is validation's.
    """
    if not isinstance(div, str) or _declaration(div):
        return "`div` must be XHTML without declarations and processing instructions"
    # A parser of its own each time: lxml parsers must not be shared between threads.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(div, parser)
    except (etree.XMLSyntaxError, ValueError):
        return "`div` is not well-formed XML"
    return "" if root.tag == DIV else "`div` must be a `div` of the XHTML namespace"
