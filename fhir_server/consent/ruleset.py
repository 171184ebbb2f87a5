"""What the sources leave open, settled in dated rule sets (design/consent.md section 3; C3 to C10).

Data, not code: `mappings/rulesets.json`, one entry a rule set. Where the first descriptions of the
shared record and the later law disagree, the rules of `consent/rules.py` ask their rule set; which
one holds is a setting, and the default is the original description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from hashlib import sha256
from typing import Any, Final, Protocol

from fhir_server.consent.matrix import Matrix
from fhir_server.consent.requester import Kind

DAY: Final = 24 * 3600 * 1_000_000
"""Microseconds."""

NEVER_READ: Final = frozenset({Kind.INSURER, Kind.BANK, Kind.SECRETARY, Kind.HEALTH_INSURANCE_FEED})
"""Kinds that read nothing under any rule set (R33, R34, R35)."""

NEVER, EXPRESS_CONSENT = "never", "express-consent"
TOKEN, MINORS_AND_MEASURES = "token", "minors-and-measures"
AUTHOR, ATTENDING_DOCTOR = "author", "attending-doctor"
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "occupational_medicine": frozenset({NEVER, EXPRESS_CONSENT}),
    "representation": frozenset({TOKEN, MINORS_AND_MEASURES}),
    "masked_spares": frozenset({AUTHOR, ATTENDING_DOCTOR}),
}


class RuleSetError(ValueError):
    """The rule sets can't be read exactly; the server must not start with them."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One reading of the rules. The defaults are those of `original`, so that nothing is wider.

    `valid_from` is the day (YYYY-MM-DD) from which its sources hold together; `matrix` a file of
    `mappings/`. Days are of 24 hours, counted from the deposit or from the Consent's date.
    """

    id: str = "original"
    valid_from: str = "2022-01-01"
    fr: str = ""
    en: str = ""
    matrix: str = "habilitation.csv"
    """The matrix that applies: where an order changes rows, it is another file (C10, R37)."""
    occupational_medicine: str = NEVER
    """C3, R32: `never` reads, or by a Consent that names it, `express-consent`."""
    masked_spares: tuple[str, ...] = (ATTENDING_DOCTOR, AUTHOR)
    """C4, R44: which professionals a mask spares."""
    attending_blockable: bool = True
    """C5, R24: whether a block holds against the attending doctor."""
    notice_days: int = 14
    """C6, R50: days after which the holder is told that a document waits for them."""
    announcement_days: int = 30
    """C6, R51: days after which the document is visible to the holder by itself."""
    authorization_lifetime_days: int = 365
    """R21: days that an authorisation lasts which names no end."""
    representation: str = TOKEN
    """R54, R57: who represents is the token's to say, or ends at majority without a measure."""
    role_professions: bool = False
    """R27: whether columns of professions that are not health professions have effect."""

    @property
    def excluded(self) -> frozenset[Kind]:
        """Return the kinds of caller that read nothing at all (R32 to R35)."""
        occupational = {Kind.OCCUPATIONAL_MEDICINE} if self.occupational_medicine == NEVER else ()
        return NEVER_READ.union(occupational)

    @property
    def announcement(self) -> int:
        """Return how long a document waits for its announcement, in microseconds (R51)."""
        return self.announcement_days * DAY

    def spares(self, whom: str) -> bool:
        """Tell whether a mask lets `whom`, `author` or `attending-doctor`, read on."""
        return whom in self.masked_spares


ORIGINAL: Final = RuleSet()
"""The rules as the shared record was first described: what holds where nothing else is said."""


class Ruled(Protocol):
    """A rule, as far as its identity goes."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def effect(self) -> str:
        """`forbid` or `permit`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The rule numbers that it carries out."""


def rule_set_hash(rule_set: RuleSet, matrix: Matrix, rules: Iterable[Ruled]) -> str:
    """Return the SHA-256, in hexadecimal, of everything that is not the record's own policy.

    Two servers with the same hash decide alike; a receipt names it beside `rule_set.id`. `rules`
    are those of `consent.rules.RULES`, in their order.
    """
    told = {
        "rules": [[rule.id, rule.effect, list(rule.sources)] for rule in rules],
        "matrix": {column: sorted(types) for column, types in matrix.readable.items()},
        "rows": sorted(matrix.rows),
        "rule_set": asdict(rule_set),
    }
    return sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_rule_sets(entries: Iterable[Mapping[str, Any]]) -> tuple[RuleSet, ...]:
    """Read the entries of `rulesets.json`.

    Raises `RuleSetError` when one lacks something, has what is not known, or has the id of another.
    """
    found = tuple(_rule_set(entry) for entry in entries)
    ids = [rule_set.id for rule_set in found]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise RuleSetError(f"rule set `{twice[0]}` is there twice")
    return found


def _rule_set(entry: Mapping[str, Any]) -> RuleSet:
    id_ = entry.get("id", "?")
    names = {field.name for field in fields(RuleSet)}
    if wrong := sorted(names.symmetric_difference(entry)):
        raise RuleSetError(f"rule set `{id_}`: `{wrong[0]}` is missing or not known")
    for name, value in entry.items():
        _check(id_, name, value)
    spares = tuple(sorted(entry["masked_spares"]))
    return RuleSet(**{**entry, "masked_spares": spares})


def _check(id_: Any, name: str, value: Any) -> None:
    default = getattr(ORIGINAL, name)
    wanted = list if isinstance(default, tuple) else type(default)
    where = f"rule set `{id_}`: `{name}`"
    if type(value) is not wanted or (isinstance(value, int) and wanted is int and value < 1):
        raise RuleSetError(f"{where} must be a {_WORDS[wanted]}")
    choices = _CHOICES.get(name)
    if choices and not choices.issuperset(value if isinstance(value, list) else [value]):
        raise RuleSetError(f"{where} takes {', '.join(sorted(choices))}")
    if name == "valid_from" and not _is_day(str(value)):
        raise RuleSetError(f"{where} must be a day YYYY-MM-DD")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_WORDS: Final = {str: "text", bool: "true or false", int: "whole number over 0", list: "list"}
