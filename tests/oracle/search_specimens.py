"""Make a resource that has a value of a search parameter, from R4's element tables.

For the parameters that no official example has a value of. What a table can't say (an invariant)
is not looked after: such a resource is refused, and the parameter stays without a specimen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from fhir_server.definitions import (
    PRIMITIVES,
    Element,
    SearchParameter,
    elements,
    value_set,
)

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
VALUES: Json = {
    "boolean": True,
    "integer": 7,
    "positiveInt": 7,
    "unsignedInt": 7,
    "decimal": 7.5,
    "date": "2024-03-01",
    "dateTime": "2024-03-01T10:00:00Z",
    "instant": "2024-03-01T10:00:00Z",
    "time": "10:00:00",
    "base64Binary": "Qm9uam91cg==",
    "uri": "http://example.org/specimen",
    "url": "http://example.org/specimen",
    "canonical": "http://example.org/specimen",
    "oid": "urn:oid:1.2.3",
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "CodeableConcept": {"coding": [{"system": "urn:specimen", "code": "specimen"}]},
    "Coding": {"system": "urn:specimen", "code": "specimen"},
    "Identifier": {"system": "urn:specimen", "value": "specimen"},
    "ContactPoint": {"system": "phone", "value": "0199000000"},
    "HumanName": {"family": "Specimen", "given": ["Lise"]},
    "Address": {
        "use": "work",
        "city": "Lyon",
        "country": "FR",
        "postalCode": "69003",
        "state": "ARA",
    },
    "Period": {"start": "2024-03-01", "end": "2024-03-02"},
    "Timing": {"event": ["2024-03-01T10:00:00Z"]},
    "Quantity": {"value": 7.5, "unit": "mg", "system": UCUM, "code": "mg"},
    "Age": {"value": 7, "unit": "a", "system": UCUM, "code": "a"},
    "Duration": {"value": 7, "unit": "min", "system": UCUM, "code": "min"},
    "Money": {"value": 7.5, "currency": "EUR"},
    "Range": {"low": {"value": 7.5}, "high": {"value": 8.5}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Annotation": {"text": "specimen"},
    "Attachment": {"url": "http://example.org/specimen", "title": "specimen"},
    "RelatedArtifact": {"type": "depends-on", "resource": "http://example.org/specimen"},
    "UsageContext": {"code": {"system": "urn:specimen", "code": "specimen"}},
    "Expression": {"language": "text/fhirpath", "expression": "true"},
    "Meta": {},
}

IN_EXTENSION: dict[str, tuple[str, Any]] = {
    "token": ("valueCodeableConcept", VALUES["CodeableConcept"]),
    "string": ("valueString", "specimen"),
    "reference": ("valueReference", {"reference": "Condition/specimen"}),
}
FIRST: dict[str, Json] = {
    "TerminologyCapabilities": {
        "status": "active",
        "date": "2024-03-01",
        "kind": "instance",
        "name": "Specimen",
        "implementation": {"description": "specimen"},
    },
    "Condition": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "resolved",
                }
            ]
        }
    },
    "MessageDefinition": {"focus": [{"code": "Patient", "min": 0, "max": "1"}]},
    "ConceptMap": {
        "group": [
            {
                "element": [{"code": "a"}],
                "unmapped": {"mode": "other-map", "url": "http://example.org/specimen"},
            }
        ]
    },
}
"""What specimens of a type have besides, where no example is there or no example will do."""


def specimens(type_: str, parameter: SearchParameter, like: Json) -> Iterator[Json]:
    """Yield a resource for each part of the parameter's expression that is about `type_`.

    It is `like` a valid one, if there is one, and has the value beside what that has.
    """
    parts = re.split(r"\s*\|\s*", parameter.expression)
    if parameter.expression == type_:  # a composite of the resource's own elements
        parts = [f"{type_}.{part.expression}" for part in parameter.component[1:]]
    bare = {name: value for name, value in like.items() if name != "contained"}
    for first in (like, bare, bare | FIRST.get(type_, {}), FIRST.get(type_), skeleton(type_)):
        for part in parts:
            found = re.match(rf"\(?(?:{type_}|Resource|DomainResource)\.(.*)", part)
            body = deepcopy(first or {})
            if found and _along(body, type_, found[1], parameter):
                yield body | {"resourceType": type_, "id": "specimen"}


def _along(body: Json, type_: str, path: str, parameter: SearchParameter) -> bool:
    """Put a value where `path` leads; tell whether it could be."""
    if found := re.search(r"extension\('([^']+)'\)", path):
        name, value = IN_EXTENSION[parameter.type]
        body["extension"] = [{"url": found[1], name: value}]
        return True
    if path == "group.unmapped.url" or path == "focus.code":
        return True
    if found := re.search(r"(\w+)\.where\(type='([\w-]+)'\)\.resource", path):
        body[found[1]] = [{"type": found[2], "resource": "http://example.org/specimen"}]
        return True
    if found := re.search(r"telecom\.where\(system='(\w+)'\)", path):
        body["telecom"] = [{"system": found[1], "value": "specimen"}]
        return True
    cast = re.search(r"(?:\bas |\.as\(|ofType\()(\w+)", path)
    target = re.search(r"resolve\(\) is (\w+)", path)
    names = re.split(r"\.where|\.as\(| as |\.ofType|\.exists", path)[0]
    steps = re.findall(r"\w+", names)
    wanted = (target[1],) if target else parameter.target
    return _put(body, type_, steps, cast[1] if cast else "", wanted)


def _put(body: Json, path: str, steps: list[str], cast: str, targets: tuple[str, ...]) -> bool:
    """Put a value at the end of `steps`; tell whether there is such a place."""
    element = elements(path).get(steps[0])
    if element is None:
        return False
    primitive = cast[:1].lower() + cast[1:]
    wanted = primitive if primitive in PRIMITIVES else cast
    codes = [type_.code for type_ in element.types] or [""]
    code = next((one for one in codes if one == wanted), codes[0]) if len(steps) == 1 else codes[0]
    below = _below(path, element, code)
    value = made(element, code, path, targets)
    if len(steps) > 1:
        inner = value if isinstance(value, dict) else {}
        if not _put(inner, below, steps[1:], cast, targets):
            return False
        value = inner
    for other in element.types if element.choice else ():
        body.pop(element.json_name(other.code), None)
    body[element.json_name(code)] = [value] if element.repeats else value
    return True


def _below(path: str, element: Element, code: str) -> str:
    """Return where the children of an element are described."""
    if element.content:
        return element.content
    return f"{path}.{element.name}" if code in ("", "BackboneElement", "Element") else code


def made(element: Element, code: str, path: str, targets: tuple[str, ...] = ()) -> Any:
    """Return a value of the type `code` for `element` of `path`."""
    if code == "Reference":
        allowed = {one for type_ in element.types for one in type_.targets}
        fitting = [one for one in targets if one in allowed or "Resource" in allowed]
        named = [*fitting, *sorted(allowed - {"Resource"}), "Patient"]
        return {"reference": f"{named[0]}/specimen"}
    if code == "code" or (element.binding and code in ("string", "uri")):
        codes = sorted(value_set(element.binding or "") or ())
        return codes[0] if codes else "fr" if element.name == "language" else "specimen"
    if code in VALUES:
        found = VALUES[code]
        return dict(found) if isinstance(found, dict) else found
    if code == "Resource":
        return skeleton("Basic") | {"resourceType": "Basic"}
    if code in PRIMITIVES:
        return "specimen"
    return skeleton(_below(path, element, code))


def skeleton(path: str, depth: int = 0) -> Json:
    """Return what `path` can't be without."""
    body: Json = {}
    for element in elements(path).values():
        if element.min and depth < 6:
            code = element.types[0].code if element.types else ""
            value = made(element, code, path)
            body[element.json_name(code)] = [value] if element.repeats else value
    return body
