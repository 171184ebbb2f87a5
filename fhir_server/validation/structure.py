"""Compile the element tables into checks, one closure per type, made when first needed.

https://hl7.org/fhir/R4/validation.html: structure, cardinality, value domains, bindings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from fhir_server.definitions import RESOURCE_TYPES, Element, TypeRef, child, elements
from fhir_server.validation.bindings import bound_code, bound_concept
from fhir_server.validation.primitives import TESTS
from fhir_server.validation.references import check_target
from fhir_server.validation.report import Place, Report, quoted
from fhir_server.validation.values import (
    MemberCheck,
    ObjectCheck,
    many_objects,
    many_primitives,
    one_object,
    one_primitive,
    siblings,
)


@dataclass(slots=True)
class _Plan:
    """What an object of one type may hold.

    `choices` tells which choice a member belongs to, `required` the names of which one must be
    there, by element.
    """

    members: dict[str, MemberCheck] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    required: list[tuple[str, frozenset[str]]] = field(default_factory=list)


def _nested(path: str) -> ObjectCheck:
    """Check an object of type `path`, compiled when the first one comes: types hold themselves."""

    def check(value: dict[str, Any], place: Place, report: Report) -> None:
        object_check(path)(value, place, report)

    return check


def _object(element: Element, type_: TypeRef, path: str) -> ObjectCheck:
    """Choose the check of one object for `element`, of `type_`, whose children are at `path`."""
    if type_.code == "Resource":
        return _contained if element.name == "contained" else check_resource
    inner = _nested(path)
    if type_.code == "CodeableConcept":
        return bound_concept(inner, element.binding)
    if type_.code == "Reference":
        return _reference(inner, type_)
    if type_.code == "Extension":
        return _extension(inner)
    if "SimpleQuantity" in type_.profiles:
        return _simple_quantity(inner)
    return inner


def _reference(inner: ObjectCheck, type_: TypeRef) -> ObjectCheck:
    targets = frozenset() if "Resource" in type_.targets else frozenset(type_.targets)

    def check(value: dict[str, Any], place: Place, report: Report) -> None:
        inner(value, place, report)
        check_target(value, targets, place, report)

    return check


def _extension(inner: ObjectCheck) -> ObjectCheck:
    def check(value: dict[str, Any], place: Place, report: Report) -> None:
        inner(value, place, report)
        has_value = any(name.startswith(("value", "_value")) for name in value)
        if has_value == ("extension" in value):
            what = "an extension has either a value or extensions (ext-1)"
            report.add("invariant", what, place)

    return check


def _simple_quantity(inner: ObjectCheck) -> ObjectCheck:
    def check(value: dict[str, Any], place: Place, report: Report) -> None:
        inner(value, place, report)
        if "comparator" in value:
            report.add("invariant", "no comparator is allowed here", (place, "comparator", -1))

    return check


def _add_member(plan: _Plan, element: Element, type_: TypeRef, path: str) -> None:
    name, json_name = element.name, element.json_name(type_.code)
    if element.choice:
        plan.choices[json_name] = plan.choices[f"_{json_name}"] = name
    test = TESTS.get(type_.code)
    if test is None:
        inner = _object(element, type_, path)
        plan.members[json_name] = (
            many_objects(name, inner, element.max) if element.repeats else one_object(name, inner)
        )
        return
    test = bound_code(test, element.binding)
    sibling = _nested("Element")
    if element.repeats:
        plan.members[json_name] = many_primitives(name, json_name, test, element.max)
        plan.members[f"_{json_name}"] = siblings(name, json_name, sibling)
        return
    plan.members[json_name] = one_primitive(name, test)
    if not element.attribute:
        plan.members[f"_{json_name}"] = one_object(name, sibling)


def _types(type_path: str, element: Element) -> Iterator[tuple[TypeRef, str]]:
    """Yield each type of `element` with the path of its children."""
    for type_ in element.types or (TypeRef("BackboneElement"),):
        found = child(type_path, element.json_name(type_.code))
        yield type_, found[1] if found else type_.code


def _plan(type_path: str) -> _Plan:
    plan = _Plan()
    for element in elements(type_path).values():
        names = set()
        for type_, path in _types(type_path, element):
            _add_member(plan, element, type_, path)
            json_name = element.json_name(type_.code)
            names |= {json_name, f"_{json_name}"}
        if element.min:
            plan.required.append((element.name, frozenset(names)))
    return plan


@cache
def object_check(type_path: str) -> ObjectCheck:
    """Return the check of an object of `type_path`, a name of the element tables."""
    plan = _plan(type_path)
    members, choices, required = plan.members, plan.choices, plan.required
    is_resource = type_path in RESOURCE_TYPES

    def check(value: dict[str, Any], place: Place, report: Report) -> None:
        chosen: dict[str, str] = {}
        for name, item in value.items():
            member = members.get(name)
            if member is None:
                if not (is_resource and name == "resourceType"):
                    _unknown(name, type_path, place, report)
                continue
            member(item, value, place, report)
            if name in choices:
                other = chosen.setdefault(choices[name], name.removeprefix("_"))
                if other != name.removeprefix("_"):
                    what = f"`{other}` and `{name}` exclude each other"
                    report.add("structure", what, (place, choices[name], -1))
        for name, names in required:
            if names.isdisjoint(value):
                report.add("required", f"`{name}` is missing", (place, name, -1))
        if not is_resource and value.keys() <= _NOTHING:
            report.add("structure", "an object must not be empty", place)

    return check


_NOTHING: Final = frozenset({"id"})


def _unknown(name: str, type_path: str, place: Place, report: Report) -> None:
    report.add("structure", f"{quoted(name)} is not an element of {type_path}", place)


def check_resource(value: dict[str, Any], place: Place, report: Report) -> None:
    """Check a resource: the one received, one of a Bundle's entry or of Parameters."""
    resource_type = _resource_type(value, place, report)
    if not resource_type:
        return
    outer = report.contained
    report.contained = _contained_types(value, place, report)
    object_check(resource_type)(value, place, report)
    report.contained = outer


def _resource_type(value: dict[str, Any], place: Place, report: Report) -> str:
    resource_type = value.get("resourceType")
    if isinstance(resource_type, str) and resource_type in RESOURCE_TYPES:
        return resource_type
    if resource_type is None:
        report.add("required", "`resourceType` is missing", place)
    else:
        report.add("value", f"{quoted(resource_type)} is not a resource type of R4", place)
    return ""


def _contained_types(value: dict[str, Any], place: Place, report: Report) -> dict[str, str]:
    """Return the types of the contained resources by id; an id stands once."""
    found: dict[str, str] = {}
    contained = value.get("contained")
    for index, item in enumerate(contained if type(contained) is list else ()):
        id_ = item.get("id") if type(item) is dict else None
        if isinstance(id_, str):
            if id_ in found:
                here = (place, "contained", index)
                report.add("invariant", f"the id {quoted(id_)} stands twice", here)
            found[id_] = str(item.get("resourceType"))
    return found


def _contained(value: dict[str, Any], place: Place, report: Report) -> None:
    """Check a contained resource: dom-2, dom-4 and dom-5 of domainresource.html."""
    resource_type = _resource_type(value, place, report)
    if not resource_type:
        return
    object_check(resource_type)(value, place, report)
    if "contained" in value:
        report.add("invariant", "a contained resource contains no other (dom-2)", place)
    meta = value.get("meta")
    for name, rule in (("versionId", 4), ("lastUpdated", 4), ("security", 5)):
        if type(meta) is dict and name in meta:
            here = ((place, "meta", -1), name, -1)
            report.add("invariant", f"a contained resource has no `{name}` (dom-{rule})", here)
