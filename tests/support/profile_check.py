"""Does a resource meet a profile? Enough of it for the profiles of this repository.

Reads `min`, `max`, `fixed[x]`, `pattern[x]` and the target types of references in a differential:
https://hl7.org/fhir/R4/elementdefinition.html. Slices are not known: a profile with one raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def faults(resource: Json, profile: Json) -> list[str]:
    """Return the ids of the elements of `profile` that `resource` does not meet."""
    elements = profile["differential"]["element"][1:]
    assert not [one["id"] for one in elements if ":" in one["id"] or "slicing" in one]
    return [one["id"] for one in elements if not _meets(resource, one)]


def _meets(resource: Json, element: Json) -> bool:
    *above, name = element["path"].split(".")[1:]
    for parent in _at([resource], above):
        found = list(_at([parent], [name]))
        most = element.get("max", "*")
        if len(found) < element.get("min", 0) or (most != "*" and len(found) > int(most)):
            return False
        if not all(_fits(value, element) for value in found):
            return False
    return True


def _at(values: list[Any], names: list[str]) -> Iterator[Any]:
    for value in values:
        if not names:
            yield value
        elif isinstance(value, dict) and names[0] in value:
            inner = value[names[0]]
            yield from _at(inner if isinstance(inner, list) else [inner], names[1:])


def _fits(value: Any, element: Json) -> bool:
    for name, wanted in element.items():
        if name.startswith("fixed") and value != wanted:
            return False
        if name.startswith("pattern") and not _has(value, wanted):
            return False
    targets = [url for one in element.get("type", ()) for url in one.get("targetProfile", ())]
    return not targets or _type_of(value) in {url.rpartition("/")[2] for url in targets}


def _type_of(reference: Json) -> str:
    text = str(reference.get("reference", ""))
    return str(reference.get("type", "")) or text.partition("/")[0]


def _has(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            _has(value.get(name), wanted) for name, wanted in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(_has(one, wanted) for one in value) for wanted in pattern
        )
    return bool(value == pattern)
