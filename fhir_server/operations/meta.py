"""`$meta`, `$meta-add`, `$meta-delete` on one resource.

https://hl7.org/fhir/R4/resource-operation-meta.html and its two neighbours. A change of labels is
a change like any other: it makes a version, leaves a trace, and needs the right to it (L32).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps, parse
from fhir_server.interactions.bodies import check, document_of
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import write
from fhir_server.store.rows import Row

Json = dict[str, Any]
_LISTS = ("profile", "security", "tag")


def meta(x: Exchange, type_: str, id_: str) -> Answer:
    """Return the profiles, tags and security labels of a resource."""
    row = x.view.read(type_, id_, interaction="operation")
    return _parameters(parse(row.raw).resource["meta"])


def meta_add(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Add profiles, tags and labels that the resource does not have yet."""
    return _change(x, type_, id_, body, _added)


def meta_delete(x: Exchange, type_: str, id_: str, body: bytes) -> Answer:
    """Remove the profiles, tags and labels given."""
    return _change(x, type_, id_, body, _without)


def _change(
    x: Exchange,
    type_: str,
    id_: str,
    body: bytes,
    edit: Callable[[list[Any], list[Any]], list[Any]],
) -> Answer:
    with traced(x, "operation", f"{type_}/{id_}"):
        given = _given(body)

        def changed(old: Row) -> Any:
            resource = parse(old.raw).resource
            own = dict(resource.get("meta", {}))
            for name in _LISTS:
                values = edit(own.get(name, []), given.get(name, []))
                own.pop(name, None)
                own |= {name: values} if values else {}
            resource["meta"] = own
            check(resource, type_)
            return document_of(resource)

        done = write(
            x.view, {type_}, lambda change: change.update(type_, id_, changed, method="PATCH")
        )
        return _parameters(parse(done.row.raw).resource["meta"])


def _given(body: bytes) -> Json:
    for parameter in parse(body).resource.get("parameter", ()):
        found = parameter.get("valueMeta") if isinstance(parameter, dict) else None
        if parameter.get("name") == "meta" and isinstance(found, dict):
            return found
    raise BadRequest(
        "a Parameters with a parameter `meta` of type Meta is expected",
        code="required",
        expression="Parameters.parameter",
    )


def _same(left: Any, right: Any) -> bool:
    """Compare two profiles by text, two codings by system and code."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(left.get(name) == right.get(name) for name in ("system", "code"))
    return bool(left == right)


def _added(own: list[Any], given: list[Any]) -> list[Any]:
    return [*own, *(item for item in given if not any(_same(item, one) for one in own))]


def _without(own: list[Any], given: list[Any]) -> list[Any]:
    return [one for one in own if not any(_same(item, one) for item in given)]


def _parameters(found: Json) -> Answer:
    body = {"resourceType": "Parameters", "parameter": [{"name": "return", "valueMeta": found}]}
    return Answer(200, dumps(body))
