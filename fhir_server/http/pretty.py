"""Indent JSON and XML without parsing them: values and their order stay as they are (`_pretty`).

https://hl7.org/fhir/R4/http.html#parameters
"""

from __future__ import annotations

import re
from typing import Final

# A string; a container that is empty; a run of anything else that is no space; punctuation.
_TOKEN: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL
)
# A tag with its attributes, in which `>` may stand; or the text between two.
_PART: Final = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+""")
_NARRATIVE: Final = re.compile(rb"<div[\s>]")


def pretty(body: bytes) -> bytes:
    """Return `body`, well-formed JSON, with two spaces a level and one member a line."""
    depth = 0
    out: list[bytes] = []
    for token in _TOKEN.findall(body):
        if token in (b"{", b"["):
            depth += 1
            out += (token, _line(depth))
        elif token in (b"}", b"]"):
            depth -= 1
            out += (_line(depth), token)
        elif token == b",":
            out += (token, _line(depth))
        elif token == b":":
            out.append(b": ")
        else:
            out.append(b"".join(token.split()) if token[:1] in b"{[" else token)
    return b"".join(out) + b"\n"


def pretty_xml(body: bytes) -> bytes:
    """Return `body`, FHIR XML as this server writes it, with one element a line.

    White space counts inside a narrative alone, which stays as it is.
    """
    depth = inside = 0
    out: list[bytes] = []
    for part in _PART.findall(body):
        if inside or _NARRATIVE.match(part):
            out.append(part if inside else _line(depth) + part)
            inside += _steps(part)
            continue
        step = _steps(part)
        if step < 0:
            depth -= 1
        out.append(_line(depth) + part if out else part)
        if step > 0:
            depth += 1
    return b"".join(out) + b"\n"


def _steps(part: bytes) -> int:
    """Return how many levels deeper it is after `part`: a start tag 1, an end tag -1."""
    if part[:1] != b"<" or part[:2] in (b"<?", b"<!") or part[-2:] == b"/>":
        return 0
    return -1 if part[:2] == b"</" else 1


def _line(depth: int) -> bytes:
    return b"\n" + b"  " * depth
