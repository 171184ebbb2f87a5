"""The access log: entries before notices, both before whoever waits goes on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fhir_server.audit.log import AccessLog
from fhir_server.fhir.errors import Unavailable
from fhir_server.store.rows import Notice, Row

ENTRY = Row("AuditEvent", "a", 1, 0, b"{}")
NOTICE = Notice("first-access/anna/rpps:1", "first-access", "anna", ("patient:anna",), (), 0)


class Ends:
    """Where entries and notices go, in the order in which they came; either may be away."""

    def __init__(self, away: str = "") -> None:
        self.came: list[tuple[str, object]] = []
        self._away = away

    def append(self, rows: Sequence[Row]) -> None:
        self._take("entries", list(rows))

    def queue(self, notices: Sequence[Notice]) -> None:
        self._take("notices", list(notices))

    def _take(self, what: str, items: list[object] | list[Row] | list[Notice]) -> None:
        if self._away == what:
            raise Unavailable
        self.came.append((what, items))


def test_entries_are_durable_before_the_notices_that_tell_of_them() -> None:
    ends = Ends()
    AccessLog(ends, ends).commit([ENTRY], [NOTICE])
    assert ends.came == [("entries", [ENTRY]), ("notices", [NOTICE])]


def test_an_access_that_calls_for_no_notice_writes_once() -> None:
    ends = Ends()
    AccessLog(ends, ends).commit([ENTRY])
    assert ends.came == [("entries", [ENTRY])]


def test_a_notice_that_two_accesses_call_for_is_queued_once() -> None:
    ends = Ends()
    AccessLog(ends, ends).commit([ENTRY], [NOTICE, NOTICE])
    assert ends.came[1] == ("notices", [NOTICE])


@pytest.mark.parametrize(("away", "came"), [("entries", []), ("notices", ["entries"])])
def test_whoever_waits_is_told_when_something_is_not_durable(away: str, came: list[str]) -> None:
    """So that nothing is disclosed; and no notice tells of what the log does not know."""
    ends = Ends(away)
    with pytest.raises(Unavailable):
        AccessLog(ends, ends).commit([ENTRY], [NOTICE])
    assert [what for what, _ in ends.came] == came
