"""Tell whether one value of a search matches one value of a resource, by the text of R4 alone.

https://hl7.org/fhir/R4/search.html, type by type. Values are plain JSON; what they are is told by
their shape. Nothing of `fhir_server` is used here: this is the second reading of the page.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

ZONE: tzinfo = ZoneInfo("Europe/Paris")
"""Where dates without a zone are local: the server's default."""
PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)", re.DOTALL)
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
Span = tuple[datetime, datetime]

NAME = ("text", "family", "given", "prefix", "suffix")
ADDRESS = ("text", "line", "city", "district", "state", "postalCode", "country")
CONTACTS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})


def pieces(text: str, separator: str) -> list[str]:
    r"""Split at `separator`, but not at one after a `\`."""
    parts = [""]
    for sign in re.findall(r"\\.|.", text, re.DOTALL):
        if sign == separator:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def plain(text: str) -> str:
    r"""Take the `\` away."""
    return re.sub(r"\\([\\,|$])", r"\1", text)


# token -------------------------------------------------------------------------------------------


def tokens(value: Any) -> Iterator[tuple[str, str]]:
    """Yield system and code; a code, a boolean and a ContactPoint have no system."""
    match value:
        case bool():
            yield "", str(value).lower()
        case str():
            yield "", value
        case {"coding": list(codings)}:
            for coding in codings:
                yield from tokens(coding)
        case {"value": str(number)}:
            system = value.get("system", "")
            yield ("" if system in CONTACTS else system), number
            if system in CONTACTS:
                yield system, number
        case {"reference": _} | {"display": _} if "code" not in value:
            return
        case {"code": str() as code}:
            yield value.get("system", ""), code
        case {"system": str() as system}:
            yield system, ""


def token(value: Any, asked: str) -> bool:
    match [plain(part) for part in pieces(asked, "|")]:
        case [code]:
            return any(code == own for _, own in tokens(value))
        case [system, ""]:
            return any(system == own for own, _ in tokens(value))
        case [system, code]:
            return (system, code) in set(tokens(value))
    raise ValueError(asked)


# string ------------------------------------------------------------------------------------------


def texts(value: Any) -> Iterator[str]:
    """Yield the text, or each part of a HumanName or an Address."""
    if isinstance(value, str):
        yield value
        return
    for name in dict.fromkeys((*NAME, *ADDRESS)):
        found = value.get(name, ())
        yield from [found] if isinstance(found, str) else found


def folded(text: str) -> str:
    """Return what is compared of `text`: letters, digits and symbols, without case and accents."""
    apart = unicodedata.normalize("NFKD", text.lower())
    bare = apart.replace("œ", "oe").replace("æ", "ae").replace("ß", "ss")
    kinds = ((sign, unicodedata.category(sign)) for sign in bare)
    return "".join(sign for sign, kind in kinds if kind[0] in "LNS" and kind != "Sk")


def words(text: str) -> str:
    """Return `text` folded word by word, with a space before each."""
    parts = re.split(r"[^\w]+", unicodedata.normalize("NFC", text))
    return "".join(f" {folded(part)}" for part in parts if folded(part))


def told(value: Any) -> Iterator[str]:
    """Yield the texts that go with a code: those of `:text`."""
    match value:
        case {"coding": list(codings)}:
            yield value.get("text", "")
            yield from (coding.get("display", "") for coding in codings)
        case {"value": _}:
            yield value.get("type", {}).get("text", "")
        case {}:
            yield value.get("display", "")


def of_type(value: Any, asked: str) -> bool:
    """Tell whether an Identifier has the type and the value of `system|code|value`."""
    *typed, number = (plain(part) for part in pieces(asked, "|"))
    own = value.get("type", {}) if isinstance(value, dict) else {}
    return value.get("value") == number and tuple(typed) in set(tokens(own))


def string(value: Any, asked: str, modifier: str = "") -> bool:
    wanted = plain(asked)
    for text in texts(value):
        if modifier == "exact":
            hit = text == wanted
        elif modifier == "contains":
            hit = folded(wanted) in folded(text)
        else:
            hit = folded(text).startswith(folded(wanted))
        if hit:
            return True
    return False


# date --------------------------------------------------------------------------------------------

DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)


def span(text: str) -> Span:
    """Return the first instant that a date covers, and the first that it covers no more."""
    found = DATE.fullmatch(text)
    assert found, text
    year, month, day_, hour, minute, second, fraction, zone = found.groups()
    where = ZONE if zone is None else _offset(zone)
    day = (int(year), int(month or 1), int(day_ or 1))
    # Without its zone until the end is known: a local day may have 23 hours.
    begin = datetime(*day, int(hour or 0), int(minute or 0))  # noqa: DTZ001
    if hour is None:
        if month is None:
            end = begin.replace(year=begin.year + 1)
        elif day_ is None:
            end = begin + timedelta(days=monthrange(begin.year, begin.month)[1])
        else:
            end = begin + timedelta(days=1)
        return begin.replace(tzinfo=where), end.replace(tzinfo=where)
    low = begin.replace(tzinfo=where)
    if second is None:
        return low, low + timedelta(minutes=1)
    digits = (fraction or "")[:6]
    low += timedelta(seconds=int(second), microseconds=int(digits.ljust(6, "0")))
    return low, low + timedelta(microseconds=10 ** (6 - len(digits)))


def _offset(zone: str) -> tzinfo:
    found = datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo
    assert found
    return found


def spans(value: Any) -> Iterator[Span]:
    """Yield what a date, a Period or a Timing covers: from its first to its last event."""
    match value:
        case str():
            yield from [span(value)] if DATE.fullmatch(value) else ()
        case {"event": [*events]}:
            all_ = [span(event) for event in events]
            yield min(low for low, _ in all_), max(high for _, high in all_)
        case {"repeat": {"boundsPeriod": bounds}}:
            yield from spans(bounds)
        case {"start": _} | {"end": _}:
            low = span(value["start"])[0] if "start" in value else EARLIEST
            yield low, span(value["end"])[1] if "end" in value else LATEST


def date(value: Any, asked: str, now: datetime) -> bool:
    prefix, text = PREFIX.fullmatch(asked).groups()  # type: ignore[union-attr]
    low, high = (edge.astimezone(UTC) for edge in span(text))
    return any(
        _dated(prefix or "eq", begin.astimezone(UTC), end.astimezone(UTC), low, high, now)
        for begin, end in spans(value)
    )


def _dated(
    prefix: str, begin: datetime, end: datetime, low: datetime, high: datetime, now: datetime
) -> bool:
    """Compare what the resource covers, `begin` to `end`, with what was asked for."""
    inside = low <= begin and end <= high
    if prefix == "ap":
        slack = abs(now - low) / 10
        return begin < high + slack and end > low - slack
    return {
        "eq": inside,
        "ne": not inside,
        "gt": end > high,
        "lt": begin < low,
        "ge": inside or end > high,
        "le": inside or begin < low,
        "sa": begin >= high,
        "eb": end <= low,
    }[prefix]


# uri and reference -------------------------------------------------------------------------------


def uri(value: Any, asked: str, modifier: str = "") -> bool:
    """Compare whole, or as addresses of which one stands above the other."""
    wanted = plain(asked)
    if not isinstance(value, str):
        return False
    above, below = (wanted, value) if modifier == "below" else (value, wanted)
    under = bool(modifier) and below.startswith(above.rstrip("/") + "/")
    return value == wanted or under


def address(text: str, base: str) -> str:
    """Return `Type/id` for what stands on this server, whichever version; else the text."""
    for own in (base, base.replace("http://", "https://", 1)):
        text = text.removeprefix(f"{own}/")
    return re.sub(r"^([A-Z][A-Za-z]+/[A-Za-z0-9.-]+)/_history/.*$", r"\1", text)


def pointed(value: Any, base: str) -> str:
    """Return what a Reference, a canonical or a uri points to; nothing if it is inside."""
    text = value.get("reference", "") if isinstance(value, dict) else value
    return "" if text.startswith("#") else address(text, base)


def reference(value: Any, asked: str, base: str, types: tuple[str, ...]) -> bool:
    text = address(plain(asked), base)
    own = pointed(value, base)
    if not own:
        return False
    if re.match(r"[a-z]+:", text):
        return text in (own, own.split("|")[0])
    if "/" in text:
        return own == text and text.split("/")[0] in types
    return own in [f"{type_}/{text}" for type_ in types]
