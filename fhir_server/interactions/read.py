"""read: https://hl7.org/fhir/R4/http.html#read."""

from __future__ import annotations

from base64 import b64decode

from fhir_server.fhir.errors import NotAcceptable
from fhir_server.fhir.json import parse
from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.store.rows import Row

_FHIR = ("application/fhir+json", "application/json", "text/json", "json", "+json")


def read(x: Exchange, type_: str, id_: str) -> Answer:
    """Return the current version; a Binary in its own content type when that is accepted."""
    row = x.view.read(type_, id_)
    if type_ == "Binary" and not _wants_fhir(x.headers.get("accept", "")):
        return _native(row, x.headers.get("accept", ""))
    return Answer(200, row.raw, version_headers(row))


def _wants_fhir(accept: str) -> bool:
    """Tell whether the resource is asked for, rather than its content (binary.html#rest)."""
    names = [part.split(";")[0].strip() for part in accept.split(",")]
    return not accept or any(name.endswith(_FHIR) for name in names) or names == ["*/*"]


def _native(row: Row, accept: str) -> Answer:
    resource = parse(row.raw).resource
    content_type = str(resource["contentType"])
    bare = content_type.split(";")[0].strip()
    accepted = {part.split(";")[0].strip() for part in accept.split(",")}
    if not accepted & {bare, "*/*", f"{bare.split('/')[0]}/*"}:
        raise NotAcceptable(f"the content is `{bare}`; accept that, or application/fhir+json")
    body = b64decode(resource.get("data", ""))
    return Answer(200, body, version_headers(row), content_type=content_type)
