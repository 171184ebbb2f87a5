"""The rule sets and matrices of `mappings/`, read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import PurePath
from typing import Any, Final

from fhir_server.consent.matrix import Matrix, MatrixError, read_matrix
from fhir_server.consent.ruleset import ORIGINAL, RuleSet, RuleSetError, read_rule_sets
from fhir_server.data import mappings_dir

FILE: Final = "rulesets.json"


@cache
def rule_sets() -> tuple[RuleSet, ...]:
    """Return every rule set of the file; raises `RuleSetError` when one is not exact."""
    try:
        return read_rule_sets(json.loads(_text(FILE)))
    except (OSError, json.JSONDecodeError) as error:
        raise RuleSetError(f"mappings/{FILE} can't be read: {error}") from None


def rule_set(id_: str) -> RuleSet:
    """Return the rule set of that id; raises `RuleSetError` with those that there are."""
    for one in rule_sets():
        if one.id == id_:
            return one
    known = ", ".join(one.id for one in rule_sets())
    raise RuleSetError(f"`{id_}` is no rule set of mappings/{FILE}: {known}")


@cache
def shipped_matrix(name: str = ORIGINAL.matrix) -> Matrix:
    """Return a habilitation matrix of `mappings/`; raises `MatrixError` when it is not exact."""
    try:
        return read_matrix(_text(name).splitlines(), about(name))
    except OSError as error:
        raise MatrixError(f"mappings/{name} can't be read: {error}") from None


def about(name: str) -> dict[str, Any]:
    """Return what the JSON beside the matrix `name` tells of it; nothing when there is none."""
    beside = mappings_dir().joinpath(PurePath(name).stem + ".json")
    if not beside.is_file():
        return {}
    try:
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError, ValueError) as error:
        raise MatrixError(f"mappings/{beside.name} can't be read: {error}") from None


def _text(name: str) -> str:
    return mappings_dir().joinpath(name).read_text(encoding="utf-8")
