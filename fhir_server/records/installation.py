"""Store what the server says of itself, so that it is read and searched like everything else.

It is owned by the server: nobody else changes it (`authority`). Only what differs from what is
stored is written, so that a start writes nothing, and an upgrade one version of what it changes.
No entry of the access log is made: nobody asked, and it is about nobody.
"""

from __future__ import annotations

from fhir_server.consent import facts
from fhir_server.fhir.dates import instant_text
from fhir_server.fhir.errors import Conflict
from fhir_server.fhir.json import stamp
from fhir_server.predicate import ALWAYS, one_of
from fhir_server.records.authority import SERVER
from fhir_server.records.declaring import declare_shipped
from fhir_server.records.facts import Deposit, consent_facts
from fhir_server.records.people import People
from fhir_server.records.published import Published, published
from fhir_server.search.index import index
from fhir_server.search.types import Locale
from fhir_server.store.mongo.store import MongoStore
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row


def install(store: MongoStore, locale: Locale, at: int) -> None:
    """Store what is missing or differs; `at` is now, in microseconds."""
    types = sorted({one.type for one in published()})
    changed = [one for type_ in types for one in _changed(store, type_)]
    if not changed:
        return
    store.prepare_types(types)

    late = {one.id for one in changed if _comes_late(store, one)}

    def put(unit: Unit) -> None:
        for one in changed:
            _put(unit, locale, one, at)
            if one.id in late:
                declare_shipped(unit, one.id, one.resource)

    try:
        store.transact(put)
    except Conflict:
        return  # likewise


def _comes_late(store: MongoStore, one: Published) -> bool:
    """Tell whether `one` is a search parameter by which something stored is not indexed."""
    if one.type != "SearchParameter":
        return False
    return any(store.ids(type_, ALWAYS, limit=1) for type_ in one.resource["base"])


def _changed(store: MongoStore, type_: str) -> list[Published]:
    wanted = [one for one in published() if one.type == type_]
    found = store.find(type_, one_of("_id", [one.id for one in wanted]))
    stored = {row.id: row for row in found}
    return [one for one in wanted if one.id not in stored or _differs(one, stored[one.id])]


def _differs(one: Published, row: Row) -> bool:
    return row.acl[facts.OWNER] != SERVER or row.raw != _raw(one, row.version, row.updated)


def _raw(one: Published, version: int, at: int) -> bytes:
    return stamp(one.document, id=one.id, version_id=version, last_updated=instant_text(at))


def _put(unit: Unit, locale: Locale, one: Published, at: int) -> None:
    old = unit.get(one.type, one.id)
    if old is not None and not _differs(one, old):
        return  # another worker, or another node, was a moment earlier
    last = old or unit.last(one.type, one.id)
    version = last.version + 1 if last else 1
    values = index(one.type, one.resource, locale)
    people = People(unit, locale.base)
    acl = consent_facts(one.type, one.id, one.resource, values, Deposit(SERVER, at), people)
    raw = _raw(one, version, at)
    row = Row(one.type, one.id, version, at, raw, acl, values.values, values.keys, "PUT")
    if old is None:
        unit.insert(row)
    else:
        unit.replace(old, row)
