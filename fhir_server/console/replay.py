"""`fhir-server replay`: verify decision receipts, and decide again from the stored history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

from fhir_server.consent.requester import TRUSTED
from fhir_server.console.questions import opened
from fhir_server.fhir.dates import instant_text
from fhir_server.identity.keys import KeyRing, load
from fhir_server.identity.receipts import ReceiptError, verified
from fhir_server.operations.receipt import read
from fhir_server.records.door import Records
from fhir_server.records.replaying import Otherwise, replay
from fhir_server.settings import Settings

Say = Callable[[str], object]

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "receipt": "reçu {id}, dossier {record}, décision du {at}",
        "same": "identique : {resources} ressources, {known} connues, jugées de nouveau",
        "different": "différent : {differences} écarts",
        "rules": "règles et matrice : {told} alors, {found} ici",
        "consents": "consentements : « {told} » alors, « {found} » dans l'historique",
        "version": "{ref} : version {told} alors, « {found} » dans l'historique",
        "verdict": "{ref} : {told} alors, {found} ici",
        "reasons": "{ref} : règles « {told} » alors, « {found} » ici",
        "known": "connu",
        "unknown": "inconnu",
    },
    "en": {
        "receipt": "receipt {id}, record {record}, decision of {at}",
        "same": "the same: {resources} resources, {known} known, decided again",
        "different": "different: {differences} differences",
        "rules": "rules and matrix: {told} then, {found} here",
        "consents": "Consents: `{told}` then, `{found}` in the history",
        "version": "{ref}: version {told} then, `{found}` in the history",
        "verdict": "{ref}: {told} then, {found} here",
        "reasons": "{ref}: rules `{told}` then, `{found}` here",
        "known": "known",
        "unknown": "unknown",
    },
}


def replayed(settings: Settings, file: Path, say: Say, *, lang: str) -> bool:
    """Replay the receipts of `file`, one a line; say what comes out. Return whether all is the same.

    Every signature is verified before anything is decided again. Raises `ReceiptError`,
    `KeyFileError`, `ConfigurationError`, `FhirError`, or OSError for the file.
    """
    receipts = file.read_text(encoding="ascii", errors="replace").split()
    if not receipts:
        raise ReceiptError(f"`{file}` holds no receipt")
    keys = _keys(settings)
    said = [verified(keys, receipt) for receipt in receipts]
    words = _WORDS[lang]
    with opened(settings) as records:
        outcomes = [_replayed(records, one, say, words) for one in said]
    return all(outcomes)


def _keys(settings: Settings) -> KeyRing:
    """Return the keys of the installation; a replay makes none."""
    if not (settings.data_dir / "keys").is_dir():
        raise ReceiptError(f"`{settings.data_dir}` has no keys: choose another --data-dir")
    return load(settings.data_dir)


def _replayed(
    records: Records, said: dict[str, object], say: Say, words: Mapping[str, str]
) -> bool:
    asker, decided = read(said)
    request_id = str(uuid4())
    found = replay(
        records.as_seen_by(TRUSTED, request_id=request_id),
        records.as_seen_by(asker, request_id=request_id, at=decided.state),
        decided,
    )
    at = instant_text(decided.at)
    say(words["receipt"].format(id=said["id"], record=decided.record or "-", at=at))
    if found:
        say("  " + words["different"].format(differences=len(found)))
    else:
        known = sum(one.known for one in decided.verdicts)
        say("  " + words["same"].format(resources=len(decided.verdicts), known=known))
    for one in found:
        say("  " + _line(one, words))
    return not found


def _line(one: Otherwise, words: Mapping[str, str]) -> str:
    told, found = (words.get(text, text) for text in (one.told, one.found))
    return words[one.what].format(ref=one.ref, told=told, found=found)
