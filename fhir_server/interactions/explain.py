"""`_explain=plan`: how the database answers a search, for those who build on this server.

What a plan says to have examined counts hidden rows too. So it is for the trusted system alone, who
may know everything; all others are refused before anything is read, whatever they ask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fhir_server.consent.requester import Kind
from fhir_server.fhir.errors import BadRequest, Forbidden
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.records.plans import Plan, plans_of

Json = dict[str, Any]
Pairs = Sequence[tuple[str, str]]

EXPLAIN: Final = "_explain"


def is_asked(pairs: Pairs) -> bool:
    """Tell whether plans are asked for."""
    return any(name == EXPLAIN for name, _ in pairs)


def explained(x: Exchange, pairs: Pairs, run: Callable[[Pairs], Answer]) -> Answer:
    """Carry out a search by `run`, and answer with the plan of each query, in place of its page."""
    if x.view.requester.kind is not Kind.TRUSTED_SYSTEM:
        raise Forbidden("this caller may not ask for plans")
    if any(value != "plan" for name, value in pairs if name == EXPLAIN):
        raise BadRequest("`_explain` takes `plan`", code="value")
    rest = [(name, value) for name, value in pairs if name != EXPLAIN]
    plans = plans_of(x.view, lambda: run(rest))
    found: Json = {"resourceType": "Parameters", "parameter": [_query(one) for one in plans]}
    if not plans:
        del found["parameter"]
    return Answer(200, dumps(found))


def _query(plan: Plan) -> Json:
    parts: list[Json] = [
        {"name": "verb", "valueCode": plan.verb},
        {"name": "collection", "valueString": plan.collection},
        *({"name": "stage", "valueCode": stage} for stage in plan.stages),
        *({"name": "index", "valueString": index} for index in plan.indexes),
        {"name": "keys-examined", "valueUnsignedInt": plan.keys},
        {"name": "documents-examined", "valueUnsignedInt": plan.documents},
        {"name": "returned", "valueUnsignedInt": plan.returned},
        {"name": "milliseconds", "valueUnsignedInt": plan.milliseconds},
    ]
    return {"name": "query", "part": parts}
