"""Every invariant of R4 compiles, and means what fhirpathpy, an independent engine, finds.

fhirpathpy is asked about the official examples, as they are and with members taken away, so that
invariants are broken too. What it lacks or reads otherwise is named in `OTHERWISE`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from fhirpathpy.parser import parse as parse_fhirpath

from fhir_server.definitions import RESOURCE_TYPES, Constraint, constraints, elements
from fhir_server.definitions.tables import table
from fhir_server.fhir.json import parse
from fhir_server.validation import invariants, validate
from fhir_server.validation.invariants_compile import (
    ExpressionError,
    Scope,
    compile_constraint,
)
from fhir_server.validation.invariants_readings import COVERED, EXEMPT, NATIVE, READINGS
from tests.unit.validation.test_official_examples import official_examples as official_examples

NOT_COMPILED = COVERED.keys() | EXEMPT.keys() | NATIVE.keys()
R4 = models["r4"]


def every_constraint() -> Iterator[tuple[Constraint, str]]:
    """Yield each constraint with a type of the values that it is for."""
    for path in table("constraints"):
        parent, _, name = path.rpartition(".")
        element = elements(parent).get(name) if parent and path not in table("elements") else None
        types = [type_.code for type_ in element.types] if element else [path]
        for constraint in constraints(path):
            for type_ in types:
                yield constraint, type_


@pytest.mark.parametrize(
    ("constraint", "type_"),
    [
        pytest.param(constraint, type_, id=f"{constraint.path}-{constraint.key}-{type_}")
        for constraint, type_ in every_constraint()
        if constraint.key not in NOT_COMPILED
    ],
)
def test_a_constraint_compiles(constraint: Constraint, type_: str) -> None:
    reading = READINGS.get(constraint.expression)
    compile_constraint(reading.expression if reading else constraint.expression, type_)


def test_every_reading_and_exemption_is_of_a_constraint_of_r4() -> None:
    known = [constraint for constraint, _ in every_constraint()]
    assert READINGS.keys() <= {constraint.expression for constraint in known}
    assert {constraint.key for constraint in known} >= NOT_COMPILED


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("nme.exists()", "`Patient` has no element `nme`"),
        ("name.exists() or", "unexpected end"),
        ("name.exists() )", "unexpected `)`"),
        ("name ~ 'a'", "unexpected `~`"),
        ("name.repeat(given)", "the function `repeat` is not supported with these arguments"),
        ("%other.exists()", "the variable `%other` is not known"),
        ("gender.matches(gender)", "a string expected"),
        ("gender is 'a'", "`is` needs the name of a type"),
    ],
)
def test_what_cannot_be_compiled_is_said(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as refusal:
        compile_constraint(expression, "Patient")
    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("gender = 'female'", True),
        ("gender != 'female'", False),
        ("active = 1", False),
        ("birthDate = '2000'", None),
        ("birthDate.exists()", True),
        ("birthDate.hasValue()", False),
        ("deceased is boolean", True),
        ("deceased is dateTime", False),
        ("multipleBirth is integer", None),
        ("multipleBirth.exists() and multipleBirth", False),
        ("active or multipleBirth", True),
        ("multipleBirth and false", False),
        ("multipleBirth or false", None),
        ("multipleBirth implies true", True),
        ("true implies multipleBirth", None),
        ("active xor active", False),
        ("name.given.count() = 3", True),
        ("name.first().given.tail().first() = 'b'", True),
        ("(name.given | name.given).count() = 2", True),
        ("name.given.isDistinct()", False),
        ("name.given.combine(name.family).count() = 4", True),
        ("name.select(family & '-' & text).first() = 'f-'", True),
        ("name.given contains 'b'", True),
        ("name.given in ('a' | 'b')", True),
        ("('a' | 'z') in name.given", False),
        ("iif(active, 'x', 'y') = 'x'", True),
        ("gender.substring(2) = 'male'", True),
        ("'12'.toInteger() > 2 + 9", True),
        ("('1' & 'a').toInteger().empty()", True),
        ("name.exists(family = 'f')", True),
        ("Patient.name.all(given.exists())", False),
        ("`active`.toString() = 'true'", True),
        ("descendants().where($this = 'c').empty()", True),
        ("'it\\'s'.contains('\\'')", True),
    ],
)
def test_an_expression_means_what_fhirpath_says(expression: str, answer: bool | None) -> None:
    patient = {
        "resourceType": "Patient",
        "active": True,
        "gender": "female",
        "_birthDate": {"extension": [{"url": "http://example.org/a", "valueCode": "b"}]},
        "deceasedBoolean": False,
        "name": [{"given": ["a", "b", "a"], "family": "f"}, {"text": "t"}],
    }
    test = compile_constraint(expression, "Patient")
    assert test(patient, Scope(patient, patient, patient)) is answer


def test_what_cannot_be_evaluated_is_a_warning_and_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Constraint("Patient.contact", "pat-1", "error", "name.given.matches('a')")
    monkeypatch.setattr(
        invariants, "constraints", lambda path: (broken,) if path == broken.path else ()
    )
    invariants._object_check.cache_clear()
    contact = [{"name": {"given": ["a", "b"]}}]
    resource = {"resourceType": "Patient", "contact": contact}
    try:
        assert validate(resource, "Patient") == []
        [issue] = validate(resource, "Patient", warnings=True)
    finally:
        invariants._object_check.cache_clear()
    assert (issue.code, issue.severity) == ("not-supported", "warning")
    assert issue.diagnostics == "pat-1 could not be evaluated: `name.given.matches('a')`"


# --- against fhirpathpy ------------------------------------------------------------------------

OTHERWISE = {
    "ctm-1": "it has no resolve()",
    "rng-2": "it does not order quantities",
    "que-7": "to it `Boolean` is another type than `boolean`",
    "per-1": "dates of different precision have no order to it",
    "mdd-1": "dates of different precision have no order to it",
    "inv-1": "dates of different precision have no order to it (Task)",
}
EACH = 8  # so many places for each constraint


def plain(value: Any) -> Any:
    """Copy `value`, because fhirpathpy writes into what it reads."""
    return json.loads(json.dumps(value, default=float))


parsed = cache(parse_fhirpath)
typed: Any = ResourceNode.create_node
applied: Any = fhirpathpy.apply_parsed_path


def as_fhirpathpy_finds(constraint: Constraint, value: Any, scope: Scope) -> bool | None:
    reading = READINGS.get(constraint.expression)
    # It has no hasValue(), which exists() is where no primitive has only extensions.
    expression = (reading.expression if reading else constraint.expression).replace(
        "hasValue()", "exists()"
    )
    # What is traced would be printed.
    for name in ("type", "item", "ids", "url"):
        expression = expression.replace(f".trace('{name}')", "")
    variables = {"resource": plain(scope.resource), "rootResource": plain(scope.root)}
    variables["context"] = plain(scope.context)
    node = plain(value)
    if not (isinstance(node, dict) and node.get("resourceType") in RESOURCE_TYPES):
        node = typed(node, constraint.path)
    found = applied(node, parsed(expression), variables, R4)
    return None if found == [] else found[0]


def with_members_taken_away(resource: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Take three members from anywhere but what tells the types."""
    objects: list[dict[str, Any]] = [resource]
    for value in objects:  # the list grows meanwhile
        for item in value.values():
            objects += [o for o in (item if isinstance(item, list) else [item]) if type(o) is dict]
    for _ in range(3):
        chosen = chance.choice(objects)
        names = [name for name in chosen if name != "resourceType"]
        if names:
            del chosen[chance.choice(names)]
    return resource


@pytest.mark.reference
def test_fhirpathpy_finds_the_same_in_the_official_examples(
    official_examples: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[tuple[str, str]] = Counter()
    broken = 0
    different = []

    def compare(visit: Any, rule: Any, value: Any, place: Any) -> None:
        nonlocal broken
        constraint = rule.constraint
        name = (constraint.path, constraint.key)
        if constraint.key in OTHERWISE.keys() | NATIVE.keys():
            return
        answer = rule.test(value, visit.scope)
        asked[name] += answer is True
        if answer is True and asked[name] > EACH:
            return
        broken += answer is not True
        theirs = as_fhirpathpy_finds(constraint, value, visit.scope)
        if theirs is not answer:
            different.append((name, answer, theirs))

    monkeypatch.setattr(invariants._Visit, "judge", compare)
    chance = random.Random(20)
    small = sorted(name for name, text in official_examples.items() if len(text) < 20_000)
    for name in small:
        resource = parse(official_examples[name].encode()).resource
        type_ = resource["resourceType"]
        invariants.check_invariants(resource, type_)
        invariants.check_invariants(with_members_taken_away(resource, chance), type_)
    assert different == []
    assert len(asked) > 150
    assert broken > 100
