"""Indent JSON without parsing it: numbers, strings and order stay as they are (`_pretty`)."""

from __future__ import annotations

import re
from typing import Final

# A string; a container that is empty; a run of anything else that is no space; punctuation.
_TOKEN: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL
)


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


def _line(depth: int) -> bytes:
    return b"\n" + b"  " * depth
