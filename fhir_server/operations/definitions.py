"""What each operation takes and where, read from its OperationDefinition in `profiles/`.

The definition that clients read is the one that requests are judged by, so neither says more than
the other. https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from fhir_server.records.published import operation_definitions

LEVELS: Final = ("system", "type", "instance")
ANY: Final = "Resource"
"""In `OperationDefinition.resource`: every type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that a request may hold; `most` is None for any number.

    With `parts` it has no value and no `type`: it is a group of other parameters.
    """

    name: str
    type: str
    least: int
    most: int | None
    parts: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """An OperationDefinition; `types` is empty when every type has the operation."""

    id: str
    url: str
    code: str
    title: str
    affects_state: bool
    types: tuple[str, ...]
    levels: tuple[str, ...]
    takes: Mapping[str, Parameter]
    returns: str

    def of(self, type_: str) -> bool:
        """Tell whether resources of `type_` have the operation."""
        return not self.types or type_ in self.types


@cache
def definitions() -> Mapping[str, Definition]:
    """Return every definition by id."""
    return {str(one["id"]): _definition(one) for one in operation_definitions()}


def _definition(resource: Mapping[str, Any]) -> Definition:
    parameters = resource["parameter"]
    taken = [_parameter(one) for one in parameters if one["use"] == "in"]
    returned = [one["type"] for one in parameters if one["name"] == "return"]
    return Definition(
        id=str(resource["id"]),
        url=str(resource["url"]),
        code=str(resource["code"]),
        title=str(resource["title"]),
        affects_state=bool(resource["affectsState"]),
        types=tuple(name for name in resource["resource"] if name != ANY),
        levels=tuple(level for level in LEVELS if resource[level]),
        takes={one.name: one for one in taken},
        returns=_body_of(returned),
    )


def _parameter(one: Mapping[str, Any]) -> Parameter:
    most = None if one["max"] == "*" else int(one["max"])
    parts = {part["name"]: _parameter(part) for part in one.get("part", ())}
    return Parameter(str(one["name"]), str(one.get("type", "")), int(one["min"]), most, parts)


def _body_of(returned: list[str]) -> str:
    """Return the type of the answer: a lone resource comes as it is, all else in a Parameters.

    https://hl7.org/fhir/R4/operations.html#response
    """
    alone = returned and returned[0] in ("Bundle", "OperationOutcome")
    return returned[0] if alone else "Parameters"
