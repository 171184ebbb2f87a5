"""Keep a patch from leaving a narrative behind that no longer tells what the data say.

https://hl7.org/fhir/R4/http.html#patch: the narrative is not clinically unsafe after a patch.
"""

from __future__ import annotations

from typing import Any, Final

from fhir_server.fhir.errors import Unprocessable

Json = dict[str, Any]

_UNTOLD: Final = frozenset({"meta", "text", "implicitRules", "language", "identifier"})
"""What no narrative is about."""
_LABELS: Final = frozenset({"securityLabel", "status", "extension"})
"""What masks, archives and supersedes a document (PDSm 03/04): it changes nobody's care."""


def told(before: Json, after: Json) -> Json:
    """Return `after` with a narrative that is safe, `before` being what the patch was applied to.

    A narrative that was generated from the data is left out when they change: what generated it
    can do so again. One that says more than the data is its author's: raises `Unprocessable`
    unless the same patch rewrites it.
    """
    narrative = before.get("text")
    if narrative is None or after.get("text") != narrative:
        return after
    untold = _UNTOLD | (_LABELS if before["resourceType"] == "DocumentReference" else frozenset())
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    status = narrative.get("status")
    # `_birthDate` is about what `birthDate` is about.
    if {name.removeprefix("_") for name in changed} <= untold or status == "empty":
        return after
    if status != "generated":
        raise Unprocessable(
            f"the narrative is `{status}`: it says what the data do not, so a patch of the data "
            "rewrites `text` too",
            code="business-rule",
            expression=f"{before['resourceType']}.text",
        )
    return {name: value for name, value in after.items() if name != "text"}
