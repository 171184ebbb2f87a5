"""Where a search finds the ValueSets and CodeSystems that it names.

The room has no data of its own: whoever reads a query gives it a `Terminology` bound to the
caller, so that a search says nothing of a resource that its caller may not read.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from fhir_server.search.hierarchy import CodeSystem


class Terminology(Protocol):
    """Definitional resources by canonical address, with or without `|version`, or by `Type/id`."""

    def value_set(self, address: str) -> dict[str, Any] | None:
        """Return the ValueSet at `address` in JSON, or None; without a version, the newest."""
        ...

    def code_system(self, address: str) -> CodeSystem | None:
        """Return the CodeSystem at `address`, or None; without a version, the newest."""
        ...


class _Nothing:
    """A terminology without resources: the shipped value sets are still known."""

    def value_set(self, _: str) -> None:
        """Know no ValueSet."""

    def code_system(self, _: str) -> None:
        """Know no CodeSystem."""


NOTHING: Final[Terminology] = _Nothing()
