"""One FHIR request, as a view sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.fhir.errors import BadRequest
from fhir_server.fhir.json import dumps
from fhir_server.fhir.xml import to_json
from fhir_server.http.body import LARGEST_HELD, arriving, pieces, read_body
from fhir_server.http.negotiation import Form, check_body_type, presentation
from fhir_server.http.parameters import Pairs, pairs_of_form
from fhir_server.interactions.arriving import Arrival
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.native import wrapped

JSON_TYPES: Final = ("application/fhir+json", "application/json")
XML_TYPES: Final = ("application/fhir+xml", "application/xml", "text/xml")
FHIR_TYPES: Final = JSON_TYPES + XML_TYPES
FORM_TYPES: Final = ("application/x-www-form-urlencoded",)
PATCH_TYPES: Final = (
    "application/json-patch+json",
    "application/xml-patch+xml",
    *FHIR_TYPES,
)


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
    """An exchange, its query as `pairs`, and a body that is read when a view asks for it.

    `asked` is the form that a form sent by POST asks for, once it is read.
    """

    exchange: Exchange
    pairs: Pairs
    environ: Mapping[str, Any]
    max_body_bytes: int
    max_binary_bytes: int
    asked: Form | None = None

    def alone(self) -> Exchange:
        """Return the exchange of a write that takes no parameters; raise BadRequest for any.

        To ignore one would do something else than was asked, such as create what was to be found.
        """
        for name, _ in self.pairs:
            raise BadRequest(
                f"this interaction takes no parameter `{name[:64]}`; a conditional create says "
                "its condition in `If-None-Exist`",
                code="not-supported",
            )
        return self.exchange

    def resource(self) -> bytes:
        """Return the body, a resource, in JSON; raise UnsupportedMediaType for another type.

        XML is read into the same values and written as JSON, which is what is stored.
        """
        body = self._body(FHIR_TYPES)
        return dumps(to_json(body)) if body and self._is(XML_TYPES) else body

    def arrival(self, type_: str) -> Arrival | None:
        """Return a Binary's content that is too large to be held, unread; None for other bodies.

        Raise TooLarge over `max_binary_bytes`, and LengthRequired when no length is announced.
        """
        if type_ != "Binary" or self._is(FHIR_TYPES):
            return None
        size = arriving(self.environ, self.max_binary_bytes)
        if size <= min(LARGEST_HELD, self.max_body_bytes):
            return None
        return Arrival(
            str(self.environ.get("CONTENT_TYPE", "")) or "application/octet-stream",
            self.exchange.headers.get("x-security-context", ""),
            lambda: pieces(self.environ["wsgi.input"], size),
        )

    def native(self, type_: str, id_: str = "") -> bytes:
        """Return the body as a resource; for a Binary any type of body is read, as its content.

        https://hl7.org/fhir/R4/binary.html#rest
        """
        if type_ != "Binary" or self._is(FHIR_TYPES):
            return self.resource()
        content_type = str(self.environ.get("CONTENT_TYPE", "")) or "application/octet-stream"
        body = read_body(self.environ, self.max_body_bytes)
        context = self.exchange.headers.get("x-security-context", "")
        return wrapped(body, content_type, context, id_)

    def patch(self) -> bytes:
        """Return the body, a patch in any of R4's forms, a Parameters in JSON if it is one."""
        body = self._body(PATCH_TYPES)
        return dumps(to_json(body)) if body and self._is(XML_TYPES) else body

    def form(self) -> Pairs:
        """Return the parameters of the body, then those of the query.

        https://hl7.org/fhir/R4/http.html#search: both places count alike.
        """
        sent, _, self.asked = presentation(pairs_of_form(self._body(FORM_TYPES)))
        return [*sent, *self.pairs]

    def _is(self, types: tuple[str, ...]) -> bool:
        name = str(self.environ.get("CONTENT_TYPE", "")).partition(";")[0]
        return name.strip().lower() in types

    def _body(self, types: tuple[str, ...]) -> bytes:
        check_body_type(self.environ.get("CONTENT_TYPE", ""), types)
        return read_body(self.environ, self.max_body_bytes)


View = Callable[..., Answer]
