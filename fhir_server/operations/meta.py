"""`$meta`, `$meta-add`, `$meta-delete`.

https://hl7.org/fhir/R4/resource-operation-meta.html and its two neighbours. A change of labels is
a change like any other: it makes a version, leaves a trace, and needs the right to it (L32).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps, parse
from fhir_server.interactions.bodies import check, document_of
from fhir_server.interactions.exchange import Answer, Exchange, Invocation
from fhir_server.interactions.refusals import traced
from fhir_server.operations.given import Given
from fhir_server.records.labels import labels_in_use
from fhir_server.records.writing import write
from fhir_server.search.token import SEPARATOR
from fhir_server.store.rows import Row

Json = dict[str, Any]
_LISTS = ("profile", "security", "tag")


def meta(x: Exchange, call: Invocation, _: Given) -> Answer:
    """Return profiles, tags and security labels: of a version, of a resource, or those in use."""
    if call.version:
        row = x.view.version(call.type, call.id, call.version)
    elif call.id:
        row = x.view.read(call.type, call.id, interaction="operation")
    else:
        return _parameters(_in_use(x, call.type))
    return _parameters(parse(row.raw).resource["meta"])


def meta_add(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Add profiles, tags and labels that the resource does not have yet."""
    return _change(x, call.type, call.id, given.parts["meta"], _added)


def meta_delete(x: Exchange, call: Invocation, given: Given) -> Answer:
    """Remove the profiles, tags and labels given."""
    return _change(x, call.type, call.id, given.parts["meta"], _without)


def _in_use(x: Exchange, type_: str) -> Json:
    found: Json = {}
    for kind, values in labels_in_use(x.view, type_).items():
        if values:
            found[kind] = values if kind == "profile" else [_coding(value) for value in values]
    return found


def _coding(value: str) -> dict[str, str]:
    system, _, code = value.partition(SEPARATOR)
    return {name: text for name, text in (("system", system), ("code", code)) if text}


def _change(
    x: Exchange,
    type_: str,
    id_: str,
    given: Json,
    edit: Callable[[list[Any], list[Any]], list[Any]],
) -> Answer:
    with traced(x, "operation", f"{type_}/{id_}"):
        lists = {name: _list(given, name) for name in _LISTS}

        def changed(old: Row) -> Any:
            resource = parse(old.raw).resource
            own = dict(resource.get("meta", {}))
            for name, wanted in lists.items():
                values = edit(own.get(name, []), wanted)
                own.pop(name, None)
                own |= {name: values} if values else {}
            resource["meta"] = own
            check(resource, type_)
            return document_of(resource)

        done = write(
            x.view, {type_}, lambda change: change.update(type_, id_, changed, method="PATCH")
        )
        return _parameters(parse(done.row.raw).resource["meta"])


def _list(given: Json, name: str) -> list[Any]:
    found = given.get(name, [])
    if not isinstance(found, list):
        raise BadRequest(
            f"`{name}` of a Meta is a list", code="structure", expression=f"Meta.{name}"
        )
    return found


def _same(left: Any, right: Any) -> bool:
    """Compare two profiles by text, two codings by system and code."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(left.get(name) == right.get(name) for name in ("system", "code"))
    return bool(left == right)


def _added(own: list[Any], given: list[Any]) -> list[Any]:
    found = list(own)
    for item in given:
        if not any(_same(item, one) for one in found):
            found.append(item)
    return found


def _without(own: list[Any], given: list[Any]) -> list[Any]:
    return [one for one in own if not any(_same(item, one) for item in given)]


def _parameters(found: Json) -> Answer:
    value = {"valueMeta": found} if found else {}
    body = {"resourceType": "Parameters", "parameter": [{"name": "return", **value}]}
    return Answer(200, dumps(body))
