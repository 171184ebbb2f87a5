"""The addresses of the compartments: https://hl7.org/fhir/R4/http.html#search.

`Patient/1/Observation` is one type of a compartment, `Patient/1/*` all that can be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fhir_server.definitions import COMPARTMENTS
from fhir_server.http.call import Call
from fhir_server.http.endpoint import Route
from fhir_server.interactions.exchange import Answer
from fhir_server.interactions.search_types import search_compartment

COMPARTMENT_RULES: Final = {owner: f"/{owner}/<id>/<member>" for owner in sorted(COMPARTMENTS)}
"""By the type that a compartment is of."""


def compartment_routes() -> Iterator[Route]:
    """Yield the searches of each compartment, by query and by form."""
    for owner, rule in COMPARTMENT_RULES.items():
        yield Route("GET", rule, _by_query(owner), f"Search what belongs to a {owner}",
                    answer="Bundle")  # fmt: skip
        yield Route("POST", f"{rule}/_search", _by_form(owner),
                    f"Search what belongs to a {owner} by form", body="form",
                    answer="Bundle")  # fmt: skip


def _by_query(owner: str) -> Callable[..., Answer]:
    def view(call: Call, id: str, member: str) -> Answer:
        return search_compartment(call.exchange, owner, id, member, call.pairs)

    return _named(view, f"search_compartment_of_{owner.lower()}")


def _by_form(owner: str) -> Callable[..., Answer]:
    def view(call: Call, id: str, member: str) -> Answer:
        return search_compartment(call.exchange, owner, id, member, call.form())

    return _named(view, f"search_compartment_of_{owner.lower()}_by_form")


def _named(view: Callable[..., Answer], name: str) -> Callable[..., Answer]:
    view.__name__ = name
    view.__doc__ = "Search a compartment: https://hl7.org/fhir/R4/http.html#search."
    return view
