"""Read partial dates as intervals: https://hl7.org/fhir/R4/search.html#date.

`2020` covers its whole year: an interval from its first microsecond to the first of the next
year, the end excluded, counted in microseconds since 1970 UTC so that a database can compare it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

MIN: Final = -(2**63)
MAX: Final = 2**63 - 1

_SECOND: Final = 1_000_000
_DAY: Final = 86_400 * _SECOND
_EPOCH: Final = date(1970, 1, 1).toordinal()

# A leap second (:60) is allowed, as by FHIR's own expression for dateTime; seconds and zone may
# be missing because search values may leave them out.
_match = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)"
    r"(?::(?P<second>[0-5]\d|60)(?:\.(?P<fraction>\d{1,12}))?)?"
    r"(?P<zone>Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?)?)?)?",
    re.ASCII,
).fullmatch


def _offset(zone: tzinfo, ordinal: int, microseconds: int) -> int:
    """Return how far local time in `zone` is ahead of UTC, in microseconds."""
    if zone is UTC:
        return 0
    day = date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))
    local = datetime.combine(day, time(), zone) + timedelta(microseconds=microseconds)
    return (local.utcoffset() or timedelta()) // timedelta(microseconds=1)


def _instant(ordinal: int, microseconds: int, zone: tzinfo | int) -> int:
    """Count from the epoch; `ordinal` is a day as of `date.toordinal`, one past 9999 included."""
    offset = zone if isinstance(zone, int) else _offset(zone, ordinal, microseconds % _DAY)
    return (ordinal - _EPOCH) * _DAY + microseconds - offset


def _zone(text: str | None, default: tzinfo) -> tzinfo | int:
    if text is None:
        return default
    if text == "Z":
        return 0
    seconds = int(text[1:3]) * 3600 + int(text[4:6]) * 60
    return (-seconds if text[0] == "-" else seconds) * _SECOND


def _days(year: int, month: str | None, day: str | None) -> tuple[int, int]:
    """Return the ordinals of the first day covered and of the first one after."""
    first = date(year, int(month or 1), int(day or 1)).toordinal()
    if day:
        return first, first + 1
    if month:
        year, following = (year + 1, 1) if month == "12" else (year, int(month) + 1)
    else:
        year, following = year + 1, 1
    after = date.max.toordinal() + 1 if year > 9999 else date(year, following, 1).toordinal()
    return first, after


def interval(text: str, zone: tzinfo = UTC) -> tuple[int, int]:
    """Return the microseconds since the epoch that `text` covers: first, and first after.

    `text` is a date, dateTime, instant or search value without prefix; where it has no zone of
    its own it is local to `zone`. Raise `ValueError` for anything else, and for days that no
    calendar has.
    """
    found = _match(text)
    if not found:
        raise ValueError(f"`{text[:40]}` is not a date")
    first, after = _days(int(found["year"]), found["month"], found["day"])
    if found["hour"] is None:
        return _instant(first, 0, zone), _instant(after, 0, zone)
    start = (int(found["hour"]) * 60 + int(found["minute"])) * 60 * _SECOND
    width = 60 * _SECOND
    if found["second"] is not None:
        fraction = found["fraction"] or ""
        # Digits past the sixth are dropped: the interval is then one microsecond.
        start += int(found["second"]) * _SECOND + int(fraction[:6].ljust(6, "0"))
        width = 10 ** (6 - min(len(fraction), 6))
    low = _instant(first, start, _zone(found["zone"], zone))
    return low, low + width


def period_interval(start: str | None, end: str | None, zone: tzinfo = UTC) -> tuple[int, int]:
    """Return what a Period covers: open ends are `MIN` and `MAX`, which fit 64 bits."""
    low = interval(start, zone)[0] if start else MIN
    high = interval(end, zone)[1] if end else MAX
    return low, high


def instant_text(microseconds: int) -> str:
    """Write an instant in UTC to the millisecond: `2020-03-01T09:30:00.000Z`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
