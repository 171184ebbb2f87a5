"""How the database answers what a view asks: for the trusted system, and for tests of indexes."""

from __future__ import annotations

from collections.abc import Callable

from fhir_server.records.view import View
from fhir_server.store.mongo.explained import Plan as Plan
from fhir_server.store.mongo.explained import noting, plan


def plans_of(view: View, ask: Callable[[], object]) -> tuple[Plan, ...]:
    """Return the plan of every query that `ask` sends; they count what its caller may not know."""
    with noting() as commands:
        ask()
    return tuple(plan(view.context.store, command) for command in commands)
