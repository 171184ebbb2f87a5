"""Binary in its own content type: https://hl7.org/fhir/R4/binary.html#rest.

In, the body becomes `Binary.data` and `X-Security-Context` its `securityContext`; out, whole or
the one range asked for (RFC 9110, section 14).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from fhir_server.fhir.errors import NotAcceptable
from fhir_server.fhir.json import dumps, parse
from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.store.rows import Row

_FHIR = ("application/fhir+json", "application/fhir+xml", "application/json", "text/json", "+json")
_range = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII).fullmatch


def wrapped(body: bytes, content_type: str, security_context: str = "", id_: str = "") -> bytes:
    """Return `body` as the JSON of a Binary."""
    resource: dict[str, object] = {"resourceType": "Binary"}
    if id_:
        resource["id"] = id_
    resource["contentType"] = content_type
    if security_context:
        resource["securityContext"] = {"reference": security_context}
    if body:
        resource["data"] = b64encode(body).decode()
    return dumps(resource)


def wants_fhir(accept: str) -> bool:
    """Tell whether the resource is asked for, rather than its content."""
    names = [part.split(";")[0].strip() for part in accept.split(",")]
    return not accept or any(name.endswith(_FHIR) for name in names) or names == ["*/*"]


def content(x: Exchange, row: Row) -> Answer:
    """Return what a Binary holds, or a part of it; `NotAcceptable` when its type is not wanted."""
    accept = x.headers.get("accept", "")
    resource = parse(row.raw).resource
    content_type = str(resource["contentType"])
    bare = content_type.split(";")[0].strip()
    accepted = {part.split(";")[0].strip() for part in accept.split(",")}
    if not accepted & {bare, "*/*", f"{bare.split('/')[0]}/*"}:
        raise NotAcceptable(f"the content is `{bare}`; accept that, or application/fhir+json")
    body = b64decode(resource.get("data", ""))
    headers = version_headers(row) | {"Accept-Ranges": "bytes"}
    return _part(x.headers.get("range", ""), Answer(200, body, headers, content_type=content_type))


def _part(asked: str, whole: Answer) -> Answer:
    """Return the one range asked for; anything but one range of bytes asks for the whole."""
    found = _range(asked.strip())
    size = len(whole.body)
    if found is None or found.groups() == ("", ""):
        return whole
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        headers = {"Content-Range": f"bytes */{size}"}
        return Answer(416, b"", {**whole.headers, **headers}, content_type=whole.content_type)
    headers = {"Content-Range": f"bytes {start}-{end}/{size}"}
    body = whole.body[start : end + 1]
    return Answer(206, body, {**whole.headers, **headers}, content_type=whole.content_type)
