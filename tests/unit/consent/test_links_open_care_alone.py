"""Who needs a link learns nothing outside care from any record's policy.

`records/hops.py` relies on it: a chain through a Group reads no policy for such a caller.
"""

from __future__ import annotations

from random import Random

from fhir_server.consent.rules import CARE, PROFESSIONAL
from fhir_server.predicate import holds
from fhir_server.records.governance import governance
from fhir_server.records.stored_sight import ACL, StoredSight
from tests.oracle.records import MATRIX, NOW
from tests.oracle.worlds import a_document, a_requester, records

OUTSIDE = {
    row.kind: type_ for type_, row in governance().items() if row.kind not in (*CARE, "trace")
}
WORLDS = 300


def test_no_policy_says_anything_of_what_is_not_care_to_who_needs_a_link() -> None:
    compared = 0
    for seed in range(WORLDS):
        random = Random(seed)
        requester, known = a_requester(random), records(random)
        if requester.kind not in PROFESSIONAL:
            continue
        whole = StoredSight(requester, MATRIX, NOW, known)
        none = StoredSight(requester, MATRIX, NOW, ())
        for kind, type_ in OUTSIDE.items():
            for _ in range(5):
                document = a_document(random) | {"governance": kind}
                compared += 1
                assert holds(whole.stored(type_), {ACL: document}) == holds(
                    none.stored(type_), {ACL: document}
                ), (seed, document)
    assert compared > WORLDS
