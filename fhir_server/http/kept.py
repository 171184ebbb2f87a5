"""What is made once and sent often: compressed, with an ETag, the same for everybody."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from hashlib import sha256

from flask import request

from fhir_server.http.compression import takes_gzip
from fhir_server.http.request_id import request_id_of
from fhir_server.http.respond import Fixed, Sent, sent
from fhir_server.interactions.exchange import Answer


@dataclass(frozen=True, slots=True)
class Kept:
    """A body, kept compressed only; `etag` is weak, since both codings share it (RFC 9110)."""

    packed: bytes
    etag: str
    content_type: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Kept:
        """Keep `body`."""
        etag = f'W/"{sha256(body).hexdigest()[:16]}"'
        return cls(gzip.compress(body, 9, mtime=0), etag, content_type)

    def sent(self, fixed: Fixed, status: int = 200) -> Sent:
        """Answer the request that Flask is in; 304 where the caller has this already."""
        headers = {"ETag": self.etag}
        if request.if_none_match.contains_weak(self.etag.removeprefix("W/").strip('"')):
            answer = Answer(304, b"", headers)
        elif takes_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", "")):
            headers["Content-Encoding"] = "gzip"
            answer = Answer(status, self.packed, headers, self.content_type)
        else:
            answer = Answer(status, gzip.decompress(self.packed), headers, self.content_type)
        return sent(answer, fixed, request_id_of(request.environ))
