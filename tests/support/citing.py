"""Say which statement of the specification a test shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])


def http(*rows: str) -> Callable[[Test], Test]:
    """Cite `rows` of docs/conformance/http.md; `tests/conformance/http/test_table.py` reads them."""
    assert rows, "a citation names a row"
    return lambda test: test
