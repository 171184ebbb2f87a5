"""patch, also conditional: https://hl7.org/fhir/R4/http.html#patch.

JSON Patch, XML Patch and FHIRPath Patch. Conditional patches are how PDSm masks, unmasks and
archives (transactions 03/04).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fhir_server.fhir.errors import NotFound, Unprocessable
from fhir_server.fhir.json import Document, parse
from fhir_server.interactions import fhirpath_patch, json_patch, xml_patch
from fhir_server.interactions.answers import written
from fhir_server.interactions.bodies import check, document_of
from fhir_server.interactions.conditions import condition
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.narrative import told
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import Change, Written, write
from fhir_server.store.rows import Row

Json = dict[str, Any]


def patch(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Change part of one resource."""
    with traced(x, "patch", f"{type_}/{id_}"):
        edit = editor(type_, body, x.headers.get("content-type", ""))
        condition = x.headers.get("if-match", "")
        done = write(
            x.view,
            {type_},
            lambda change: change.update(type_, id_, edit, if_match=condition, method="PATCH"),
        )
        return written(x, done)


def patch_conditional(
    x: Exchange, type_: str, pairs: Sequence[tuple[str, str]], body: bytes
) -> Answer:
    """Change part of the one resource that `pairs` find."""
    with traced(x, "patch", type_):
        edit = editor(type_, body, x.headers.get("content-type", ""))
        asked = condition(x, type_, pairs)
        expected = x.headers.get("if-match", "")

        def work(change: Change) -> Written:
            found = asked.sole(change)
            if found is None:
                raise NotFound(f"no {type_} matches the condition")
            return change.update(type_, found.id, edit, if_match=expected, method="PATCH")

        return written(x, write(x.view, {type_}, work, locks=[asked.lock]))


def editor(type_: str, body: bytes, content_type: str) -> Callable[[Row], Document]:
    """Return the edit that `body` describes; raises at once when it is malformed."""
    change = _change(body, content_type.partition(";")[0].strip().lower())

    def edit(old: Row) -> Document:
        before = parse(old.raw).resource
        after = told(before, change(before))
        if after.get("id") != before["id"] or after.get("resourceType") != type_:
            raise Unprocessable("a patch may not change the type or the id", code="invariant")
        check(after, type_)
        return document_of(after)

    return edit


def _change(body: bytes, content_type: str) -> Callable[[Json], Json]:
    """Read a patch in the form of its content type: JSON, XML, or FHIRPath in a Parameters."""
    if content_type == xml_patch.CONTENT_TYPE:
        by_xml = xml_patch.read_patch(body)
        return lambda old: xml_patch.apply_patch(old, by_xml)
    if content_type == json_patch.CONTENT_TYPE:
        by_json = json_patch.read_patch(body)
        return lambda old: json_patch.apply_patch(old, by_json)
    parameters = parse(body).resource
    check(parameters, "Parameters")
    by_path = fhirpath_patch.read_patch(parameters)
    return lambda old: fhirpath_patch.apply_patch(old, by_path)
