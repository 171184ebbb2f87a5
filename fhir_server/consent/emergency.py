"""Which emergency a caller reads a record in, and whether one may be opened (R63-R65, R68)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fhir_server.consent.requester import Kind
from fhir_server.consent.rules import RULES, Case
from fhir_server.predicate import NEVER, all_of, any_of, negate

RULE_IDS: Final = ("break-glass", "regulation")
_RULES: Final = tuple(rule for rule in RULES if rule.id in RULE_IDS)
_FORBIDS: Final = tuple(rule for rule in RULES if rule.effect == "forbid")
KINDS: Final = frozenset({Kind.PROFESSIONAL, Kind.SAMU_REGULATOR})
"""Callers who may be in an emergency."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """The rule that an emergency rests on, and the words given for it.

    `task` is the `Task/id` of its session, or empty for one that the caller's token asks for.
    """

    rule: str
    reason: str
    task: str = ""


def emergency(case: Case) -> Emergency | None:
    """Return the emergency in which the caller of `case` asks, a session before their token."""
    if case.requester.kind not in KINDS:
        return None
    open_ = [rule.id for rule in _RULES if rule.reading(case) != NEVER]
    if not open_:
        return None
    if (session := case.session) is not None and open_[0] == "break-glass":
        return Emergency("break-glass", session.reason, session.task)
    return Emergency(open_[0], case.requester.reason)


def opens(case: Case) -> bool:
    """Tell whether a token of purpose `break-glass` shows its caller anything of the record.

    Where it does, a session may be opened: one rule for both.
    """
    forbidden = any_of(*(rule.reading(case) for rule in _FORBIDS))
    shown = next(rule for rule in _RULES if rule.id == "break-glass").reading(case)
    return all_of(shown, negate(forbidden)) != NEVER
