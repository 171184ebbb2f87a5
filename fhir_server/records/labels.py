"""Which profiles, tags and security labels are in use among what a caller may know.

https://hl7.org/fhir/R4/resource-operation-meta.html, at the levels of a type and of everything. A
label that only hidden resources bear is not told (L68, L69).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.records.view import View
from fhir_server.search.registry import field
from fhir_server.search.token import SEPARATOR

MOST: Final = 1000
KINDS: Final = {"profile": "_profile", "security": "_security", "tag": "_tag"}
"""Member of Meta → search parameter that indexes it."""


def labels_in_use(view: View, type_: str) -> Mapping[str, list[str]]:
    """Return the index values by member of Meta, in order; of every type when `type_` is empty.

    Raises `BadRequest` when the caller knows more than `MOST` of a kind.
    """
    sight = view.seeing.sight(None)
    store = view.context.store
    stored = [name for name in store.types() if name == type_ or not type_]
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for name in stored:
        if name == "AuditEvent" and not type_:
            continue
        known = view.seeing.known(name, sight)
        for kind, code in KINDS.items():
            # A coding has two values: its code alone, which says less, and that with its system.
            values = store.distinct(name, known, field(code), limit=2 * MOST + 2)
            found[kind].update(v for v in values if kind == "profile" or SEPARATOR in v)
    if any(len(values) > MOST for values in found.values()):
        raise BadRequest(f"more than {MOST} labels are in use; ask a type", code="too-costly")
    view.tracer.commit(view.tracer.entries("operation", (), query=f"{type_}/$meta".lstrip("/")))
    return {kind: sorted(values) for kind, values in found.items()}
