"""Read a resource a second time, with the models of `fhir.resources.R4B`.

R4B (4.3) shares most types with R4 field by field. The element tables have judged before: the
models only confirm, so what they get wrong about R4 is exempt, by class of error:

- `extra_forbidden` for `_value…` siblings of an Extension and for `valueMeta`, which R4 has and
  the models lack;
- `string_pattern_mismatch`, because they take a no-break space for white space; the tables test
  the same patterns as XML schema means them;
- types whose shape changed in R4B, and the 18 of R4 that it dropped.

Nothing is ever written through a model: that would change dates and `1.00`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from fhir_server.fhir.errors import Issue
from fhir_server.validation.report import MAX_ISSUES, Place, expression

_RESHAPED: Final = frozenset({"Evidence", "EvidenceVariable"})
_CODES: Final = {"missing": "required", "extra_forbidden": "structure"}


@cache
def _model(resource_type: str) -> Any:
    """Import the model of one type when it is first needed (about 20 ms), or return None."""
    from fhir.resources.R4B import get_fhir_model_class

    if resource_type in _RESHAPED:
        return None
    try:
        return get_fhir_model_class(resource_type)
    except ValueError:
        return None


def second_reading(resource: dict[str, Any], resource_type: str) -> list[Issue]:
    """Return what the model of `resource_type` finds wrong; nothing where R4B has no such model.

    Call it only with a resource in which the tables found no fault. Does *not* change `resource`.
    """
    from pydantic import ValidationError

    if any(_model(type_) is None for type_ in _types_within(resource)):
        return []
    try:
        _model(resource_type).model_validate(resource)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False, include_context=False, include_input=False)
        return [
            Issue(_CODES.get(error["type"], "value"), error["msg"].lower(), place)
            for error in errors[:MAX_ISSUES]
            if not _exempt(error["type"], error["loc"])
            for place in [_expression(resource_type, error["loc"])]
        ]
    except (AttributeError, KeyError, TypeError, RecursionError):
        # The library broke, which is no verdict: the tables have accepted the resource.
        return []
    return []


def _types_within(resource: dict[str, Any]) -> Iterator[str]:
    """Yield the type of `resource` and of each resource inside it."""
    pending: list[Any] = [resource]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            if "resourceType" in value:
                yield value["resourceType"]
                pending += [value.get(name) for name in ("contained", "entry", "parameter")]
            else:
                inner = ("resource", "part", "response", "outcome")
                pending += [value.get(name) for name in inner]


def _exempt(kind: str, loc: tuple[int | str, ...]) -> bool:
    name = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        return name.startswith("_") or name.endswith("Meta")
    return kind == "string_pattern_mismatch"


def _expression(resource_type: str, loc: tuple[int | str, ...]) -> str:
    place: Place = (None, resource_type, -1)
    for step in loc:
        if isinstance(step, int):
            above, name, _ = place
            place = (above, name, step)
        else:
            place = (place, step, -1)
    return expression(place)
