"""`DocumentReference/$docref`: the documents of a patient, by date and type.

http://hl7.org/fhir/us/core/OperationDefinition/docref. It is a search with other names, and is
carried out as one, with the same rights and the same trace.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.fhir.errors import BadRequest
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.search import search

_NAMES = {"patient": "patient", "type": "type", "start": "date", "end": "date"}
_PREFIX = {"start": "ge", "end": "le"}


def docref(x: Exchange, pairs: Sequence[tuple[str, str]]) -> Answer:
    """Return the current documents of a patient, newest first."""
    if [name for name, _ in pairs] == ["_cursor"]:
        return search(x, "DocumentReference", pairs)
    asked = []
    for name, value in pairs:
        if name == "on-demand":
            if value != "false":
                raise BadRequest("documents are not made on demand", code="not-supported")
            continue
        if name not in _NAMES:
            raise BadRequest(f"$docref does not take `{name[:64]}`", code="not-supported")
        asked.append((_NAMES[name], _PREFIX.get(name, "") + value))
    if [name for name, _ in asked].count("patient") != 1:
        raise BadRequest("exactly one `patient` is needed", code="required")
    return search(x, "DocumentReference", [*asked, ("status", "current"), ("_sort", "-date")])
