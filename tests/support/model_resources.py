"""The resources of a model, as the trusted system loads them: everything, or what is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fhir_server.demo.codes import ACT_REASON, VISIBILITY
from tests.support import resources as make
from tests.support.model import DOCUMENT, Clause, Model, Paper, Person
from tests.support.replies import Json, entry

OLD, NEW = "2024-03-01T10:00:00Z", datetime.now(UTC).isoformat(timespec="seconds")
PERIODS = {
    "": {},
    "past": {"start": "2019-01-01", "end": "2021-01-01"},
    "now": {"start": "2019-01-01", "end": "2099-01-01"},
    "future": {"start": "2097-01-01", "end": "2099-01-01"},
}
TEAM_ENDED = {"end": (datetime.now(UTC) - timedelta(days=9)).date().isoformat()}
OF_2024 = {"start": "2024-01-01", "end": "2024-12-31"}


def loads(model: Model, known: frozenset[str] | None = None) -> Iterator[list[Json]]:
    """Yield the transactions that make the world, or of it only what is in `known` (`Type/id`).

    The first writes everything; the second changes and deletes what has a past.
    """

    def kept(body: Json) -> bool:
        return known is None or f"{body['resourceType']}/{body['id']}" in known

    papers = [
        (paper, body)
        for place, paper in enumerate(model.papers)
        for body in _paper(model, place)
        if kept(body)
    ]
    first = [body for body in (*_people(model), *_agreements(model)) if kept(body)]
    first += [_once(paper, body) for paper, body in papers]
    first += [body for body in _pointers(model, known) if kept(body)]
    yield [_put(body) for body in first]
    changed = [_put(body) for paper, body in papers if _changes(paper, body)]
    changed += [
        entry("DELETE", _ref(body)) for paper, body in papers if paper.gone and _is_own(paper, body)
    ]
    yield changed


def _put(body: Json) -> Json:
    return entry("PUT", _ref(body), body)


def _ref(body: Json) -> str:
    return f"{body['resourceType']}/{body['id']}"


def _is_own(paper: Paper, body: Json) -> bool:
    return bool(body["resourceType"] == paper.kind)


def _changes(paper: Paper, body: Json) -> bool:
    return paper.once is not None and not paper.gone and _is_own(paper, body)


def _once(paper: Paper, body: Json) -> Json:
    """Return a paper as it was first written."""
    return _labelled(body, paper.once or ()) if _changes(paper, body) else body


def _labelled(body: Json, labels: tuple[str, ...]) -> Json:
    if body["resourceType"] == DOCUMENT:
        return body | {"securityLabel": [make.label(code) for code in ("N", *labels)]}
    bare = {name: value for name, value in body.items() if name != "meta"}
    return bare | ({"meta": security(*labels)} if labels else {})


def security(*labels: str) -> Json:
    return {"security": [{"code": code, "system": VISIBILITY} for code in labels]}


# people and their law ------------------------------------------------------------------------------


def _people(model: Model) -> Iterator[Json]:
    for place, person in enumerate(model.people):
        yield a_person(model, place, person)
        if person.team:
            members = [model.professionals[at] for at in person.team]
            rest = {"period": TEAM_ENDED} if person.team_over else {}
            yield make.a_care_team(model.patient(place), *members, id=model.id("t", place), **rest)


def a_person(model: Model, place: int, person: Person) -> Json:
    return make.a_patient(
        *(model.professionals[at] for at in person.attending),
        id=model.patient(place),
        active=person.active,
        birthDate="2015-06-01" if person.minor else "1988-03-05",
        identifier=[{"system": make.INS, "value": model.ins(place)}],
    )


def _agreements(model: Model) -> Iterator[Json]:
    for place, one in enumerate(model.agreements):
        root = _provision(model, one.root)
        yield make.a_consent(
            model.patient(one.of),
            root["type"],
            id=model.id("c", place),
            status=one.status,
            provision=root,
        )


def _provision(model: Model, one: Clause) -> Json:
    concerned = {} if one.actor is None else make.person(model.professionals[one.actor])
    data = []
    if one.paper is not None:
        data.append({"meaning": "instance", "reference": make.reference(model.ref(one.paper))})
    if one.author is not None:
        who = make.person(model.professionals[one.author])
        data.append({"meaning": "authoredby", "reference": who})
    types = "http://hl7.org/fhir/resource-types"
    found: Json = {
        "type": "permit" if one.permits else "deny",
        "period": PERIODS[one.when],
        "actor": [{"role": make.concept("IRCP"), "reference": concerned}] if concerned else [],
        "securityLabel": make.label(one.label)["coding"] if one.label else [],
        "purpose": [{"system": ACT_REASON, "code": one.purpose}] if one.purpose else [],
        "class": [{"system": types, "code": one.kind}] if one.kind else [],
        "code": [make.concept(one.type)] if one.type else [],
        "dataPeriod": OF_2024 if one.old else {},
        "data": data,
        "provision": [_provision(model, inner) for inner in one.nested],
    }
    return {name: value for name, value in found.items() if value not in ([], {})}


# papers --------------------------------------------------------------------------------------------


def _paper(model: Model, place: int) -> Iterator[Json]:
    paper = model.papers[place]
    patient, id_ = model.patient(paper.of), model.id("d", place)
    subject = make.reference(f"Patient/{patient}")
    rest: Json = {"id": id_, "subject": subject}
    if paper.labels:
        rest["meta"] = security(*paper.labels)
    match paper.kind:
        case "Observation":
            yield make.an_observation(patient, **rest)
        case "Condition":
            code = make.concept("J45.0", "http://hl7.org/fhir/sid/icd-10")
            dated = {"recordedDate": NEW if paper.recent else OLD}
            yield {"resourceType": "Condition", "code": code} | dated | rest
        case "MedicationRequest":
            drug = {"medicationCodeableConcept": {"text": "Amoxicilline"}}
            state = {"status": "active", "intent": "order"}
            dated = {"authoredOn": NEW if paper.recent else OLD}
            yield {"resourceType": "MedicationRequest"} | state | drug | dated | rest
        case _:
            yield from _document(model, place, paper)


def _document(model: Model, place: int, paper: Paper) -> Iterator[Json]:
    patient, id_ = model.patient(paper.of), model.id("d", place)
    document = make.Document(patient, id_, paper.type, ("N", *paper.labels))
    document = replace(document, date=NEW if paper.recent else OLD)
    if paper.author is not None:
        document = document.by(model.professionals[paper.author])
    if paper.replaces is not None:
        document = document.replacing(model.ref(paper.replaces))
    if paper.attached:
        binary = make.a_binary(id_.encode(), id=model.id("b", place))
        yield binary
        document = document.attached(f"Binary/{binary['id']}")
    yield document.json()


# what points ---------------------------------------------------------------------------------------


def _pointers(model: Model, known: frozenset[str] | None) -> Iterator[Json]:
    """Yield what points, without what is hidden (L36, L37)."""
    for place, one in enumerate(model.pointers):
        shown = [known is None or model.ref(at) in known for at in one.papers]
        refs = [model.ref(at) for at in one.papers]
        body = a_pointer(one.kind, model.patient(one.of), refs, shown)
        yield body | {"id": model.id("l", place)}


def a_pointer(kind: str, of: str, refs: list[str], shown: list[bool] | None = None) -> Json:
    """Return what points to `refs`, as it is when only those `shown` may be known.

    Lists lose an entry; a reference that stands alone becomes a display that says nothing.
    """
    shown = [True] * len(refs) if shown is None else shown
    kept = [ref for ref, is_shown in zip(refs, shown, strict=True) if is_shown]
    alone = [
        make.reference(ref) if is_shown else {"display": "-"}
        for ref, is_shown in zip(refs, shown, strict=True)
    ]
    items = [make.reference(ref) for ref in kept]
    patient = make.reference(f"Patient/{of}")
    match kind:
        case "Composition":
            found = make.a_composition(of, *kept)
        case "Provenance":
            found = make.a_provenance(of, *kept)
        case "Task":
            found = {"resourceType": "Task", "status": "requested", "intent": "order"}
            found |= {"focus": alone[0], "for": patient, "basedOn": alone[1:]}
        case "Communication":
            found = {"resourceType": "Communication", "status": "completed", "subject": patient}
            found |= {"about": items, "payload": [{"contentReference": one} for one in alone]}
        case _:
            found = make.a_list(of, *kept)
    return {name: value for name, value in found.items() if value != []}


def restricted(model: Model) -> Json:
    """Return a Bundle that the trusted system keeps for itself."""
    kept = make.a_composition(model.patient(0))
    inside = {"fullUrl": make.a_urn(), "resource": kept}
    stamp = {"identifier": {"system": "urn:x", "value": model.name}, "timestamp": OLD}
    bundle = {"resourceType": "Bundle", "id": model.id("z", 0), "type": "collection"}
    return bundle | stamp | {"entry": [inside]}
