"""Who may write what (R22-R26, R43-R45, R52, R54, R61, R82-R85; L31-L33).

Feeding a record needs no authorisation to read it (R22). What is there is changed by its author;
others may, at most, change its visibility labels, within their right. A refusal is `Forbidden`
when the caller may know the resource, and `NotFound` when not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.requester import Kind, Requester
from fhir_server.fhir.errors import Forbidden, MethodNotAllowed, Unprocessable
from fhir_server.records.facts import OWN, labels
from fhir_server.records.governance import governance

Json = Mapping[str, Any]

SERVER: Final = "kind:server"
"""Owner of the entries of the access log."""
HOLDERS: Final = frozenset({Kind.PATIENT, Kind.REPRESENTATIVE})
_FEEDERS: Final = frozenset(
    {
        Kind.PROFESSIONAL,
        Kind.ESTABLISHMENT_SOFTWARE,
        Kind.REFERENCED_SERVICE,
        Kind.HEALTH_INSURANCE_FEED,
    }
)
_CLINICAL: Final = frozenset({"record", "pointer", "binary"})
_LAW: Final = frozenset({"policy", "careteam"})
_OUTSIDE: Final = frozenset({"directory", "knowledge"})
_IS_ARCHIVED: Final = (
    "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived"
)
_METADATA: Final = frozenset({"securityLabel", "meta", "status", "extension"})
"""What transactions 03/04 of PDSm may change: labels, status and isArchived, nothing else."""


def create(
    requester: Requester, type_: str, acl: Json, *, attending: bool, admitted: bool = False
) -> None:
    """Refuse, or let a resource with these facts be added.

    `admitted`: the holder lets a caller add whose kind feeds nothing by itself (R32).
    """
    if requester.kind is Kind.TRUSTED_SYSTEM:
        return
    kind = governance()[type_].kind
    own = acl.get(facts.PATIENT) == requester.patient != ""
    if kind in _CLINICAL and (requester.kind in _FEEDERS or admitted):
        allowed = True
    elif kind in _CLINICAL | _LAW and requester.kind in HOLDERS:
        allowed = own or (kind == "binary" and facts.PATIENT not in acl)
    elif kind in _LAW:
        allowed = requester.kind is Kind.PROFESSIONAL and attending
    else:
        allowed = kind in _OUTSIDE and requester.kind is Kind.ADMINISTRATOR
    if not allowed:
        raise Forbidden(f"this caller may not create {type_} resources here")
    if kind in _CLINICAL and kind != "binary" and facts.PATIENT not in acl:
        raise Unprocessable(
            "the resource must name the one patient whose record it belongs to",
            code="business-rule",
            expression=f"{type_}.subject",
        )
    _cumulation(acl)


def owns(requester: Requester, acl: Json) -> bool:
    """Tell whether the caller is an author, or deposited it."""
    return bool(requester.keys.intersection(acl[facts.AUTHORS]))


def touch(requester: Requester, type_: str, acl: Json, *, attending: bool) -> None:
    """Refuse who may change nothing of a resource with these facts, whatever the change would be.

    Asked before a patch looks at it: what a patch tests, or finds at its paths, would tell of
    entries that its reader is not shown (L28).
    """
    _append_only(acl)
    if requester.kind is Kind.TRUSTED_SYSTEM or _governs(requester, type_, attending=attending):
        return
    if governance()[type_].kind not in _CLINICAL:
        raise Forbidden(f"this caller may not change {type_} resources")
    if type_ != "DocumentReference" and not owns(requester, acl):
        raise _only_its_author()


def update(
    requester: Requester,
    type_: str,
    old: Json,
    new: Json,
    acl: tuple[Json, Json],
    *,
    attending: bool,
) -> None:
    """Refuse, or let `old` become `new`; `acl` are the facts before and after.

    Only for a resource that the caller may know or has authored.
    """
    before, after = acl
    touch(requester, type_, before, attending=attending)
    if requester.kind is Kind.TRUSTED_SYSTEM:
        return
    if before.get(facts.PATIENT) != after.get(facts.PATIENT):
        raise Forbidden("a resource may not move to another record")
    if _governs(requester, type_, attending=attending):
        return
    if not owns(requester, before):
        _metadata_only(type_, old, new)
    _labels(requester, before, set(before[OWN]), labels(new), attending=attending)
    _cumulation(after)


def delete(requester: Requester, type_: str, acl: Json, *, attending: bool) -> None:
    """Refuse, or let a known resource be deleted: by its author only (R83)."""
    kind = governance()[type_].kind
    _append_only(acl)
    if requester.kind is Kind.TRUSTED_SYSTEM or _governs(requester, type_, attending=attending):
        return
    if kind not in _CLINICAL or not owns(requester, acl):
        raise Forbidden("only the author of a resource may delete it")


def _governs(requester: Requester, type_: str, *, attending: bool) -> bool:
    """Tell whether resources of `type_` are the caller's to keep, whoever wrote them (R25)."""
    kind = governance()[type_].kind
    if kind in _LAW:
        return requester.kind in HOLDERS or attending
    return kind in _OUTSIDE and requester.kind is Kind.ADMINISTRATOR


def _append_only(acl: Json) -> None:
    """Refuse to touch what the server itself wrote, its log above all, whoever asks (R71)."""
    if acl[facts.OWNER] == SERVER:
        raise MethodNotAllowed(
            "what the server itself wrote, such as the access log, is changed by nobody",
            headers={"Allow": "GET, HEAD"},
        )


def _metadata_only(type_: str, old: Json, new: Json) -> None:
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    if type_ == "DocumentReference" and changed <= _METADATA and _same_but_archived(old, new):
        if "status" in changed:
            raise Forbidden("only the author of a document may change its status")
        return
    raise _only_its_author()


def _only_its_author() -> MethodNotAllowed:
    return MethodNotAllowed(
        "only the author may change this resource; others may change the labels of a "
        "DocumentReference, by PATCH",
        headers={"Allow": "GET, HEAD, PATCH"},
    )


def _same_but_archived(old: Json, new: Json) -> bool:
    """Tell whether the extensions differ by `isArchived` at most, and `meta` by its labels."""

    def kept(resource: Json) -> list[Any]:
        return [e for e in resource.get("extension", ()) if e.get("url") != _IS_ARCHIVED]

    def tags(resource: Json) -> list[Any]:
        meta = resource.get("meta", {})
        return [meta.get(name) for name in ("profile", "tag", "source", "extension")]

    return kept(old) == kept(new) and tags(old) == tags(new)


def _labels(
    requester: Requester, acl: Json, before: set[str], after: set[str], *, attending: bool
) -> None:
    """Refuse a label that this caller may not set or lift (L32)."""
    holder = requester.kind in HOLDERS
    author = owns(requester, acl)
    added, lifted = after - before, before - after
    if facts.MASQUE_PS in lifted and not (holder or author or attending):
        raise Forbidden("only the holder, the author or the attending doctor may unmask a document")
    if facts.INVISIBLE_PATIENT in added | lifted and holder:
        raise Forbidden("only a professional decides on an announcement consultation")
    hidden_from_parents = facts.INVISIBLE_REPRESENTANTS_LEGAUX
    if hidden_from_parents in lifted and (
        requester.kind is Kind.REPRESENTATIVE or not (holder or author)
    ):
        raise Forbidden("only the minor or the author may show a document to the representatives")
    plain = facts.CONFIDENTIALITY_LABELS
    if not author and (added | lifted) & plain:
        raise Forbidden("only the author may change the confidentiality of a document")


def _cumulation(acl: Json) -> None:
    """Refuse a document masked to professionals and invisible to the patient at once (R52)."""
    if {facts.MASQUE_PS, facts.INVISIBLE_PATIENT} <= set(acl[OWN]):
        raise Unprocessable(
            "a document can't be both masked to professionals and invisible to the patient",
            code="business-rule",
            expression="DocumentReference.securityLabel",
        )
