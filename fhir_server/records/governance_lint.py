"""What is wrong with `mappings/governance.json`: types, codes, contradictions.

The table says which rules a resource type is under, so a type that is missing, or that is open to
everybody although it lies in a patient's compartment, is a hole in the rules.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fhir_server.consent.linting import UNKNOWN_TYPE, Finding
from fhir_server.definitions import RESOURCE_TYPES, compartment

FILE: Final = "governance.json"
KINDS: Final = frozenset(
    {"record", "patient", "careteam", "policy", "trace", "binary", "pointer", "directory"}
    | {"knowledge", "restricted"}
)
_OPEN: Final = frozenset({"directory", "knowledge"})
_MEMBERS: Final = frozenset({"server", "governance", "type", "typePath", "when"})


def lint_governance(text: str, types: Collection[str]) -> Iterator[Finding]:
    """Yield findings on the JSON of the table; `types` are the known document types."""
    try:
        # Pairs, not a dict: the second entry of a type would silently take the place of the first.
        pairs: list[tuple[str, Any]] = list(json.loads(text, object_pairs_hook=_Members).pairs)
    except (json.JSONDecodeError, AttributeError) as error:
        yield Finding(True, FILE, f"can't be read: {error}")
        return
    counted = Counter(name for name, _ in pairs)
    for name in sorted(RESOURCE_TYPES - counted.keys()):
        yield Finding(True, FILE, f"`{name}` has no entry")
    for name, count in counted.items():
        if count > 1:
            yield Finding(True, FILE, f"`{name}` is there {count} times")
        if name not in RESOURCE_TYPES:
            yield Finding(True, FILE, f"`{name}` is no resource type of R4")
    for name, entry in pairs:
        members = dict(entry.pairs) if isinstance(entry, _Members) else {}
        for words in _entry(name, members, {*types, UNKNOWN_TYPE}):
            yield Finding(True, FILE, f"`{name}`: {words}")


class _Members:
    """The members of one JSON object, in order, repeated ones too."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _entry(name: str, entry: Mapping[str, Any], types: Collection[str]) -> Iterator[str]:
    kind = entry.get("governance")
    if kind not in KINDS:
        yield f"`{kind}` is no governance; one of: {', '.join(sorted(KINDS))}"
    if "server" in entry and entry["server"] not in KINDS:
        yield f"`{entry['server']}` is no governance of what the server writes"
    for member in sorted(entry.keys() - _MEMBERS):
        yield f"`{member}` is not known here"
    if (kind == "record") != ("type" in entry):
        yield "a `record`, and nothing else, has a `type`"
    if kind in _OPEN and compartment("Patient").get(name):
        yield f"is in the Patient compartment and open to everybody as `{kind}`"
    cases = [dict(case.pairs) for case in entry.get("when", ())]
    named = [entry.get("type", UNKNOWN_TYPE), *(case.get("type") for case in cases)]
    for type_ in named:
        if type_ not in types:
            yield f"`{type_}` is no document type of the nomenclatures"
    counted = Counter((case.get("path"), case.get("code")) for case in cases)
    for (path, code), count in counted.items():
        if count > 1:
            yield f"`{path}` = `{code}` is tried {count} times: only the first has effect"
