"""What a written SearchParameter means for searches, in the transaction that writes it.

Who may write one is as for other knowledge (`authority`): the trusted system and administrators.
What the server ships is searched from the start; what stands in `profiles/` is declared here only
where rows were stored before it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fhir_server.definitions import SearchParameter, child
from fhir_server.fhir.errors import Unprocessable
from fhir_server.records.governance import POINTERS, governance
from fhir_server.search.additions import read_definition, shipped
from fhir_server.search.custom import custom, is_active
from fhir_server.search.paths import ways
from fhir_server.store.mongo.parameters import TABLES, Declared, declared
from fhir_server.store.mongo.unit import Unit

Json = Mapping[str, Any]

_DEFINING: Final = (
    "url", "code", "base", "type", "expression", "target", "component", "comparator", "modifier",
    "chain", "multipleOr", "multipleAnd",
)  # fmt: skip


def declare(unit: Unit, id_: str, resource: Json | None) -> None:
    """Let searches follow the SearchParameter `id_`, which is now `resource` or deleted.

    Raise Unprocessable for an active one that can't be searched.
    """
    known = {one.id: one for one in map(declared, unit.declared())}
    old = known.get(id_)
    body: dict[str, Any] | None = None
    if resource is not None and is_active(resource):
        body = {name: resource[name] for name in _DEFINING if name in resource}
        _safe(custom(resource, _others(known.values(), id_)))
    if body == (old.body if old is not None else None):
        return
    if old is not None:
        # What takes its values out is known by another name, as the id may be declared anew.
        unit.declare(Declared(f"{id_}~{old.mark}", old.body, "leaving").document(), instead_of=id_)
    if body is not None:
        unit.declare(Declared(id_, body, "waiting").document())


def declare_shipped(unit: Unit, id_: str, resource: Json) -> None:
    """Let rows that were stored before the server shipped `resource` be indexed by it."""
    body = {name: resource[name] for name in _DEFINING if name in resource}
    unit.declare(Declared(id_, body, "waiting").document())


def _others(known: Iterable[Declared], id_: str) -> list[SearchParameter]:
    """Return what else is searched beside R4."""
    own = (one for one in known if one.state != "leaving" and not one.id.startswith(TABLES))
    found = [read_definition(one.body) for one in own if one.id != id_]
    urls = {one.url for one in found}
    return [*found, *(one for one in shipped() if one.url not in urls)]


def _safe(found: SearchParameter) -> None:
    """Refuse what would find a pointer by an entry that its reader may not be shown (L36).

    Entries are cut out of what is read (`prune`). So of types that point, values come from the
    resource itself, and not from its backbone elements, nor from within a reference or what is
    nested in an extension.
    """
    for type_ in found.base:
        if governance()[type_].kind not in POINTERS:
            continue
        for keys in ways(found.expression, type_):
            if not keys or not _own(type_, keys):
                raise Unprocessable(
                    f"entries of a {type_} may be hidden from its reader: a parameter of one's own"
                    " can't be about what is inside them",
                    code="business-rule",
                    expression="SearchParameter.expression",
                )


def _own(type_: str, keys: tuple[str, ...]) -> bool:
    first = child(type_, keys[0])
    nested = "extension" in keys[1:] or "valueReference" in keys[:-1] or "contained" in keys
    return (
        first is not None
        and not nested
        and "." not in first[1]
        and (first[1] != "Reference" or len(keys) == 1)
    )
