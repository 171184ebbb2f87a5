"""One FHIR request, as a view sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.http.body import read_body
from fhir_server.http.negotiation import check_body_type, presentation
from fhir_server.http.parameters import Pairs, pairs_of_form
from fhir_server.interactions.exchange import Answer, Exchange

FHIR_TYPES: Final = ("application/fhir+json", "application/json")
FORM_TYPES: Final = ("application/x-www-form-urlencoded",)
PATCH_TYPES: Final = ("application/json-patch+json",)


class RequestHeaders(Mapping[str, str]):
    """The headers of a WSGI environment under their lower-case names, without copying them."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        """Look into `environ`."""
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """Return the header `name`; raise KeyError when it was not sent."""
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        return str(self._environ[key])

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the headers that were sent."""
        for key in self._environ:
            if key.startswith("HTTP_"):
                yield key[5:].replace("_", "-").lower()
            elif key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                yield key.replace("_", "-").lower()

    def __len__(self) -> int:
        """Return how many headers were sent."""
        return sum(1 for _ in self)


@dataclass(slots=True)
class Call:
    """An exchange, its query as `pairs`, and a body that is read when a view asks for it."""

    exchange: Exchange
    pairs: Pairs
    environ: Mapping[str, Any]
    max_body_bytes: int

    def resource(self) -> bytes:
        """Return the body, a resource in JSON; raise UnsupportedMediaType for another type."""
        return self._body(FHIR_TYPES)

    def patch(self) -> bytes:
        """Return the body, a JSON Patch; raise UnsupportedMediaType for another type."""
        return self._body(PATCH_TYPES)

    def form(self) -> Pairs:
        """Return the parameters of the body, then those of the query.

        https://hl7.org/fhir/R4/http.html#search: both places count alike.
        """
        sent, _ = presentation(pairs_of_form(self._body(FORM_TYPES)))
        return [*sent, *self.pairs]

    def _body(self, types: tuple[str, ...]) -> bytes:
        check_body_type(self.environ.get("CONTENT_TYPE", ""), types)
        return read_body(self.environ, self.max_body_bytes)


View = Callable[..., Answer]
