"""Read and write FHIR XML as the model of `fhir.json`: https://hl7.org/fhir/R4/xml.html.

The way from JSON to XML and back loses no digit, no extension on a primitive, no order and no
character of a narrative. The order of the members of an object is the specification's.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from fhir_server.fhir.errors import BadRequest, TooLarge
from fhir_server.fhir.json import MAX_DEPTH, nests_within
from fhir_server.fhir.xml_members import FHIR
from fhir_server.fhir.xml_narrative import narratives
from fhir_server.fhir.xml_read import read_resource
from fhir_server.fhir.xml_write import write_resource

__all__ = ["MAX_BYTES", "MAX_TAGS", "parse_tree", "to_json", "to_xml"]

MAX_BYTES: Final = 32 * 1024 * 1024
# A node of the tree takes some 300 bytes, however short its tag.
MAX_TAGS: Final = 400_000

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_XMLNS: Final = f' xmlns="{FHIR}"'
# A document type could define entities; a comment that only looks like one is refused with it.
_document_type = re.compile(rb"<!(?!--|\[CDATA\[)").search


def to_xml(resource: dict[str, Any]) -> bytes:
    """Write `resource` as FHIR XML in UTF-8, with an XML declaration.

    Raise `BadRequest` (code `structure`) for what the element tables don't know, and
    `NotAcceptable` for a character that no XML can hold. Does *not* validate.
    """
    out = [_DECLARATION]
    write_resource(resource, out, _XMLNS)
    return "".join(out).encode()


def to_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Read `body`, one resource as FHIR XML in UTF-8, into the model that `fhir.json` reads.

    Raise `BadRequest` (code `structure`, or `value` for a number or boolean that isn't one) with
    line and place for text that isn't XML, a document type, a wrong namespace, an unknown element
    or attribute, a wrong order, mixed text, nesting over `max_depth`; `TooLarge` over the bounds.
    Comments, instructions and `xsi:schemaLocation` are dropped. Does *not* validate.
    """
    root = parse_tree(body)
    try:
        resource = read_resource(root, narratives(body.decode("utf-8-sig")))
    except RecursionError:
        raise _too_deep(max_depth) from None
    if not nests_within(resource, max_depth):
        raise _too_deep(max_depth)
    return resource


def parse_tree(body: bytes, *, keep_comments: bool = False) -> etree._Element:
    """Parse any XML in UTF-8 without document type, entities or network. Raise as `to_json`."""
    if len(body) > MAX_BYTES:
        raise TooLarge(f"an XML body has at most {MAX_BYTES} bytes")
    if body.count(b"<") > MAX_TAGS:
        raise TooLarge(f"an XML body has at most {MAX_TAGS} tags")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(f"the body is not UTF-8 at byte {error.start}") from None
    if found := _document_type(body):
        line = body.count(b"\n", 0, found.start()) + 1
        raise _refusal(f"a document type declaration is not allowed: line {line}")
    # A parser of its own each time: lxml parsers must not be shared between threads.
    parser = etree.XMLParser(
        encoding="utf-8",  # over what the body declares, since FHIR is always UTF-8
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not keep_comments,
        remove_pis=True,
    )
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise _not_xml(error) from None


def _not_xml(error: etree.XMLSyntaxError) -> BadRequest | TooLarge:
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return TooLarge("a name, a text or the nesting of the XML body is over the limits")
    line, column = error.position
    what = (error.msg or "").split(", line")[0] or "no element found"
    what = what[:1].lower() + what[1:]
    return _refusal(f"the body is not XML: {what}: line {line} column {column}")


def _refusal(what: str) -> BadRequest:
    return BadRequest(what, code="structure")


def _too_deep(max_depth: int) -> BadRequest:
    return _refusal(f"the body nests deeper than {max_depth} levels")
