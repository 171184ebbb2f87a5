"""Who may give a new resource its id: update-as-create, https://hl7.org/fhir/R4/http.html#upsert.

An id that is taken by something hidden must not be told from a free one (L26). So who is not the
trusted system chooses among ids that nobody else does: those that begin with their own number.
"""

from __future__ import annotations

from typing import Final, Literal

from fhir_server.consent.requester import Kind, Requester

UpdateCreate = Literal["trusted", "own", "off"]
"""The setting `update_create`."""

_NUMBERED: Final = ("rpps:", "finess:")


def may_choose(requester: Requester, policy: UpdateCreate, id_: str) -> bool:
    """Tell whether `requester` may create something under `id_`; never whether it is free."""
    match policy:
        case "off":
            return False
        case "own":
            return _is_trusted(requester) or _begins(requester, id_)
        case _:
            return _is_trusted(requester)


def _is_trusted(requester: Requester) -> bool:
    return requester.kind is Kind.TRUSTED_SYSTEM


def _begins(requester: Requester, id_: str) -> bool:
    """Tell whether `id_` begins with the caller's number: `rpps-10000000001-`, for example."""
    key = requester.identity
    return key.startswith(_NUMBERED) and id_.startswith(f"{key.replace(':', '-')}-")
