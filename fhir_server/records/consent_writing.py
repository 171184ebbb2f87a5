"""What is asked of a Consent beside the rights on any resource, in the transaction that writes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from fhir_server.consent import facts
from fhir_server.consent.reading import Reading, reading
from fhir_server.consent.requester import Kind
from fhir_server.fhir.errors import Issue
from fhir_server.records.consent_rights import Recording, lift, warnings
from fhir_server.records.people import People
from fhir_server.records.view import View
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Row

Json = dict[str, Any]

_CONSENT: Final = "Consent"


class ConsentWriting:
    """The Consents among the writes of one transaction; other resources pass it by."""

    def __init__(self, view: View, unit: Unit, people: People) -> None:
        """Judge what the requester of `view` writes in `unit`; `people` follows references there."""
        self._view, self._unit, self._people = view, unit, people

    def recorded(self, row: Row, consent: Json) -> Row | None:
        """Return `row` as a professional may record it, or refuse.

        None where the rights on any resource decide: what is no Consent, callers who govern the
        record or record nothing, installations that do not let them.
        """
        view = self._view
        if row.type != _CONSENT or not view.context.professional_consents:
            return None
        patient = row.acl.get(facts.PATIENT, "")
        sight = view.seeing.sight((patient,) if patient else ())
        recording = Recording(sight, patient, view.context.policies.lifetime)
        if not recording.is_asked():
            return None
        return replace(row, acl={**row.acl, **recording.check(consent, self._read(row, consent))})

    def changed(self, old: Row) -> None:
        """Refuse a change of `old` that would lift what it denies to its own writer."""
        if old.type == _CONSENT and self._view.requester.kind is Kind.REPRESENTATIVE:
            patient = old.acl.get(facts.PATIENT, "")
            lift(self._view.seeing.sight((patient,)), patient, old.id)

    def warnings(self, row: Row, consent: Json) -> tuple[Issue, ...]:
        """Return what of a Consent is not understood; nothing for other resources."""
        return warnings(self._read(row, consent)) if row.type == _CONSENT else ()

    def _read(self, row: Row, consent: Json) -> Reading:
        context = self._view.context.policies.context(self._unit, self._people, consent)
        return reading(consent, version=row.version, updated=row.updated, context=context)
