"""Separators and escapes of search values: https://hl7.org/fhir/R4/search.html#escaping."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\([\\,|$])")
_SPECIAL = re.compile(r"[\\,|$]")


def split(text: str, separator: str) -> list[str]:
    r"""Split on `separator` where it is not escaped; escapes stay in the parts."""
    parts = [""]
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            parts[-1] += text[at : at + 2]
            at += 2
        elif text[at] == separator:
            parts.append("")
            at += 1
        else:
            parts[-1] += text[at]
            at += 1
    return parts


def unescape(text: str) -> str:
    r"""Replace `\,` `\|` `\$` and `\\` by what they stand for."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    r"""Put a `\` before what separates: the inverse of `unescape`."""
    return _SPECIAL.sub(r"\\\g<0>", text)
