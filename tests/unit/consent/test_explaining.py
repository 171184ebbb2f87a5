"""What an explanation says of each rule: its ground, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.consent.explaining import BESIDE_THE_TABLE, Cell, explain
from fhir_server.consent.grounds import ByConsent, ByLabel, ByLink, ByPurpose, ByStatus, Ground
from fhir_server.consent.policy import RecordPolicy
from fhir_server.consent.requester import TRUSTED, Kind, Requester
from fhir_server.consent.rules import RULES
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    DOCTOR,
    HOSPITAL,
    OTHER_RPPS,
    a_consent,
    a_doctor,
    a_document,
    a_holder,
    a_pharmacist,
    a_pointer,
    a_record,
    a_regulator,
    a_representative,
    an_emergency,
    attending,
    deny,
    in_team,
    masked,
    permit,
    sight,
)

TEAM = a_record(links=(in_team(),))


def why(
    who: Requester, record: RecordPolicy, document: dict[str, Any] | None = None
) -> dict[str, tuple[Ground, ...]]:
    """Return rule → what it rests on."""
    found = explain(sight(who, record), a_document() if document is None else document)
    return {one.rule: one.grounds for one in found.rules}


def test_every_rule_of_the_table_has_a_text_in_both_languages() -> None:
    texts = [(rule.fr, rule.en) for rule in RULES] + [(one.fr, one.en) for one in BESIDE_THE_TABLE]
    for fr, en in texts:
        assert fr.endswith(".")
        assert en.endswith(".")
        assert fr != en


def test_names_beside_the_table_are_none_of_the_table() -> None:
    beside = {one.rule for one in BESIDE_THE_TABLE}
    assert len(beside) == 4
    assert not beside & {rule.id for rule in RULES}


@pytest.mark.parametrize(
    ("who", "record", "document", "rule", "ground"),
    [
        (a_doctor(), TEAM, a_document(), "care-team", ByLink("care-team", "CareTeam/t")),
        (
            a_doctor(),
            a_record(links=(attending(),)),
            a_document(),
            "attending-doctor",
            ByLink("attending", f"Patient/{ANNA}"),
        ),
        (a_doctor(), TEAM, masked(), "masked-to-professionals", ByLabel("MASQUE_PS")),
        (
            a_doctor(),
            a_record(closed=True),
            a_document(),
            "record-closed",
            ByStatus(f"Patient/{ANNA}"),
        ),
        (an_emergency(), a_record(), a_document(), "break-glass", ByPurpose("break-glass")),
        (a_regulator(), a_record(), a_document(), "regulation", ByPurpose("regulation")),
        (
            a_representative(),
            a_record(),
            a_document(labels=["INVISIBLE_REPRESENTANTS_LEGAUX"]),
            "invisible-to-representatives",
            ByLabel("INVISIBLE_REPRESENTANTS_LEGAUX"),
        ),
    ],
)
def test_a_rule_is_told_with_what_made_it_speak(
    who: Requester, record: RecordPolicy, document: dict[str, Any], rule: str, ground: Ground
) -> None:
    assert why(who, record, document)[rule] == (ground,)


def test_a_link_told_by_several_resources_is_told_of_each_once() -> None:
    record = a_record(links=(in_team(), in_team(), in_team(source="CareTeam/u")))
    assert why(a_doctor(), record)["care-team"] == (
        ByLink("care-team", "CareTeam/t"),
        ByLink("care-team", "CareTeam/u"),
    )


def test_only_consents_that_speak_are_named_in_their_version() -> None:
    record = a_record(
        a_consent(permit(DOCTOR, codes=(HOSPITAL,)), id_="other"),
        a_consent(permit(DOCTOR, codes=(BIOLOGY,)), id_="this"),
    )
    assert why(a_doctor(), record)["authorised"] == (
        ByConsent("Consent/this/_history/1", "Consent.provision", understood=True),
    )


def test_the_nested_provision_that_decides_is_the_one_named() -> None:
    nested = (deny(), permit(DOCTOR, codes=(HOSPITAL,)), permit(DOCTOR, codes=(BIOLOGY,)))
    root = permit(DOCTOR, codes=("other",), nested=nested[1:])
    (ground,) = why(a_doctor(), a_record(a_consent(root)))["authorised"]
    assert isinstance(ground, ByConsent)
    assert ground.provision == "Consent.provision.provision[1]"


def test_a_provision_two_deep_is_found() -> None:
    inner = deny(codes=(BIOLOGY,))
    root = deny(DOCTOR, codes=("a",), nested=(deny(codes=("b",), nested=(inner,)),))
    (ground,) = why(a_doctor(), a_record(a_consent(root), links=(in_team(),)))["blocked-or-opposed"]
    assert isinstance(ground, ByConsent)
    assert ground.provision == "Consent.provision.provision[0].provision[0]"


def test_what_was_not_understood_is_told() -> None:
    record = a_record(a_consent(deny(DOCTOR, exact=False)), links=(in_team(),))
    (ground,) = why(a_doctor(), record)["blocked-or-opposed"]
    assert isinstance(ground, ByConsent)
    assert not ground.understood


def test_nothing_permits_where_nothing_does() -> None:
    assert list(why(a_doctor(), a_record())) == ["nothing-permits"]
    assert list(why(Requester(Kind.AUDITOR), a_record())) == ["nothing-permits"]


def test_the_trusted_system_is_outside_the_rules() -> None:
    assert list(why(TRUSTED, TEAM, masked())) == ["trusted-system"]


def test_what_points_to_nothing_known_is_told_so() -> None:
    assert list(why(a_doctor(), TEAM, a_pointer(masked()))) == ["points-to-hidden", "care-team"]
    assert list(why(a_doctor(), TEAM, a_pointer(a_document()))) == ["care-team"]


def test_what_is_in_no_record_is_told_so() -> None:
    person = a_document(patient=None, governance="directory", types=None)
    assert list(why(a_holder(), a_record(), person)) == ["outside-records"]


# the matrix --------------------------------------------------------------------------------------


def cells(who: Requester, record: RecordPolicy, document: dict[str, Any]) -> tuple[Cell, ...]:
    return explain(sight(who, record), document).cells


def test_the_cell_of_each_type_is_told() -> None:
    document = a_document(types=[BIOLOGY, HOSPITAL])
    assert cells(a_pharmacist(), TEAM, document) == (
        Cell("G15_21", BIOLOGY, "read"),
        Cell("G15_21", HOSPITAL, "none"),
    )


def test_a_caller_without_a_profession_has_a_cell_without_one() -> None:
    assert cells(a_doctor(profession=""), TEAM, a_document()) == (Cell("", BIOLOGY, "none"),)


@pytest.mark.parametrize(
    ("who", "record", "document"),
    [
        (a_doctor(), a_record(links=(attending(),)), a_document()),
        (a_doctor(rpps=OTHER_RPPS), TEAM, a_document()),
        (a_holder(), a_record(), a_document()),
        (a_doctor(), TEAM, a_document(governance="careteam")),
    ],
    ids=["attending doctor", "author", "holder", "no document"],
)
def test_where_the_matrix_is_not_asked_there_is_no_cell(
    who: Requester, record: RecordPolicy, document: dict[str, Any]
) -> None:
    assert cells(who, record, document) == ()
