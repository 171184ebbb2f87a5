"""Judge the XHTML of a narrative: https://hl7.org/fhir/R4/narrative.html (txt-1, txt-2).

The lists of elements and attributes are those of constraint txt-1. What could run is refused
beyond them: nothing here is shown to a browser by the server, but readers do show it.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from fhir_server.validation.report import quoted

_XHTML: Final = "{http://www.w3.org/1999/xhtml}"
_ELEMENT_NAMES: Final = (
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 "
    "h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th "
    "thead tr tt ul var"
)
_ATTRIBUTE_NAMES: Final = (
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign "
    "char charoff charset cite class colspan compact coords dir frame headers height href hreflang "
    "hspace id lang longdesc name nowrap rel rev rowspan rules scope shape span src start style "
    "summary tabindex title type valign value vspace width "
    "{http://www.w3.org/XML/1998/namespace}lang {http://www.w3.org/XML/1998/namespace}space"
)
_ELEMENTS: Final = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())
_ADDRESSES: Final = frozenset({"href", "src", "cite", "longdesc"})

# A declaration could define entities, an instruction could name a style sheet.
_declaration = re.compile(r"<!(?!--|\[CDATA\[)|<\?").search
# Browsers drop white space and control characters before they look at the scheme.
_runs = re.compile(
    r"[\x00-\x20]*(?:javascript|vbscript|data(?!:\s?image/(?:png|jpeg|gif)[;,]))\s*:", re.IGNORECASE
)
_style_runs = re.compile(
    r"javascript:|expression\s*\(|@import|behavior\s*:|\\", re.IGNORECASE
).search


def narrative_fault(div: str) -> str:
    """Return what is wrong with `div`, or an empty text. Read without DTD, entities or network."""
    if _declaration(div):
        return "a narrative has no declaration and no processing instruction"
    # A parser of its own each time: lxml parsers must not be shared between threads.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(div.encode(), parser)
    except etree.XMLSyntaxError as error:
        return f"the narrative is not XHTML: {error.msg}"
    if root.tag != f"{_XHTML}div":
        return "the narrative must be one `div` of the XHTML namespace"
    for element in root.iter(etree.Element):
        if fault := _element_fault(element):
            return fault
    if not root.xpath("normalize-space()") and root.find(f".//{_XHTML}img[@src]") is None:
        return "the narrative has no content"
    return ""


def _element_fault(element: etree._Element) -> str:
    name = str(element.tag).removeprefix(_XHTML)
    if name not in _ELEMENTS:
        return f"the narrative must not hold the element {quoted(name)}"
    for attribute, value in element.items():
        if attribute not in _ATTRIBUTES:
            return f"the narrative must not hold the attribute {quoted(attribute)}"
        if attribute in _ADDRESSES and _runs.match(re.sub(r"[\t\r\n]", "", str(value))):
            return f"the narrative must not hold the address {quoted(value)}"
        if attribute == "style" and _style_runs(str(value)):
            return f"the narrative must not hold the style {quoted(value)}"
    return ""
