"""Read the Parameters that carry a FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.definitions import child
from fhir_server.fhir.errors import BadRequest, TooLarge
from fhir_server.fhir.json import MAX_DEPTH, nests_within
from fhir_server.interactions.fhirpath_patch_condition import ConditionError, cost
from fhir_server.interactions.fhirpath_patch_path import Child, PathError, Step, Where, parse_path

MAX_OPERATIONS: Final = 1000
# fhirpathpy takes up to 15 ms to read one.
MAX_COSTLY: Final = 20

# What each operation needs besides its type.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """A value as the patch gives it: of `type`, with the other half of a primitive.

    `parts` are the elements of a value of an anonymous type; `type` is empty then.
    """

    type: str
    value: Any = None
    sibling: Any = None
    parts: tuple[tuple[str, Given], ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One change. `steps` are those of `path`; what the type doesn't need stays at its default."""

    type: str
    path: str
    steps: tuple[Step, ...]
    name: str = ""
    value: Given = Given("")
    index: int = 0
    source: int = 0
    destination: int = 0


class _Malformed(ValueError):
    """What is wrong with one operation."""


def read_patch(parameters: Mapping[str, Any]) -> Sequence[Operation]:
    """Return the operations of `parameters`. Raise `BadRequest` naming the one that is malformed."""
    if parameters.get("resourceType") != "Parameters":
        raise BadRequest("a FHIRPath Patch is a Parameters resource", code="structure")
    if not nests_within(parameters, MAX_DEPTH):
        raise BadRequest(f"the patch nests deeper than {MAX_DEPTH} levels", code="structure")
    found = parameters.get("parameter", [])
    if not isinstance(found, list):
        raise BadRequest("`parameter` must be an array", code="structure")
    if len(found) > MAX_OPERATIONS:
        raise TooLarge(f"a patch has at most {MAX_OPERATIONS} operations")
    operations: list[Operation] = []
    costly: set[str] = set()
    for index, parameter in enumerate(found):
        try:
            operations.append(_operation(parameter))
            costly |= _costly(operations[-1].steps)
        except (_Malformed, PathError, ConditionError) as fault:
            raise BadRequest(
                f"operation {index} of the patch{_path_of(parameter)}: {fault}",
                expression=f"Parameters.parameter[{index}]",
                code="structure",
            ) from None
        if len(costly) > MAX_COSTLY:
            raise TooLarge(f"a patch has at most {MAX_COSTLY} conditions of this kind")
    return operations


def _costly(steps: Sequence[Step]) -> set[str]:
    """Return the conditions among `steps` that take long to read and to judge."""
    return {
        step.condition for step in steps if isinstance(step, Where) and cost(step.condition) > 1
    }


def _path_of(parameter: object) -> str:
    """Show the path of a malformed operation, if it has one."""
    try:
        path = _parts(parameter)["path"].get("valueString")
    except (_Malformed, KeyError):
        return ""
    return f", at `{str(path)[:80]}`" if path else ""


def _operation(parameter: object) -> Operation:
    parts = _parts(parameter)
    type_ = _word(parts, "type")
    if type_ not in _PARTS:
        raise _Malformed(f"`{type_[:40]}` is none of {', '.join(_PARTS)}")
    allowed = {"type", *_PARTS[type_]}
    if strange := parts.keys() - allowed:
        raise _Malformed(f"`{min(strange)[:40]}` has no meaning for {type_}")
    path = _word(parts, "path")
    steps = parse_path(path)
    if type_ in ("insert", "move") and not isinstance(steps[-1], Child):
        raise _Malformed("the path must end in the name of a repeating element")
    return Operation(
        type_,
        path,
        steps,
        name=_word(parts, "name") if "name" in allowed else "",
        value=_given(_part(parts, "value")) if "value" in allowed else Given(""),
        index=_position(parts, "index") if "index" in allowed else 0,
        source=_position(parts, "source") if "source" in allowed else 0,
        destination=_position(parts, "destination") if "destination" in allowed else 0,
    )


def _parts(parameter: object) -> dict[str, dict[str, Any]]:
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        raise _Malformed("a parameter with the name `operation` expected")
    found: dict[str, dict[str, Any]] = {}
    for name, part in _named(parameter):
        if name in found:
            raise _Malformed(f"`{name[:40]}` stands twice")
        found[name] = part
    return found


def _named(owner: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the parts of `owner` with their names."""
    parts = owner.get("part", [])
    if not isinstance(parts, list):
        raise _Malformed("`part` must be an array")
    named = []
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise _Malformed("a part with a `name` expected")
        named.append((part["name"], part))
    return named


def _part(parts: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in parts:
        raise _Malformed(f"`{name}` is missing")
    return parts[name]


def _word(parts: Mapping[str, dict[str, Any]], name: str) -> str:
    value = _given(_part(parts, name)).value
    if not isinstance(value, str) or not value:
        raise _Malformed(f"`{name}` must be a string")
    return value


def _position(parts: Mapping[str, dict[str, Any]], name: str) -> int:
    value = _given(_part(parts, name)).value
    if type(value) is not int or value < 0:
        raise _Malformed(f"`{name}` must be a whole number, counted from 0")
    return value


def _given(part: Mapping[str, Any]) -> Given:
    """Return the one value of `part`: of a datatype, a resource, or made of parts."""
    keys = {key.removeprefix("_") for key in part if key.lstrip("_").startswith("value")}
    keys |= part.keys() & {"resource", "part"}
    if len(keys) != 1:
        raise _Malformed(f"`{part['name'][:40]}` must have one value")
    [key] = keys
    if key == "part":
        return Given("", parts=tuple((name, _given(inner)) for name, inner in _named(part)))
    if key == "resource":
        resource = part[key]
        return Given(
            str(resource.get("resourceType") if isinstance(resource, dict) else ""), resource
        )
    known = child("Parameters.parameter", key)
    if known is None:
        raise _Malformed(f"`{key[:40]}` is not a value of Parameters")
    return Given(known[1], part.get(key), part.get(f"_{key}"))
