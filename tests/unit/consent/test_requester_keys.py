"""The keys under which a caller can be linked, blocked or credited."""

from __future__ import annotations

import pytest

from fhir_server.consent.requester import Kind, Requester


@pytest.mark.parametrize(
    ("requester", "keys"),
    [
        (Requester(Kind.PROFESSIONAL), set()),
        (Requester(Kind.PROFESSIONAL, rpps="1", organization="2"), {"rpps:1", "finess:2"}),
        (
            Requester(Kind.PROFESSIONAL, organization="2", profession="G15_10"),
            {"finess:2", "role:2:G15_10"},
        ),
        (Requester(Kind.PROFESSIONAL, profession="G15_10"), set()),
        (Requester(Kind.PROFESSIONAL, patient="anna"), set()),
        (Requester(Kind.PATIENT, patient="anna"), {"patient:anna"}),
        (Requester(Kind.PATIENT), set()),
        (Requester(Kind.REPRESENTATIVE, patient="anna"), {"representative:anna"}),
        (Requester(Kind.REPRESENTATIVE), set()),
    ],
)
def test_a_caller_has_the_keys_of_who_they_are(requester: Requester, keys: set[str]) -> None:
    assert requester.keys == keys


@pytest.mark.parametrize(
    ("requester", "identity", "alone"),
    [
        (Requester(Kind.PROFESSIONAL, rpps="1", organization="2"), "rpps:1", {"rpps:1"}),
        (Requester(Kind.ESTABLISHMENT_SOFTWARE, organization="2"), "finess:2", {"finess:2"}),
        (Requester(Kind.PATIENT, patient="anna"), "patient:anna", {"patient:anna"}),
        (Requester(Kind.ADMINISTRATOR), "kind:administrator", set()),
        (Requester(Kind.PATIENT), "patient:", set()),
    ],
)
def test_a_caller_is_one_person_or_structure_and_not_a_kind(
    requester: Requester, identity: str, alone: set[str]
) -> None:
    assert requester.identity == identity
    assert requester.alone == alone
