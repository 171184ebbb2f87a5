"""Where `fhir-server load` writes to: the interactions themselves, as the trusted system."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import msgspec

from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED
from fhir_server.fhir.errors import Unprocessable
from fhir_server.interactions.create import create
from fhir_server.interactions.exchange import Answer, Exchange
from fhir_server.interactions.transaction import transaction
from fhir_server.interactions.update import update
from fhir_server.settings import Settings


class _Unit(msgspec.Struct, rename="camel"):
    resource_type: str
    id: str = ""
    type: msgspec.Raw = msgspec.Raw(b"")


class _Response(msgspec.Struct):
    status: str = ""


class _Entry(msgspec.Struct):
    response: _Response = msgspec.field(default_factory=_Response)


class _Answered(msgspec.Struct):
    entry: list[_Entry] = msgspec.field(default_factory=list)


def open_writer(settings: Settings) -> Callable[[bytes], None]:
    """Return what writes one unit: a resource, or a transaction or batch Bundle.

    What it returns raises `FhirError` if the unit is refused.
    """
    # The installation loads under the ids of its files, whoever may choose ids through HTTP.
    records = open_records(settings.model_copy(update={"update_create": "trusted"}))

    def write(unit: bytes) -> None:
        view = records.as_seen_by(TRUSTED, request_id=str(uuid.uuid4()))
        _send(Exchange(view=view, base=settings.fhir_url), unit)

    return write


def _send(exchange: Exchange, unit: bytes) -> None:
    told = msgspec.json.decode(unit, type=_Unit)
    if told.resource_type == "Bundle" and bytes(told.type) == b'"transaction"':
        transaction(exchange, unit)
    elif told.resource_type == "Bundle" and bytes(told.type) == b'"batch"':
        _all_done(transaction(exchange, unit))
    elif told.id:
        update(exchange, told.resource_type, told.id, unit)
    else:
        create(exchange, told.resource_type, unit)


def _all_done(answer: Answer) -> None:
    """Raise `Unprocessable` naming the first entry of a batch that was refused."""
    answered = msgspec.json.decode(answer.body, type=_Answered)
    for number, entry in enumerate(answered.entry):
        if entry.response.status[:1] in "45":
            raise Unprocessable(
                f"entry refused with {entry.response.status}", expression=f"Bundle.entry[{number}]"
            )
