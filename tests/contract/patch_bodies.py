"""One change, written as a patch in each form: https://hl7.org/fhir/R4/http.html#patch."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from fhir_server.fhir.xml import to_xml
from tests.support import resources as make
from tests.support.replies import JSON_PATCH, Caller, Json, Reply

XML_PATCH = "application/xml-patch+xml"
PARAMETERS = "application/fhir+json"
PARAMETERS_XML = "application/fhir+xml"
IS_ARCHIVED = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived"
FORMS = {
    "json": JSON_PATCH,
    "xml": XML_PATCH,
    "fhirpath": PARAMETERS,
    "fhirpath-xml": PARAMETERS_XML,
}


@dataclass(frozen=True, slots=True)
class Patch:
    """The same change in each form; the FHIRPath one is given as the parts of its operation."""

    json: list[Json]
    xml: str
    fhirpath: list[Json]

    def body(self, form: str) -> bytes:
        match form:
            case "json":
                return json.dumps(self.json).encode()
            case "xml":
                return f'<diff xmlns="http://hl7.org/fhir">{self.xml}</diff>'.encode()
            case "fhirpath":
                return json.dumps(self.parameters).encode()
            case _:
                return to_xml(self.parameters)

    @property
    def parameters(self) -> Json:
        operation = {"name": "operation", "part": self.fhirpath}
        return {"resourceType": "Parameters", "parameter": [operation]}

    def entry(self, form: str) -> Json:
        """Return the resource by which an entry of a Bundle carries this patch."""
        if form.startswith("fhirpath"):
            return self.parameters
        data = b64encode(self.body(form)).decode()
        return {"resourceType": "Binary", "contentType": FORMS[form], "data": data}

    def send(self, who: Caller, path: str, form: str, **headers: str) -> Reply:
        return who.send("PATCH", path, self.body(form), FORMS[form], **headers)


def part(name: str, **value: Any) -> Json:
    return {"name": name} | value


def replacing(path: str, value: str, kind: str = "valueString") -> Patch:
    """Return the patch that replaces `path`, of plain names, by a primitive."""
    rest = path.partition(".")[2]
    return Patch(
        [{"op": "replace", "path": f"/{rest.replace('.', '/')}", "value": value}],
        f'<replace sel="{path.replace(".", "/")}/@value">{value}</replace>',
        [part("type", valueCode="replace"), part("path", valueString=path),
         part("value", **{kind: value})],
    )  # fmt: skip


def labelling(code: str, *, where: str = "securityLabel") -> Patch:
    """Return the patch that adds a label to a document, as transaction 03 of PDSm does."""
    label = make.label(code)
    [coding] = label["coding"]
    inside = f'<system value="{coding["system"]}"/><code value="{coding["code"]}"/>'
    if where == "securityLabel":
        return Patch(
            [{"op": "add", "path": "/securityLabel/-", "value": label}],
            '<add sel="DocumentReference/securityLabel[last()]" pos="after">'
            f"<securityLabel><coding>{inside}</coding></securityLabel></add>",
            [part("type", valueCode="add"), part("path", valueString="DocumentReference"),
             part("name", valueString="securityLabel"), part("value", valueCodeableConcept=label)],
        )  # fmt: skip
    return Patch(
        [{"op": "add", "path": "/meta/security", "value": [coding]}],
        f'<add sel="DocumentReference/meta"><security>{inside}</security></add>',
        [part("type", valueCode="add"), part("path", valueString="DocumentReference.meta"),
         part("name", valueString="security"), part("value", valueCoding=coding)],
    )  # fmt: skip


def unlabelling() -> Patch:
    """Return the patch that takes the second label away."""
    return Patch(
        [{"op": "remove", "path": "/securityLabel/1"}],
        '<remove sel="DocumentReference/securityLabel[2]"/>',
        [part("type", valueCode="delete"),
         part("path", valueString="DocumentReference.securityLabel[1]")],
    )  # fmt: skip


def archiving() -> Patch:
    """Return the patch by which PDSm archives a document that has no extension yet."""
    value = [part("url", valueUri=IS_ARCHIVED), part("value", valueBoolean=True)]
    return Patch(
        [{"op": "add", "path": "/extension",
          "value": [{"url": IS_ARCHIVED, "valueBoolean": True}]}],
        '<add sel="DocumentReference/identifier[1]" pos="before">'
        f'<extension url="{IS_ARCHIVED}"><valueBoolean value="true"/></extension></add>',
        [part("type", valueCode="add"), part("path", valueString="DocumentReference"),
         part("name", valueString="extension"), part("value", part=value)],
    )  # fmt: skip
