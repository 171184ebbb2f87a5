"""What each interaction of R4 takes and answers: https://hl7.org/fhir/R4/http.html.

The table of routes says which addresses there are; this one says more about those that are
interactions. A route that isn't here, an operation for example, is described by what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fhir_server.http.compartment_routes import COMPARTMENT_RULES
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi.responses import statuses

_ALWAYS: Final = (400, 406, 414, 429, 503)
_CALLER: Final = (401, 403)
_SENT: Final = (411, 413, 415)
_WRITE: Final = (405, 409, 410, 412, *_SENT, 422, 428)
# An operation may do what a write does, or try it.
_OPERATION: Final = (404, 405, 409, 410, 412, 422)
_DELETE: Final = (405, 409, 410, 412, 428)


@dataclass(frozen=True, slots=True)
class Interaction:
    """One interaction: `anchor` in R4's page, its name in French, and what it takes and answers.

    `criteria`: it takes the search parameters of its type. `query` and `headers` name components
    of parameters. `success` is status → component of a response, where `{type}` is the type.
    """

    anchor: str
    french: str
    success: tuple[tuple[int, str], ...]
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    criteria: bool = False


_PAGE: Final = ("_count", "_cursor")
_SHAPE: Final = (
    "_contained", "_containedType", "_count", "_cursor", "_elements", "_explain", "_include",
    "_revinclude", "_sort", "_summary", "_total",
)  # fmt: skip
_TYPES: Final = ("_type", *_SHAPE)
_PART: Final = ("_elements", "read._summary")
_CACHED: Final = ("If-None-Match", "If-Modified-Since")
_STORED: Final = ((200, "{type}.stored"), (201, "{type}.created"))
_BUNDLE: Final = ((200, "answer.Bundle"),)
_UPDATE: Final = ("If-Match", "Prefer.return")

_SYSTEM_HISTORY: Final = Interaction(
    "history", "Historique de tout", _BUNDLE, query=("_since", "_at", *_PAGE)
)

INTERACTIONS: Final = {
    ("GET", ""): Interaction(
        "search", "Rechercher dans tous les types", _BUNDLE, query=_TYPES,
        headers=("Prefer.handling",),
    ),
    ("POST", "/_search"): Interaction(
        "search", "Rechercher dans tous les types, par formulaire", _BUNDLE, _SENT, query=_TYPES,
        headers=("Prefer.handling",),
    ),
    **{
        ("GET", rule): Interaction(
            "search", "Rechercher dans le compartiment", _BUNDLE, query=_TYPES,
            headers=("Prefer.handling",),
        )
        for rule in COMPARTMENT_RULES.values()
    },
    **{
        ("POST", f"{rule}/_search"): Interaction(
            "search", "Rechercher dans le compartiment, par formulaire", _BUNDLE, _SENT,
            query=_TYPES, headers=("Prefer.handling",),
        )
        for rule in COMPARTMENT_RULES.values()
    },
    ("POST", ""): Interaction(
        "transaction", "Lot ou transaction", _BUNDLE, _WRITE, headers=("Prefer.return",)
    ),
    ("GET", "/metadata"): Interaction(
        "capabilities", "Capacités du serveur", ((200, "answer.CapabilityStatement"),)
    ),
    ("GET", "/_history"): _SYSTEM_HISTORY,
    ("GET", "/<type>/_history"): Interaction(
        "history", "Historique du type", _BUNDLE, query=_SYSTEM_HISTORY.query
    ),
    ("GET", "/<type>"): Interaction(
        "search", "Rechercher", _BUNDLE, query=_SHAPE, headers=("Prefer.handling",), criteria=True
    ),
    ("POST", "/<type>/_search"): Interaction(
        "search", "Rechercher par formulaire", _BUNDLE, _SENT, query=_SHAPE,
        headers=("Prefer.handling",), criteria=True,
    ),
    ("POST", "/<type>"): Interaction(
        "create", "Créer", ((200, "exists"), (201, "{type}.created")), _WRITE,
        headers=("If-None-Exist", "Prefer.return"),
    ),
    ("PUT", "/<type>"): Interaction(
        "cond-update", "Remplacer la ressource trouvée", _STORED, _WRITE, headers=_UPDATE,
        criteria=True,
    ),
    ("PATCH", "/<type>"): Interaction(
        "patch", "Modifier la ressource trouvée", _STORED[:1], (404, *_WRITE), headers=_UPDATE,
        criteria=True,
    ),
    ("DELETE", "/<type>"): Interaction(
        "3.1.0.7.1", "Supprimer ce qui est trouvé", ((204, "done"),), (404, *_DELETE),
        criteria=True,
    ),
    ("GET", "/<type>/<id>"): Interaction(
        "read", "Lire", ((200, "{type}"), (304, "unchanged")), (410,), query=_PART,
        headers=_CACHED,
    ),
    ("PUT", "/<type>/<id>"): Interaction(
        "update", "Remplacer, ou créer sous cet identifiant", _STORED, _WRITE, headers=_UPDATE
    ),
    ("PATCH", "/<type>/<id>"): Interaction(
        "patch", "Modifier en partie", _STORED[:1], _WRITE, headers=_UPDATE
    ),
    ("DELETE", "/<type>/<id>"): Interaction(
        "delete", "Supprimer", ((204, "deleted"),), _DELETE, headers=("If-Match",)
    ),
    ("GET", "/<type>/<id>/_history"): Interaction(
        "history", "Historique d'une ressource", _BUNDLE, query=_SYSTEM_HISTORY.query
    ),
    ("GET", "/<type>/<id>/_history/<vid>"): Interaction(
        "vread", "Lire une version", ((200, "{type}"), (304, "unchanged")), (410,), query=_PART,
        headers=_CACHED,
    ),
}  # fmt: skip
"""By verb and rule, as the table of routes writes them."""


_PLACED: Final = {*_ALWAYS, *_CALLER, 404, *_WRITE, *_DELETE}


def interaction_of(route: Route) -> Interaction:
    """Return what is known of `route`, or what it says of itself."""
    found = INTERACTIONS.get((route.method, route.rule))
    if found is not None:
        return found
    success = ((200, f"answer.{route.answer}"),) if route.answer else ((204, "done"),)
    sent = _SENT if route.body else ()
    return Interaction("operations", "", success, (*_OPERATION, *sent))


def errors_of(route: Route) -> tuple[int, ...]:
    """Return the refusals that `route` may answer; one that no table here places, anywhere."""
    found = {*_ALWAYS, *interaction_of(route).errors}
    if not route.is_open:
        found |= {*_CALLER}
    if "<id>" in route.rule:
        found |= {404}
    return tuple(sorted(found | (statuses().keys() - _PLACED)))
