"""Ask a search parameter type both sides at once: what is indexed, and what is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_server.predicate import holds
from fhir_server.search.paths import Node
from fhir_server.search.types import Locale, ParameterType

BASE = "https://example.org/fhir"
LOCALE = Locale(base=BASE)


def found(
    kind: ParameterType, nodes: Sequence[tuple[str, Any]], value: str, modifier: str = ""
) -> bool:
    """Tell whether a resource with `nodes`, (type, value) pairs, is found by `value`."""
    read = [Node(type_, node) for type_, node in nodes]
    indexed = kind.values(read, LOCALE)
    facts = {"p": indexed} if indexed else {}
    facts |= {f"p:{name}": more for name, more in kind.beside(read, LOCALE).items()}
    return holds(kind.criterion("idx.p", modifier, value, LOCALE), {"idx": facts})
