"""batch and transaction: https://hl7.org/fhir/R4/http.html#transaction.

A transaction is read whole, its links are resolved, everything is validated, and then all of it is
written in one MongoDB transaction: deletions first, then creations, then updates and patches;
reads are answered after. A batch runs each entry as a request of its own.
"""

from __future__ import annotations

from dataclasses import replace

from fhir_server.fhir.bundle import Entry, Response, response_bundle
from fhir_server.fhir.errors import BadRequest, Conflict, FhirError, TooLarge
from fhir_server.fhir.json import parse
from fhir_server.fhir.outcome import outcome
from fhir_server.interactions import entries, links, single
from fhir_server.interactions.answers import location, said, version_headers
from fhir_server.interactions.entries import Item
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.independence import dependent
from fhir_server.interactions.refusals import traced
from fhir_server.records.writing import Change, Written, write
from fhir_server.store.rows import Row
from fhir_server.validation import validate

ATTEMPTS = 4
"""How often a transaction is planned anew when its conditions meet other writes."""
_STATUS = {200: "200 OK", 201: "201 Created", 204: "204 No Content"}


def transaction(x: Exchange, body: bytes) -> Answer:
    """Carry out a Bundle of type batch or transaction."""
    bundle = read = parse(body).resource
    if bundle.get("resourceType") != "Bundle":
        raise BadRequest("a Bundle is expected", code="structure", expression="resourceType")
    kind = bundle.get("type")
    if kind not in ("batch", "transaction"):
        raise BadRequest(
            "only a Bundle of type `batch` or `transaction` is carried out here; to store another, "
            "POST it to `Bundle`",
            code="invalid",
            expression="Bundle.type",
        )
    found = bundle.get("entry", [])
    _check_envelope(bundle)
    if len(found) > x.view.context.max_entries:
        raise TooLarge(f"a Bundle takes at most {x.view.context.max_entries} entries")
    if kind == "batch":
        return _batch(x, found)
    with traced(x, "transaction", "Bundle"):
        for _ in range(ATTEMPTS):
            try:
                return _transaction(x, entries.read(read.get("entry", [])))
            except entries.Stale:
                read = parse(body).resource  # the plan changed what it was made of
        raise Conflict("what the conditions match keeps changing; try again")


def _check_envelope(bundle: entries.Json) -> None:
    """Raise unless the Bundle is well formed around its resources, which are judged one by one."""
    found = bundle.get("entry", [])
    bare = bundle
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        emptied = [{k: v for k, v in item.items() if k != "resource"} or item for item in found]
        bare = bundle | ({"entry": emptied} if found else {})
    issues = validate(bare, "Bundle")
    if issues:
        raise BadRequest(issues=issues)


def _transaction(x: Exchange, items: list[Item]) -> Answer:
    plan = links.resolve(x, items)
    for item in plan:
        if item.resource is not None:
            entries.refuse(item, validate(item.resource, item.type))
    writes = [item for item in plan if item.method != "GET"]
    types = {item.type for item in writes}
    locks = [item.condition.lock for item in writes if item.condition is not None]
    ordered = sorted(writes, key=entries.order)
    early = links.named_early(ordered)

    def work(change: Change) -> dict[int, Written | Row]:
        done: dict[int, Written | Row] = {}
        for item in ordered:
            with entries.at(item):
                entries.still(item, change)
                if item.method != "POST" or item.found is None:
                    done[item.index] = _write(change, item, early)
        return done

    done = write(x.view, types, work, locks=locks, small=False) if writes else {}
    with x.view.tracer.together():
        answers = [_answer(x, item, done.get(item.index)) for item in plan]
    return Answer(200, response_bundle("transaction-response", answers, base=x.base))


def _write(change: Change, item: Item, early: frozenset[str]) -> Written | Row:
    match item.method:
        case "POST":
            named = f"{item.type}/{item.id}" in early
            return change.create(item.type, item.document(), item.id, named=named)
        case "PUT":
            if item.condition is not None and (item.resource or {}).get("id") != item.id:
                return change.create(item.type, item.document(), item.id)
            return change.put(item.type, item.id, item.document(), if_match=item.if_match)
        case "PATCH":
            edit = item.editor()
            return change.update(item.type, item.id, edit, if_match=item.if_match, method="PATCH")
        case _:
            return change.delete(item.type, item.id, if_match=item.if_match)


def _answer(x: Exchange, item: Item, done: Written | Row | None) -> Entry:
    match done:
        case Written(row, created, readable):
            told = readable and x.asks_for("representation") and x.view.seeing.knows(row)
            shown = row if created else x.view.shown(row)
            body = shown.raw if told else b""
            status = _STATUS[201 if created else 200]
            words = said(done) if x.preference == "OperationOutcome" else b""
            return Entry(row.ref, body, response=replace(_response(x, status, row), outcome=words))
        case Row():
            return Entry(response=Response(_STATUS[204], etag=f'W/"{done.version}"'))
        case _ if item.found is not None:
            x.view.met(item.found)
            return Entry(item.found.ref, response=_response(x, _STATUS[200], item.found))
        case _:
            # The writes stand by now: a read that is refused can't be the whole Bundle's refusal.
            try:
                with entries.at(item):
                    return _entry_of(single.run(x, item))
            except FhirError as error:
                return _refused(error)


def _refused(error: FhirError) -> Entry:
    return Entry(response=Response(str(error.status), outcome=outcome(error.issues)))


def _batch(x: Exchange, found: list[entries.Json]) -> Answer:
    answers = []
    refused = dependent(found)
    with x.view.tracer.together():
        for index, body in enumerate(found):
            try:
                if index in refused:
                    raise refused[index]
                answers.append(_entry_of(single.run(x, entries.read_one(index, body))))
            except FhirError as error:
                answers.append(_refused(error))
    return Answer(200, response_bundle("batch-response", answers, base=x.base))


def _response(x: Exchange, status: str, row: Row) -> Response:
    headers = version_headers(row)
    return Response(status, location(x.base, row), headers["ETag"], entries.instant(row))


def _entry_of(answer: Answer) -> Entry:
    """Return an interaction's answer as an entry of the response."""
    status = _STATUS.get(answer.status, str(answer.status))
    headers = answer.headers
    words, body = (answer.body, b"") if answer.told else (b"", answer.body)
    response = Response(status, headers.get("Location", ""), headers.get("ETag", ""), outcome=words)
    return Entry(resource=body, response=response)
