"""What a caller may know of a model, by the naive oracle (`tests/oracle/consent.py`).

The facts and the policies are written down from the model, not read from any resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fhir_server.consent.policy import ConsentPolicy, Link, Period, Provision, RecordPolicy
from fhir_server.consent.requester import Requester
from fhir_server.fhir.dates import interval
from fhir_server.records.rulesets import shipped_matrix
from tests.oracle.consent import Oracle
from tests.support.model import DOCUMENT, TYPES, Clause, Model
from tests.support.model_resources import NEW, OF_2024, OLD, PERIODS
from tests.support.replies import Json

DEPOSITOR = "kind:trusted-system"
DAY = 86_400_000_000
LAW = ("Patient", "CareTeam", "Consent")


def known(model: Model, who: Requester) -> frozenset[str]:
    """Return `Type/id` of all that `who` may know, or has authored and so knows of (R22)."""
    authored = {ref for ref, one in facts(model).items() if who.keys & set(one["authors"])}
    return readable(model, who) | authored


def readable(model: Model, who: Requester) -> frozenset[str]:
    """Return `Type/id` of all that `who` may know."""
    matrix = shipped_matrix()
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    policies = [_policy(model, at) for at in range(len(model.people))]
    oracle = Oracle(who, policies, matrix.readable, matrix.rows, now)
    return frozenset(ref for ref, one in facts(model).items() if oracle.may_know(one))


def needed(model: Model, who: Requester) -> frozenset[str]:
    """Return `known`, and of the law that `who` may not know, what decides of the rest.

    A Consent that hides one document from a caller who knows others stays in the world without:
    unseen, it is the rule by which that world is made. What decides nothing goes, and so does the
    law of every record of which the caller knows nothing.
    """
    all_ = facts(model)
    shown = known(model, who)
    records = {all_[ref]["patient"] for ref in shown}
    inert = {f"Consent/{model.id('c', at)}" for at in _without_effect(model)}
    inert |= {
        f"CareTeam/{model.id('t', at)}" for at, one in enumerate(model.people) if one.team_over
    }
    law = {
        ref
        for ref, one in all_.items()
        if ref.split("/")[0] in LAW and one["patient"] in records and ref not in inert
    }
    return shown | law


def _without_effect(model: Model) -> Iterator[int]:
    for place, one in enumerate(model.agreements):
        if one.status != "active" or one.root.when in ("past", "future"):
            yield place


# the law -------------------------------------------------------------------------------------------


def _policy(model: Model, place: int) -> RecordPolicy:
    person, patient = model.people[place], model.patient(place)
    team = f"CareTeam/{model.id('t', place)}"
    links = [
        Link(model.key(at), "attending", f"Patient/{patient}")
        for at in person.attending
        if model.professionals[at].rpps
    ]
    ended = Period(end=interval(NEW)[0] - 8 * DAY) if person.team_over else Period()
    links += [Link(model.key(at), "care-team", team, ended) for at in person.team]
    consents = [
        ConsentPolicy(model.id("c", at), 1, Period(), _provision(model, one.root))
        for at, one in enumerate(model.agreements)
        if one.of == place and one.status == "active"
    ]
    return RecordPolicy(patient, "1", not person.active, tuple(links), tuple(consents))


def _provision(model: Model, one: Clause) -> Provision:
    return Provision(
        permits=one.permits,
        period=_period(PERIODS[one.when]),
        actors=() if one.actor is None else (model.key(one.actor),),
        names_actor=one.actor is not None,
        purposes=_some(one.purpose),
        labels=_some(one.label),
        classes=_some(one.kind),
        codes=_some(one.type),
        data_period=_period(OF_2024) if one.old else None,
        instances=() if one.paper is None else (model.ref(one.paper),),
        authored_by=() if one.author is None else (model.key(one.author),),
        nested=tuple(_provision(model, inner) for inner in one.nested),
    )


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _period(body: Mapping[str, str]) -> Period:
    """Read what the models use: whole days, in the time of Paris as the server reads them."""
    return Period(interval(body["start"])[0], interval(body["end"])[1]) if body else Period()


# facts ---------------------------------------------------------------------------------------------


def facts(model: Model) -> dict[str, Json]:
    """Return the facts of everything in `model`, by `Type/id`."""
    found = dict(_law(model))
    for place in range(len(model.papers)):
        found |= _paper(model, place)
    for place, one in enumerate(model.pointers):
        ref = model.pointer(place)
        targets = [_target(model, found, at) for at in one.papers]
        found |= _note(model, ref, "pointer", one.of, targets=targets, classes=[one.kind])
    return found


def _note(model: Model, ref: str, governance: str, of: int, **more: Any) -> dict[str, Json]:
    given = {
        "ref": ref,
        "governance": governance,
        "patient": model.patient(of),
        "labels": ["N"],
        "authors": [DEPOSITOR],
        "owner": DEPOSITOR,
        "classes": [ref.split("/")[0]],
        "deposited": 0,
    }
    return {ref: given | more}


def _law(model: Model) -> Iterator[tuple[str, Json]]:
    def notes() -> Iterator[dict[str, Json]]:
        for place, person in enumerate(model.people):
            yield _note(model, f"Patient/{model.patient(place)}", "patient", place)
            if person.team:
                yield _note(model, f"CareTeam/{model.id('t', place)}", "careteam", place)
        for place, one in enumerate(model.agreements):
            yield _note(model, f"Consent/{model.id('c', place)}", "policy", one.of)

    for note in notes():
        yield from note.items()


def _paper(model: Model, place: int) -> dict[str, Json]:
    paper, ref = model.papers[place], model.ref(place)
    is_document = paper.kind == DOCUMENT
    authors = [] if paper.author is None or not is_document else [model.key(paper.author)]
    # Only of a document does the importing system say when it was deposited.
    day = interval((NEW if paper.recent else OLD) if is_document else NEW)[0]
    found = _note(
        model,
        ref,
        "record",
        paper.of,
        types=[paper.type if is_document else TYPES[paper.kind]],
        labels=model.labels(place),
        authors=[DEPOSITOR, *authors],
        deposited=day,
        dated=_dated(model, place),
    )
    if paper.attached:
        # Who authored the document did not deposit its attachment.
        binary = f"Binary/{model.id('b', place)}"
        found |= _note(model, binary, "binary", paper.of, targets=[found[ref]])
    return found


def _dated(model: Model, place: int) -> Iterable[Json]:
    """Return the paper's own date: its search parameter `date`, which others have not."""
    paper = model.papers[place]
    match paper.kind:
        case "DocumentReference":
            text = NEW if paper.recent else OLD
        case "Observation":
            text = "2024-03-01"
        case _:
            return []
    low, high = interval(text)
    return [{"lo": low, "hi": high}]


def _target(model: Model, found: Mapping[str, Json], place: int) -> Json:
    """Return the facts of a paper as a pointer has them; of one that is gone, its reference."""
    ref = model.ref(place)
    return {"ref": ref} if model.papers[place].gone else found[ref]
