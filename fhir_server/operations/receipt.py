"""Decision receipts: an answer of `$explain`, signed, that `fhir-server replay` decides again.

What it holds is what the answer says, and what a second decision needs: who asked about whom, the
two instants (of the decision, and of the state that it was made on), the Consents of the record in
their versions, the hash of rules and matrix, and for each resource its version, verdict and rules.
No content of any resource.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fhir_server.consent.requester import Requester
from fhir_server.fhir.errors import Unprocessable
from fhir_server.identity.claims import claims_of, requester_of
from fhir_server.identity.receipts import ReceiptError
from fhir_server.interactions.exchange import Exchange
from fhir_server.records.asking import Subject
from fhir_server.records.explaining import Explained, Page
from fhir_server.records.replaying import Decided, Verdict

Json = dict[str, Any]
FORM = 1
"""The edition of what a receipt holds."""


def receipt(x: Exchange, subject: Subject, page: Page) -> str:
    """Return the signed receipt of `page`; raises `Unprocessable` where nothing can sign."""
    if x.sign is None:
        raise Unprocessable("no key of the installation is at hand here", code="not-supported")
    return x.sign(content(x, subject, page))


def content(x: Exchange, subject: Subject, page: Page) -> Json:
    """Return what a receipt of `page` says."""
    return {
        "form": FORM,
        "id": str(uuid4()),
        "request": x.view.request_id,
        "issued": x.view.at,
        "asker": claims_of(x.view.requester),
        "caller": claims_of(subject.requester),
        "link": subject.link,
        "record": page.patient,
        "at": page.at,
        "state": page.state,
        "rules": x.view.context.sights.rules_hash,
        "consents": list(page.consents),
        "counts": {
            "resources": len(page.resources),
            "known": sum(one.explanation.known for one in page.resources),
        },
        "resources": [verdict(one) for one in page.resources],
    }


def verdict(one: Explained) -> Json:
    """Return what a receipt says of one resource."""
    return {
        "resource": f"{one.ref}/_history/{one.version}",
        "known": one.explanation.known,
        "rules": [spoken.rule for spoken in one.explanation.rules],
    }


def read(said: Json) -> tuple[Requester, Decided]:
    """Return who was answered, and what was decided, from the content of a verified receipt.

    Raises `ReceiptError` for another edition than this server writes.
    """
    if said.get("form") != FORM:
        raise ReceiptError("this receipt is of another edition than this server reads")
    verdicts = []
    for one in said["resources"]:
        ref, _, version = one["resource"].partition("/_history/")
        verdicts.append(Verdict(ref, int(version), one["known"], tuple(one["rules"])))
    decided = Decided(
        subject=Subject(requester_of(said["caller"]), said["link"]),
        record=said["record"],
        at=said["at"],
        state=said["state"],
        rules=said["rules"],
        consents=tuple(said["consents"]),
        verdicts=tuple(verdicts),
    )
    return requester_of(said["asker"]), decided
