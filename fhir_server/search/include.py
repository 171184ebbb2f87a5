"""`_include` and `_revinclude`: https://hl7.org/fhir/R4/search.html#revinclude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import BadRequest
from fhir_server.search import registry

ANY: Final = "*"
NAMES: Final = ("_include", "_revinclude")
_AGAIN: Final = frozenset({"iterate", "recurse"})
"""`:recurse` is what STU3 called `:iterate`."""


@dataclass(frozen=True, slots=True)
class Include:
    """`source:parameter[:target]`; `source` and `target` are empty for any type, `code` may be `*`.

    `is_back` brings sources that point to what is there, and not the targets of what is there;
    `again`: also for what was included before.
    """

    source: str
    code: str
    target: str = ""
    is_back: bool = False
    again: bool = False

    def codes(self, type_: str) -> tuple[str, ...]:
        """Return the reference parameters of `type_` that are followed."""
        if self.source not in ("", type_):
            return ()
        known = registry.supported(type_)
        if self.code != ANY:
            return (self.code,) if self.code in known else ()
        return tuple(code for code, one in sorted(known.items()) if one.type == "reference")


def read_include(name: str, value: str) -> Include:
    """Read one parameter. Raises `BadRequest` for what is no reference of its type."""
    direction, _, modifier = name.partition(":")
    if modifier and modifier not in _AGAIN:
        raise BadRequest(
            f"`{direction}` takes the modifier `:iterate`, not `:{modifier[:64]}`",
            code="not-supported",
        )
    is_back, again = direction == "_revinclude", bool(modifier)
    if value == ANY:
        return Include("", ANY, is_back=is_back, again=again)
    source, _, rest = value.partition(":")
    code, _, target = rest.partition(":")
    if source not in RESOURCE_TYPES or not code:
        raise BadRequest(
            f"`{direction}` takes `Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`",
            code="value",
        )
    if code != ANY and registry.parameter(source, code).type != "reference":
        raise BadRequest(
            f"`{source}:{code[:64]}` is no reference, it can't be included", code="value"
        )
    if target and target not in RESOURCE_TYPES:
        raise BadRequest(f"`{target[:64]}` is no resource type", code="value")
    return Include(source, code, target, is_back, again)
