"""Chains of versions: a newer document's labels hide the documents that it replaces (L38)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.records.facts import OWN, REPLACES
from fhir_server.store.rows import Row

Json = dict[str, Any]
Replacing = Callable[[str], Iterable[Row]]
"""The documents whose `relatesTo` names `Type/id`; more may come, they are looked through."""

LONGEST_CHAIN: Final = 100
TRUSTED_OWNER: Final = "kind:trusted-system"


def effective_labels(ref: str, acl: Json, replacing: Replacing) -> list[str]:
    """Return the labels in force: own ones, and those of the newest document of the chain."""
    return sorted({*acl[OWN], *_newest(ref, acl, replacing, LONGEST_CHAIN)})


def _newest(ref: str, acl: Json, replacing: Replacing, steps: int) -> set[str]:
    newer = [
        row
        for row in replacing(ref)
        if ref in row.acl.get(REPLACES, ()) and row.ref != ref and same_hand(row.acl, acl)
    ]
    if not newer:
        return set(acl[OWN])
    if steps == 0:
        return {label for row in newer for label in row.acl[facts.LABELS]}
    return {
        label for row in newer for label in _newest(row.ref, dict(row.acl), replacing, steps - 1)
    }


def same_hand(newer: Any, older: Any) -> bool:
    """Tell whether who deposited `newer` is an author of `older`: only an author replaces (R83).

    The authors that `newer` declares don't count: anybody can declare anybody (L31).
    """
    return newer[facts.OWNER] in {*older[facts.AUTHORS], TRUSTED_OWNER}
