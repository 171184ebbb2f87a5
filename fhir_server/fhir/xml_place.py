"""Say where an element of FHIR XML stands, in the words of the one who reads the refusal."""

from __future__ import annotations

from typing import Final

from lxml import etree

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.xml_members import FHIR, members

_MAX_SHOWN: Final = 60


def shown(element: etree._Element) -> str:
    """Return the name of `element` in back-ticks, with its namespace when that isn't FHIR's."""
    name = etree.QName(element)
    text = (
        name.localname if name.namespace == FHIR else f"{{{name.namespace or ''}}}{name.localname}"
    )
    return f"`{text[:_MAX_SHOWN]}`"


def place(element: etree._Element) -> str:
    """Return the FHIRPath of `element`, or of the nearest known element around it."""
    line = [*reversed(list(element.iterancestors())), element]
    path = etree.QName(line[0]).localname
    if path not in RESOURCE_TYPES:
        return ""
    parts = [path]
    for inner in line[1:]:
        name = etree.QName(inner).localname
        member = members(path).get(name)
        if path == "Resource":
            path = name
        elif member is None:
            break
        else:
            index = sum(1 for _ in inner.itersiblings(inner.tag, preceding=True))
            parts.append(f"{member.element}[{index}]" if member.repeats else member.element)
            path = member.type
    return ".".join(parts)
