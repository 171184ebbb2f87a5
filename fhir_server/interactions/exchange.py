"""One request and its answer, as an interaction sees them: no web framework, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhir_server.records.view import View

FHIR_JSON = "application/fhir+json; charset=utf-8"
FHIR_XML = "application/fhir+xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of an operation: on everything, on a type, an instance, or a version of one.

    `body` is a resource in JSON, or empty. https://hl7.org/fhir/R4/operations.html
    """

    name: str
    method: str
    type: str = ""
    id: str = ""
    version: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What every interaction is given.

    `view` is the only way to data and is bound to the caller; `base` the FHIR base as the caller
    wrote it, without a final slash; `headers` the request's, names in lower case. `operate` carries
    out the operations among the entries of a Bundle; without it they are refused. `shown_as` are
    `_format` and `_pretty` as they came, for the links of an answer. `sign` returns JSON values
    signed with the key of the installation, where there is one at hand.
    """

    view: View
    base: str
    headers: Mapping[str, str] = field(default_factory=dict)
    operate: Callable[[Exchange, Invocation], Answer] | None = None
    shown_as: tuple[tuple[str, str], ...] = ()
    sign: Callable[[Mapping[str, Any]], str] | None = None

    @property
    def preference(self) -> str:
        """Return what `Prefer: return=` asks for, `representation` when nothing does."""
        for part in self.headers.get("prefer", "").replace(",", ";").split(";"):
            name, _, value = part.strip().partition("=")
            if name == "return" and value in {"minimal", "representation", "OperationOutcome"}:
                return value
        return "representation"

    def asks_for(self, what: str) -> bool:
        """Tell whether `Prefer: return=what` was sent in so many words."""
        return f"return={what}" in self.headers.get("prefer", "").replace(" ", "")

    @property
    def lenient(self) -> bool:
        """Tell whether `Prefer: handling=lenient` was sent (R4 search, handling errors)."""
        return "handling=lenient" in self.headers.get("prefer", "").replace(" ", "")


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is read while it is sent: `length` bytes, which `open` yields in pieces.

    With `within`, the JSON of a Binary, they are to be sent as its `data`.
    """

    length: int
    open: Callable[[], Iterator[bytes]]
    within: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body of exact bytes and the headers that belong to them.

    With a `stream` the body is what stands for it where nothing can be streamed: in a Bundle.
    `told`: the body is no resource of the store, but an OperationOutcome about what was done.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = FHIR_JSON
    stream: Stream | None = None
    told: bool = False


def caller(x: Exchange) -> str:
    """Return what a page link is bound to: all that makes the caller who they are (L07, L51)."""
    asking = x.view.requester
    return "\x1f".join(
        (
            asking.kind,
            asking.purpose,
            asking.rpps,
            asking.profession,
            asking.organization,
            asking.patient,
            asking.client,
            asking.scope,
        )
    )
