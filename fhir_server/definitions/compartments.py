"""The five compartments of R4.

https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from fhir_server.definitions.tables import table


@cache
def compartment(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return, by resource type, the parameters that put a resource into a `name` compartment.

    A type without an entry is never in it. `_id` means the resource that the compartment is of,
    for which R4 writes `{def}`; of the Patient itself R4 says only `link`. Raise KeyError if
    `name` isn't Patient, Encounter, RelatedPerson, Practitioner or Device.
    """
    rows: Mapping[str, list[str]] = table("compartments")[name]
    return MappingProxyType(
        {
            type_: tuple("_id" if code == "{def}" else code for code in codes)
            for type_, codes in rows.items()
        }
    )


COMPARTMENTS: frozenset[str] = frozenset(table("compartments"))
"""The types that have a compartment."""
