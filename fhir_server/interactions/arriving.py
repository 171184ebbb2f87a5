"""Write a Binary whose content is too large to be held: https://hl7.org/fhir/R4/binary.html#rest.

1. The write is rehearsed without its content, so that who may not write sends nothing in vain and
   makes nothing be stored.
2. The content goes from the network into a file, a chunk at a time.
3. The write is carried out, and names the file; all rules are asked again.

The answer tells of the resource without its content, which the caller has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fhir_server.fhir.json import Document
from fhir_server.interactions.answers import met, readable_after, written
from fhir_server.interactions.bodies import read_resource
from fhir_server.interactions.conditions import condition, pairs_of
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.links import settle
from fhir_server.interactions.native import wrapped
from fhir_server.interactions.refusals import traced
from fhir_server.records.contents import received
from fhir_server.records.ids import new_id
from fhir_server.records.rehearsal import rehearse
from fhir_server.records.weight import without_content
from fhir_server.records.writing import Change, Written, write
from fhir_server.store.rows import Row


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content of `content_type` that has not been read yet; `pieces` yields it once.

    `security_context` is the reference of `X-Security-Context`, or empty.
    """

    content_type: str
    security_context: str
    pieces: Callable[[], Iterator[bytes]]


def create(x: Exchange, arrival: Arrival) -> Answer:
    """Store a Binary under a new id; with `If-None-Exist`, only when nothing matches it."""
    with traced(x, "create", "Binary"):
        document, settled = _document(x, arrival)
        text = x.headers.get("if-none-exist", "")
        asked = condition(x, "Binary", pairs_of(text)) if text else None
        id_ = new_id()

        def work(change: Change) -> Written | Row:
            return (asked.sole(change) if asked else None) or change.create("Binary", settled, id_)

        found = asked.now(x) if asked else None
        done = found or _carried_out(x, arrival, work, [asked.lock] if asked else [])
        if isinstance(done, Row):
            return met(x, done)
        return _answer(x, readable_after(x, done, resolved=settled is not document))


def update(x: Exchange, id_: str, arrival: Arrival) -> Answer:
    """Replace a Binary, or create it under the id that the trusted system chose."""
    with traced(x, "update", f"Binary/{id_}"):
        _, document = _document(x, arrival, id_)
        expected = x.headers.get("if-match", "")

        def work(change: Change) -> Written | Row:
            return change.put("Binary", id_, document, if_match=expected)

        done = _carried_out(x, arrival, work, [])
        assert isinstance(done, Written)  # noqa: S101 - `put` returns nothing else
        return _answer(x, done)


def _document(x: Exchange, arrival: Arrival, id_: str = "") -> tuple[Document, Document]:
    """Return the Binary without its content, as it came and with its references resolved."""
    body = wrapped(b"", arrival.content_type, arrival.security_context, id_)
    document = read_resource(body, "Binary")
    return document, settle(x, document)


def _carried_out(
    x: Exchange, arrival: Arrival, work: Callable[[Change], Written | Row], locks: list[str]
) -> Written | Row:
    rehearse(x.view, "Binary", work)
    with received(x.view, arrival.pieces()) as file:

        def with_content(change: Change) -> Written | Row:
            change.content = file
            return work(change)

        return write(x.view, {"Binary"}, with_content, locks=locks)


def _answer(x: Exchange, done: Written) -> Answer:
    return written(x, replace(done, row=without_content(done.row)))
