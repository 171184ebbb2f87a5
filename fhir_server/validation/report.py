"""Collect the faults of one resource, each with its place as a FHIRPath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.fhir.errors import Issue

MAX_ISSUES: Final = 100

# The place of a value: the place of what holds it, its name, its index in an array or -1.
# Kept as links, because the text is needed only when something is wrong.
Place = tuple["Place | None", str, int]


def expression(place: Place) -> str:
    """Write `place` as a FHIRPath: `Patient.name[0].given[1]`."""
    parts = []
    above: Place | None = place
    while above is not None:
        above, name, index = above
        parts.append(f"{name}[{index}]" if index >= 0 else name)
    return ".".join(reversed(parts))


def quoted(value: object) -> str:
    """Show a value given by a user, shortened, in back-ticks."""
    text = str(value)
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"


@dataclass(slots=True)
class Report:
    """The faults found so far, and the contained resources that `#id` may name, by id."""

    issues: list[Issue] = field(default_factory=list)
    contained: Mapping[str, Any] = field(default_factory=dict)

    def add(self, code: str, diagnostics: str, place: Place) -> None:
        """Note a fault; after `MAX_ISSUES` the rest is left out, and that is said once."""
        if len(self.issues) < MAX_ISSUES:
            self.issues.append(Issue(code, diagnostics, expression(place)))
        elif len(self.issues) == MAX_ISSUES:
            self.issues.append(Issue("too-costly", "more faults are not listed"))
