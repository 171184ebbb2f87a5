"""Which provisions of a record's stored Consents have no effect, or another than was meant.

A Consent is never refused for what this server can't read (R4 allows it); here its keeper is told.
Nothing is said of what a Consent is about: names are `Consent/id` and the place inside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fhir_server.consent.linting import Finding
from fhir_server.consent.policy import ConsentPolicy, Period, Provision, RecordPolicy


def lint_record(policy: RecordPolicy, at: int, types: Collection[str]) -> Iterator[Finding]:
    """Yield findings on the Consents of `policy` at `at`; `types` are the known document types."""
    for consent in policy.consents:
        where = f"Consent/{consent.id}"
        if _over(consent.in_force, at) or _over(consent.root.period, at):
            yield Finding(False, where, "is over: it says nothing any more")
            continue
        yield from _permit_without_name(consent, where)
        yield from _provision(consent.root, where, "provision", types)
    yield from _contradictions(policy, at)


def _permit_without_name(consent: ConsentPolicy, where: str) -> Iterator[Finding]:
    if consent.root.permits and not consent.root.names_actor:
        yield Finding(False, where, "permits and names nobody: it opens nothing")


def _provision(
    provision: Provision, where: str, path: str, types: Collection[str]
) -> Iterator[Finding]:
    if not provision.exact:
        effect = "permits nothing" if provision.permits else "denies without its conditions"
        yield Finding(True, where, f"`{path}` is not understood exactly: it {effect}")
    if provision.names_actor and not provision.actors:
        yield Finding(True, where, f"`{path}` names nobody that this server can recognise")
    for code in sorted(set(provision.codes) - set(types)):
        yield Finding(True, where, f"`{path}` names the document type `{code}`, which none has")
    for span, name in ((provision.period, "period"), (provision.data_period, "dataPeriod")):
        if span is not None and span.start >= span.end:
            yield Finding(True, where, f"`{path}.{name}` ends before it begins")
    for number, inner in enumerate(provision.nested):
        inside = f"{path}.provision[{number}]"
        if words := _dead(provision, inner):
            yield Finding(False, where, f"`{inside}` has no effect: {words}")
        yield from _provision(inner, where, inside, types)


def _dead(outer: Provision, inner: Provision) -> str:
    """Say why `inner`, an exception to `outer`, can never be one."""
    if outer.exact and not _meet(outer.period, inner.period):
        return "its period lies outside the provision around it"
    both = outer.names_actor and inner.names_actor
    if both and not set(outer.actors) & set(inner.actors):
        return "it names others than the provision around it"
    return ""


def _contradictions(policy: RecordPolicy, at: int) -> Iterator[Finding]:
    """Name each authorisation whose every actor another Consent blocks without condition."""
    blocks = [
        consent
        for consent in policy.consents
        if not consent.root.permits
        and _blocks(consent.root, at)
        and not _over(consent.in_force, at)
    ]
    for consent in policy.consents:
        named = set(consent.root.actors)
        if not consent.root.permits or not named or _over(consent.in_force, at):
            continue
        for block in blocks:
            if not block.root.names_actor or named <= set(block.root.actors):
                words = f"permits whom Consent/{block.id} blocks: the block wins (R24)"
                yield Finding(False, f"Consent/{consent.id}", words)


def _blocks(root: Provision, at: int) -> bool:
    conditions = (root.purposes, root.actions, root.labels, root.classes, root.codes)
    narrow = (*conditions, root.instances, root.authored_by, root.nested)
    return root.period.covers(at) and root.data_period is None and not any(narrow)


def _over(period: Period, at: int) -> bool:
    return period.end <= at


def _meet(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end
