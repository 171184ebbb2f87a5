"""A FHIR Consent as the record's own policy: https://hl7.org/fhir/R4/consent.html.

What is not understood exactly never widens access: the provision is kept with `exact` false, which
the kernel reads as a permit of nothing and as a deny without conditions. A Consent that is not
active, is refuted by its own verification, or is about something else than privacy, is no policy.
`consent/reading_provision.py` reads what a provision says; this module, when it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.consent.policy import FOREVER, ConsentPolicy, Period, Provision
from fhir_server.consent.reading_context import Context, Doubt, Linked
from fhir_server.consent.reading_provision import codes, read_provision

__all__ = ["Context", "Doubt", "Linked", "Reading", "read_consent", "reading"]

Json = Mapping[str, Any]

PRIVACY: Final = "patient-privacy"
_OTHER_SCOPES: Final = frozenset({"research", "treatment", "adr"})
_OPT_OUT: Final = frozenset({"OPTOUT"})
MASK: Final = "https://fhir-server.example.org/StructureDefinition/consent-mask-document"
"""The profile that says of a deny that it masks documents as R43 means it."""
_PCF: Final = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consent"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a Consent says to the engine, None for nothing, and what of it was not understood."""

    policy: ConsentPolicy | None
    doubts: tuple[Doubt, ...] = ()


def read_consent(
    resource: Json, *, version: int, updated: int, context: Context
) -> ConsentPolicy | None:
    """Return what `resource` says to the engine, or None when it says nothing to it."""
    return reading(resource, version=version, updated=updated, context=context).policy


def reading(resource: Json, *, version: int, updated: int, context: Context) -> Reading:
    """Return what `resource` says to the engine; `updated` is the instant of this version."""
    if resource.get("status") != "active":
        return Reading(None)
    root, doubts = _root(resource, context)
    if root is None:
        return Reading(None)
    for name in ("modifierExtension", "implicitRules"):
        if name in resource:
            root = replace(root, exact=False)
            doubts.append(Doubt(f"Consent.{name}", "it may change the meaning of everything"))
    if not _is_about_access(resource, root):
        scope = Doubt("Consent.scope", "it is no Consent about access, or is refuted", fatal=False)
        return Reading(None, (*doubts, scope))
    if root.permits and not root.names_actor:
        nobody = "a permit that names nobody opens nothing"
        doubts.append(Doubt("Consent.provision.actor", nobody, fatal=False))
    start = _start(resource, updated, context)
    in_force = _in_force(root, start, context)
    masks = _masks(resource, root)
    policy = ConsentPolicy(str(resource.get("id", "")), version, in_force, root, masks)
    return Reading(policy, tuple(doubts))


def _root(resource: Json, context: Context) -> tuple[Provision | None, list[Doubt]]:
    """Return the root provision; an opt-out without any is a deny of everything.

    `policyRule` is the base that provisions are exceptions to. Without provisions, the base is all
    there is: an opt-in then says nothing, because who may read is named (R15, R16).
    """
    body = resource.get("provision")
    if isinstance(body, Mapping):
        doubts: list[Doubt] = []
        pcf = any(profile.startswith(_PCF) for profile in _profiles(resource))
        root = read_provision(body, context, "Consent.provision", doubts, pcf=pcf)
        return root, doubts
    if _OPT_OUT.intersection(codes([resource.get("policyRule", {})])):
        return Provision(permits=False), []
    return None, []


def _profiles(resource: Json) -> list[str]:
    """Return the profiles that the Consent claims, without their versions."""
    claimed = resource.get("meta", {}).get("profile", ())
    return [str(url).partition("|")[0] for url in claimed]


def _masks(resource: Json, root: Provision) -> bool:
    """Tell whether the Consent masks documents: it claims the profile and says nothing else."""
    bare = Provision(
        permits=False, period=root.period, instances=root.instances, referring=root.referring
    )
    return MASK in _profiles(resource) and bool(root.instances) and root == bare


def _is_about_access(resource: Json, root: Provision) -> bool:
    """Tell whether the scope is privacy and, for a permit, no verification refutes it."""
    scope = codes([resource.get("scope", {})])
    if root.permits:
        refuted = any(item.get("verified") is False for item in resource.get("verification", ()))
        return PRIVACY in scope and not refuted
    return not (scope and set(scope) <= _OTHER_SCOPES)


def _start(resource: Json, updated: int, context: Context) -> int:
    given = resource.get("dateTime")
    return context.when(given)[0] if isinstance(given, str) else updated


def _in_force(root: Provision, start: int, context: Context) -> Period:
    """Bound an authorisation: it begins with the Consent, and ends by itself when no end is set.

    A deny lasts until it is withdrawn, and holds from the moment it is known. So do the denies in
    a permit that names nobody: they are all that it says.
    """
    if not root.permits or not root.names_actor:
        return Period()
    end = FOREVER if root.period.end < FOREVER else start + context.lifetime
    return Period(start, end)
