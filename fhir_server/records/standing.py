"""Who may still act for a record, who is let add to it, and what a secret connection takes.

Asked beside `authority`, which says what a kind of caller may do: these depend on the record at
this instant (R32, R57) or on the connection (R60).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.requester import Kind, Requester
from fhir_server.fhir.errors import Unprocessable
from fhir_server.records.facts import OWN
from fhir_server.records.governance import governance
from fhir_server.records.view import View

Json = Mapping[str, Any]

_DEPOSITS: Final = frozenset({"record", "pointer", "binary"})


def represents(view: View, acl: Json) -> bool:
    """Tell whether a representative may still act in the record of `acl` (R57); others always."""
    patient = acl.get(facts.PATIENT)
    if view.requester.kind is not Kind.REPRESENTATIVE or patient is None:
        return True
    return "legal-representative" in view.seeing.sight((patient,)).rules_used()


def admitted(view: View, acl: Json) -> bool:
    """Tell whether the holder's express consent lets occupational medicine add (R32)."""
    patient = acl.get(facts.PATIENT)
    if view.requester.kind is not Kind.OCCUPATIONAL_MEDICINE or patient is None:
        return False
    sight = view.seeing.sight((patient,))
    excluded = view.requester.kind in sight.rule_set.excluded
    return not excluded and "authorised" in sight.rules_used()


def secret_deposit(requester: Requester, type_: str, acl: Json) -> None:
    """Refuse what a secret connection deposits in the sight of the representatives (R60).

    Whoever the record is of: to ask their age would tell it to who does not know the record.
    """
    if not requester.secret or governance()[type_].kind not in _DEPOSITS:
        return
    inside = facts.PATIENT in acl
    if inside and facts.INVISIBLE_REPRESENTANTS_LEGAUX not in acl[OWN]:
        at = "securityLabel" if type_ == "DocumentReference" else "meta.security"
        raise Unprocessable(
            "in a secret connection, what is deposited bears the label "
            "`INVISIBLE_REPRESENTANTS_LEGAUX`",
            code="business-rule",
            expression=f"{type_}.{at}",
        )
