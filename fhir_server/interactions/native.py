"""Binary in its own content type: https://hl7.org/fhir/R4/binary.html#rest.

In, the body becomes `Binary.data` and `X-Security-Context` its `securityContext`; out, whole or
the one range asked for (RFC 9110, section 14). What is too large to be held is `arriving`'s on the
way in, and a stream on the way out.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from functools import partial

from fhir_server.fhir.errors import NotAcceptable
from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.subset import Subset
from fhir_server.interactions.answers import version_headers
from fhir_server.interactions.exchange import Answer, Exchange, Stream
from fhir_server.records.contents import content as stored_content
from fhir_server.records.weight import without_content
from fhir_server.store.rows import Row

_FHIR = ("application/fhir+json", "application/fhir+xml", "application/json", "text/json", "+json")
_range = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII).fullmatch


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


def representation(x: Exchange, row: Row, subset: Subset) -> Answer:
    """Return a version that the caller may know, or the part of it that is asked for.

    The content of a large Binary is streamed into its place, when the part has one.
    """
    raw = subset.of(row.raw) if subset else row.raw
    if row.content is None or (subset and not subset.keeps("Binary", "data")):
        return Answer(200, raw, version_headers(row))
    length = row.content.length
    stream = Stream(length, partial(stored_content, x.view, row.content, 0, length), within=raw)
    bare = without_content(row).raw
    return Answer(200, subset.of(bare) if subset else bare, version_headers(row), stream=stream)


def content(x: Exchange, row: Row) -> Answer:
    """Return what a Binary holds, or a part of it; `NotAcceptable` when its type is not wanted."""
    accept = x.headers.get("accept", "")
    resource = parse(row.raw).resource
    content_type = str(resource["contentType"])
    bare = content_type.split(";")[0].strip()
    accepted = {part.split(";")[0].strip() for part in accept.split(",")}
    if not accepted & {bare, "*/*", f"{bare.split('/')[0]}/*"}:
        raise NotAcceptable(f"the content is `{bare}`; accept that, or application/fhir+json")
    body = b"" if row.content else b64decode(resource.get("data", ""))
    size = row.content.length if row.content else len(body)
    headers = version_headers(row) | {"Accept-Ranges": "bytes"}
    start, end = 0, size
    asked = _asked(x.headers.get("range", ""), size)
    if asked is not None:
        start, end = asked
        if start >= end:
            headers["Content-Range"] = f"bytes */{size}"
            return Answer(416, b"", headers, content_type)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if asked is None else 206
    if row.content is None:
        return Answer(status, body[start:end], headers, content_type)
    stream = Stream(end - start, partial(stored_content, x.view, row.content, start, end))
    return Answer(status, b"", headers, content_type, stream)


def _asked(text: str, size: int) -> tuple[int, int] | None:
    """Return the one range asked for, empty when it lies beyond the content.

    Anything but one range of bytes asks for the whole: None.
    """
    found = _range(text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    return start, end
