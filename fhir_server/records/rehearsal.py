"""Carry out a write and undo it, to tell what it would have been told: `$validate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_server.records.view import View
from fhir_server.records.writing import Change, Written, write
from fhir_server.store.rows import Row


class _Undone(Exception):
    """Leaves the transaction without a trace; carries what was done."""


def rehearse(view: View, type_: str, work: Callable[[Change], Written | Row]) -> Written | Row:
    """Return what `work` would have stored. Raises what it raises; nothing of it stays."""

    def undone(change: Change) -> Any:
        raise _Undone(work(change))

    try:
        write(view, {type_}, undone, small=False)
    except _Undone as end:
        done: Written | Row = end.args[0]
        return done
    raise AssertionError("a rehearsal can't end otherwise")
