"""What a record says about itself: links, Consents and status, as values a decision can read.

A `RecordPolicy` is compiled when a Patient, a CareTeam or a Consent is written, in the same
transaction, and stored as JSON beside its version; no decision outlives that version (L50).
Instants are microseconds since the epoch; periods are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FOREVER = 2**62
UNKNOWABLE = "?"
"""Stands among caller keys for an actor whose members no list can name; no caller has it."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (included) to `end` (excluded)."""

    start: int = -FOREVER
    end: int = FOREVER

    def covers(self, at: int) -> bool:
        """Tell whether `at` falls inside."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Provision:
    """One `Consent.provision`, any depth (https://hl7.org/fhir/R4/consent.html).

    `actors` are caller keys, `()` when the provision names none. `codes` are document types, and
    `system|code` of what is coded otherwise (`*` for any system). `instances` and `referring` are
    `Type/id`: the very resources, and those for what refers to them. `exact` is false when
    something in it was not understood: such a provision never permits, and denies without its
    conditions.
    """

    permits: bool
    period: Period = Period()
    actors: tuple[str, ...] = ()
    names_actor: bool = False
    purposes: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    data_period: Period | None = None
    instances: tuple[str, ...] = ()
    authored_by: tuple[str, ...] = ()
    referring: tuple[str, ...] = ()
    exact: bool = True
    nested: tuple[Provision, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """One Consent that is active, with the period in which it is in force.

    `masks`: it is the holder's mask of documents (R43), which spares author and attending doctor
    (R44), and no deny to everybody.
    """

    id: str
    version: int
    in_force: Period
    root: Provision
    masks: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A standing tie between a caller key and the record, and the resource that says so."""

    key: str
    via: str
    source: str
    period: Period = Period()


@dataclass(frozen=True, slots=True)
class Session:
    """An emergency that a professional opened on the record, for as long as `period` (R63).

    `key` is theirs; `client` the one software it may be used in, or empty for any; `task` the
    `Task/id` under which it is reviewed, and `reason` the words given.
    """

    key: str
    client: str
    task: str
    reason: str
    period: Period


@dataclass(frozen=True, slots=True)
class RecordPolicy:
    """Everything about one record that a decision may rest on.

    `via` of a link is `attending` (R20), `care-team` (R16), `protection` (R57), or `group` for who
    belongs to a Group, or fills a PractitionerRole for a time, that a Consent names: that opens
    nothing by itself. `of_age` is the instant of the holder's majority, for ever away when no birth
    date tells it.
    """

    patient: str
    version: str
    closed: bool = False
    links: tuple[Link, ...] = ()
    consents: tuple[ConsentPolicy, ...] = ()
    sessions: tuple[Session, ...] = ()
    of_age: int = FOREVER

    def keys(self) -> frozenset[str]:
        """Return every caller key to which this record grants something, whenever."""
        found = {link.key for link in self.links} | {session.key for session in self.sessions}
        for consent in self.consents:
            if consent.root.permits:
                found.update(consent.root.actors)
        return frozenset(found)


def as_json(policy: RecordPolicy) -> dict[str, Any]:
    """Write `policy` as plain JSON values."""
    return {
        "closed": policy.closed,
        "of_age": policy.of_age,
        "links": [
            [link.key, link.via, link.source, link.period.start, link.period.end]
            for link in policy.links
        ],
        "consents": [
            {
                "id": consent.id,
                "version": consent.version,
                "period": [consent.in_force.start, consent.in_force.end],
                "root": _provision_json(consent.root),
                "masks": consent.masks,
            }
            for consent in policy.consents
        ],
        "sessions": [
            [one.key, one.client, one.task, one.reason, one.period.start, one.period.end]
            for one in policy.sessions
        ],
    }


def from_json(patient: str, version: str, body: Mapping[str, Any]) -> RecordPolicy:
    """Read what `as_json` wrote; raises `KeyError` or `ValueError` on anything else.

    A policy that was compiled before majority was looked at counts as of an adult: fail closed.
    """
    return RecordPolicy(
        patient=patient,
        version=version,
        closed=body["closed"],
        of_age=body.get("of_age", -FOREVER),
        links=tuple(
            Link(key, via, source, Period(start, end))
            for key, via, source, start, end in body["links"]
        ),
        consents=tuple(
            ConsentPolicy(
                id=item["id"],
                version=item["version"],
                in_force=Period(*item["period"]),
                root=_provision(item["root"]),
                masks=item.get("masks", False),
            )
            for item in body["consents"]
        ),
        # A policy that was compiled before there were sessions has none.
        sessions=tuple(
            Session(key, client, task, reason, Period(start, end))
            for key, client, task, reason, start, end in body.get("sessions", ())
        ),
    )


_LISTS = (
    *("actors", "purposes", "actions", "labels", "classes", "codes"),
    *("instances", "authored_by", "referring"),
)


def _provision_json(provision: Provision) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: list(values) for name in _LISTS if (values := getattr(provision, name))
    }
    body["permits"] = provision.permits
    body["period"] = [provision.period.start, provision.period.end]
    body["names_actor"] = provision.names_actor
    body["exact"] = provision.exact
    if provision.data_period is not None:
        body["data_period"] = [provision.data_period.start, provision.data_period.end]
    if provision.nested:
        body["nested"] = [_provision_json(inner) for inner in provision.nested]
    return body


def _provision(body: Mapping[str, Any]) -> Provision:
    data_period = body.get("data_period")
    return Provision(
        permits=body["permits"],
        period=Period(*body["period"]),
        names_actor=body["names_actor"],
        exact=body["exact"],
        data_period=Period(*data_period) if data_period else None,
        nested=tuple(_provision(inner) for inner in body.get("nested", ())),
        **{name: tuple(body.get(name, ())) for name in _LISTS},
    )
