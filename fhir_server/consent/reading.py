"""A FHIR Consent as the record's own policy: https://hl7.org/fhir/R4/consent.html.

What is not understood exactly never widens access: the provision is kept with `exact` false, which
the kernel reads as a permit of nothing and as a deny without conditions. A Consent that is not
active, is refuted by its own verification, or is about something else than privacy, is no policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.consent.policy import FOREVER, ConsentPolicy, Period, Provision

Json = Mapping[str, Any]

PRIVACY: Final = "patient-privacy"
_OTHER_SCOPES: Final = frozenset({"research", "treatment", "adr"})
_ACTIONS: Final = frozenset({"collect", "access", "use", "disclose", "correct"})
_UNDERSTOOD: Final = frozenset(
    {"id", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code"}
    | {"dataPeriod", "data", "provision"}
)
_INSTANCE: Final = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
"""The one way of writing an instance that the fact `ref` can be compared with."""
_RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
_ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_KNOWN_PURPOSES: Final = frozenset(
    {"TREAT", "BTG", "ETREAT", "PATRQT", "HPAYMT", "HOPERAT", "HRESCH", "PUBHLTH", "HMARKT"}
)


@dataclass(frozen=True, slots=True)
class Context:
    """What reading depends on: who a reference stands for, when a partial date is, how long.

    `who` returns the caller keys of a Reference object; `when` the interval of a date;
    `lifetime` how long an authorisation lasts that names no end (R21), in microseconds.
    """

    who: Callable[[Json], frozenset[str]]
    when: Callable[[str], tuple[int, int]]
    lifetime: int


def read_consent(
    resource: Json, *, version: int, updated: int, context: Context
) -> ConsentPolicy | None:
    """Return what `resource` says to the engine, or None when it says nothing to it."""
    provision = resource.get("provision")
    scope = _codes([resource.get("scope", {})])
    if resource.get("status") != "active" or not isinstance(provision, Mapping):
        return None
    root = _provision(provision, context)
    if "modifierExtension" in resource or "implicitRules" in resource:
        root = replace(root, exact=False)
    if root.permits:
        refuted = any(item.get("verified") is False for item in resource.get("verification", ()))
        if PRIVACY not in scope or refuted:
            return None
    elif scope and set(scope) <= _OTHER_SCOPES:
        return None
    start = _start(resource, updated, context)
    return ConsentPolicy(str(resource["id"]), version, _in_force(root, start, context), root)


def _start(resource: Json, updated: int, context: Context) -> int:
    given = resource.get("dateTime")
    return context.when(given)[0] if isinstance(given, str) else updated


def _in_force(root: Provision, start: int, context: Context) -> Period:
    """Bound an authorisation: it begins with the Consent, and ends by itself when no end is set.

    A deny lasts until it is withdrawn, and holds from the moment it is known.
    """
    if not root.permits:
        return Period()
    end = FOREVER if root.period.end < FOREVER else start + context.lifetime
    return Period(start, end)


def _provision(body: Json, context: Context) -> Provision:
    exact = set(body) <= _UNDERSTOOD and body.get("type") in ("permit", "deny")
    period, period_exact = _period(body.get("period"), context)
    data_period, data_exact = _period(body.get("dataPeriod"), context)
    actors = [item.get("reference", {}) for item in body.get("actor", ())]
    instances, authors, data_known = _data(body.get("data", ()), context)
    purposes = _purposes(body.get("purpose", ()))
    actions = _codes(body.get("action", ()))
    classes, classes_known = _classes(body.get("class", ()))
    labels = _codes([{"coding": body.get("securityLabel", ())}])
    concepts = (*body.get("action", ()), *body.get("code", ()))
    parts = (*body.get("actor", ()), *body.get("data", ()))
    known = (
        period_exact
        and data_exact
        and data_known
        and classes_known
        and purposes is not None
        and set(actions) <= _ACTIONS
        and all(_codes([concept]) for concept in concepts)
        and not any("modifierExtension" in part for part in parts)
        and len(labels) == len(body.get("securityLabel", ()))
    )
    return Provision(
        permits=body.get("type") != "deny",
        period=period or Period(),
        actors=tuple(sorted({key for actor in actors for key in context.who(actor)})),
        names_actor=bool(body.get("actor")),
        purposes=purposes or (),
        actions=actions if set(actions) <= _ACTIONS else (),
        labels=labels,
        classes=classes,
        codes=_codes(body.get("code", ())),
        data_period=data_period,
        instances=instances,
        authored_by=authors,
        exact=exact and known,
        nested=tuple(_provision(inner, context) for inner in body.get("provision", ())),
    )


def _period(body: Any, context: Context) -> tuple[Period | None, bool]:
    if body is None:
        return None, True
    try:
        start = context.when(body["start"])[0] if "start" in body else -FOREVER
        end = context.when(body["end"])[1] if "end" in body else FOREVER
    except (ValueError, TypeError):
        return None, False
    return Period(start, end), bool({"start", "end"} & set(body))


def _codes(concepts: Any) -> tuple[str, ...]:
    found = {
        coding["code"]
        for concept in concepts
        for coding in concept.get("coding", ())
        if coding.get("code")
    }
    return tuple(sorted(found))


def _purposes(codings: Any) -> tuple[str, ...] | None:
    """Return the v3-ActReason codes, or None when one is of another system or unknown."""
    for coding in codings:
        if coding.get("system") != _ACT_REASON or coding.get("code") not in _KNOWN_PURPOSES:
            return None
    return tuple(sorted({coding["code"] for coding in codings}))


def _classes(codings: Any) -> tuple[tuple[str, ...], bool]:
    """Return resource types and document class codes; a profile as class is not understood."""
    known = all(
        coding.get("code")
        and (
            coding.get("system") == _RESOURCE_TYPES or "ClasseDocument" in coding.get("system", "")
        )
        for coding in codings
    )
    return tuple(sorted({coding.get("code", "") for coding in codings} - {""})), known


def _data(items: Any, context: Context) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    instances: set[str] = set()
    authors: set[str] = set()
    known = True
    for item in items:
        reference = item.get("reference", {})
        match item.get("meaning"):
            case "instance" if _INSTANCE.fullmatch(reference.get("reference", "")):
                instances.add(reference["reference"])
            case "authoredby" if named := context.who(reference):
                authors |= named
            case _:
                known = False
    return tuple(sorted(instances)), tuple(sorted(authors)), known
