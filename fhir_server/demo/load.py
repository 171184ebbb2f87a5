"""Load the demonstration records through the server's own door, as the trusted system would."""

from __future__ import annotations

import sys
from typing import Final

from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED
from fhir_server.demo.personas import persona
from fhir_server.demo.world import bundles
from fhir_server.fhir.json import dumps
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.transaction import transaction
from fhir_server.records.ids import new_id
from fhir_server.settings import Settings

_MAIN: Final = "attending-doctor"


def ensure(settings: Settings, uri: str | None) -> None:
    """Load the records once; what is already there is left as it is.

    Raises `FhirError` when the server refuses its own demonstration, which a test forbids.
    """
    records = open_records(
        settings.model_copy(update={"mongodb_uri": uri, "update_create": "trusted"})
    )
    about = persona(_MAIN).record
    if about is not None and records.holds("Patient", about.patient):
        return
    for number, bundle in enumerate(bundles(), 1):
        view = records.as_seen_by(TRUSTED, request_id=new_id())
        transaction(Exchange(view=view, base=settings.fhir_url), dumps(bundle))
        count = len(bundle["entry"])
        print(f"données de démonstration : lot {number}, {count} ressources", file=sys.stderr)
