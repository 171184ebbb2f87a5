"""The small print of the kernel: what one changed word would break, and no broader test notices."""

from __future__ import annotations

import pytest

from fhir_server.consent import facts
from fhir_server.consent.engine import Sight
from fhir_server.consent.matrix import Matrix, read_matrix
from fhir_server.consent.policy import FOREVER, Period, Provision
from fhir_server.consent.reading_provision import NOT_A_PURPOSE
from fhir_server.consent.requester import Purpose
from fhir_server.fhir.dates import interval
from tests.oracle import fhir_consents as fhir
from tests.oracle.records import (
    ANNA,
    BIOLOGY,
    DAY,
    DOCTOR,
    HOSPITAL,
    MATRIX,
    NOW,
    a_consent,
    a_doctor,
    a_document,
    a_holder,
    a_record,
    attending,
    deny,
    in_team,
    knows,
    permit,
)

# reasons -------------------------------------------------------------------------------------------


def test_the_reasons_are_those_of_the_documents_own_record() -> None:
    """L63: another record at hand blocks the caller, and says nothing of this one."""
    bruno = a_record(a_consent(deny(DOCTOR)), patient="bruno")
    sight = Sight(a_doctor(), MATRIX, NOW, (a_record(links=(in_team(),)), bruno))
    assert {reason.rule for reason in sight.explain(a_document())} == {"care-team"}
    assert {reason.patient for reason in sight.explain(a_document())} == {ANNA}


# links and pointers --------------------------------------------------------------------------------


def test_an_attending_doctor_is_no_team_of_the_patient() -> None:
    """C1: a team is a CareTeam; a link that the Patient says makes none."""
    block = a_consent(deny(f"team:Patient/{ANNA}"))
    assert knows(a_doctor(), a_record(block, links=(attending(),)), a_document())


def test_what_does_not_point_is_not_known_by_what_it_names() -> None:
    """A trace names what was accessed; whether it tells too much is not the kernel's to say."""
    hidden = a_document(labels=["INVISIBLE_PATIENT"], deposited=NOW - DAY)
    trace = a_document(governance="trace", targets=[hidden])
    assert not knows(a_holder(), a_record(), hidden)
    assert knows(a_holder(), a_record(), trace)


# provisions ----------------------------------------------------------------------------------------


def test_the_purpose_of_the_patients_request_is_its_own() -> None:
    asking = a_doctor(purpose=Purpose.PATIENT_REQUEST)
    record = a_record(a_consent(permit(DOCTOR, purposes=("PATRQT",))))
    assert knows(asking, record, a_document())
    assert not knows(a_doctor(), record, a_document())
    assert not knows(asking, a_record(a_consent(permit(DOCTOR, purposes=("TREAT",)))), a_document())


@pytest.mark.parametrize("purpose", [Purpose.FEED, Purpose.ADMINISTRATION])
def test_a_purpose_that_no_code_stands_for_is_served_by_no_permit(purpose: Purpose) -> None:
    every = ("TREAT", "BTG", "ETREAT", "PATRQT")
    asking = a_doctor(purpose=purpose)
    assert not knows(asking, a_record(a_consent(permit(DOCTOR, purposes=every))), a_document())
    shut = a_record(a_consent(deny(purposes=("TREAT",))), links=(in_team(),))
    assert not knows(asking, shut, a_document())


def test_who_denies_treatment_lets_the_patients_own_request_be_served() -> None:
    record = a_record(a_consent(deny(purposes=("TREAT",))), links=(in_team(),))
    assert knows(a_doctor(purpose=Purpose.PATIENT_REQUEST), record, a_document())
    assert not knows(a_doctor(), record, a_document())


def test_an_exception_to_a_nested_deny_takes_nothing_from_the_deny_around_it() -> None:
    """R4: an exception is to the provision it stands in."""
    inner = deny(codes=(HOSPITAL,), nested=(permit(codes=(BIOLOGY,)),))
    record = a_record(a_consent(deny(nested=(inner,))), links=(in_team(),))
    assert not knows(a_doctor(), record, a_document(BIOLOGY))
    assert not knows(a_doctor(), record, a_document(HOSPITAL))


def test_a_bare_provision_asks_for_nothing() -> None:
    bare = Provision(permits=False)
    assert (bare.names_actor, bare.exact, bare.data_period) == (False, True, None)
    assert bare.period == Period(-FOREVER, FOREVER)


def test_forever_is_after_every_date_and_fits_what_the_store_keeps() -> None:
    assert interval("9999-12-31")[1] < FOREVER < 2**63


# data ----------------------------------------------------------------------------------------------


def test_the_matrix_has_a_column_for_each_profession_and_two_kinds_of_software() -> None:
    """R37; a column that is none of these is for its reader."""
    matrix = read_matrix(
        [
            "type,title,G15_10 médecin,G16_20,ESTABLISHMENT_SOFTWARE,REFERENCED_SERVICE",
            "11502-2,read,read,none,read,none",
            "34112-3,none,none,read,none,read",
        ]
    )
    assert matrix.readable == {
        "G15_10": {"11502-2"},
        "G16_20": {"34112-3"},
        "ESTABLISHMENT_SOFTWARE": {"11502-2"},
        "REFERENCED_SERVICE": {"34112-3"},
    }
    assert matrix.rows == {"11502-2", "34112-3"}


def test_the_version_of_a_matrix_tells_columns_and_types_apart() -> None:
    types = frozenset({"11502-2"})
    versions = {
        Matrix(readable).version
        for readable in ({"G15_10": types}, {"G15_21": types}, {"G15_10": frozenset({"x"})}, {})
    }
    assert len(versions) == 4
    assert {len(version) for version in versions} == {16}


def test_the_confidentiality_labels_are_those_of_hl7() -> None:
    """https://terminology.hl7.org/ValueSet-v3-ConfidentialityClassification.html."""
    assert {"U", "L", "M", "N", "R", "V"} == facts.CONFIDENTIALITY_LABELS


ACTIONS = ("collect", "access", "use", "disclose", "correct")


@pytest.mark.parametrize("code", ACTIONS)
def test_every_action_of_hl7_is_understood(code: str) -> None:
    """https://hl7.org/fhir/R4/valueset-consent-action.html."""
    found = fhir.read(fhir.a_consent(fhir.a_provision(action=[{"coding": [{"code": code}]}])))
    assert found is not None
    assert (found.root.exact, found.root.actions) == (True, (code,))


@pytest.mark.parametrize(
    "code",
    ["TREAT", "BTG", "ETREAT", "PATRQT", "HPAYMT", "HOPERAT", "HRESCH", "PUBHLTH", "HMARKT"],
)
def test_the_purposes_that_consents_are_written_for_are_understood(code: str) -> None:
    """https://terminology.hl7.org/CodeSystem-v3-ActReason.html, PurposeOfUse."""
    purpose = [{"system": fhir.ACT_REASON, "code": code}]
    found = fhir.read(fhir.a_consent(fhir.a_provision(purpose=purpose)))
    assert found is not None
    assert (found.root.exact, found.root.purposes) == (True, (code,))


def test_a_deny_about_nothing_but_other_matters_is_no_policy() -> None:
    """Research, treatment and advance directives, one by one or all of them."""
    every = [{"code": code} for code in ("research", "treatment", "adr")]
    for codings in ([every[0]], [every[1]], [every[2]], every[:2], every):
        consent = fhir.a_consent(fhir.a_provision("deny"), scope={"coding": codings})
        assert fhir.read(consent) is None


def test_a_provision_of_every_element_is_understood() -> None:
    whole = fhir.a_provision(
        "permit",
        id="p",
        period={"start": "2024-01-01"},
        action=[{"coding": [{"code": code}]} for code in ACTIONS],
        securityLabel=[{"code": "N"}],
        purpose=[{"system": fhir.ACT_REASON, "code": "TREAT"}],
        code=[{"coding": [{"code": BIOLOGY}]}],
        dataPeriod={"start": "2024-01-01"},
        data=[fhir.THIS_DOCUMENT],
        provision=[fhir.a_provision("deny")],
        **{"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]},
    )
    found = fhir.read(fhir.a_consent(whole))
    assert found is not None
    assert (found.root.exact, found.root.actions) == (True, tuple(sorted(ACTIONS)))


def test_a_purpose_that_is_not_understood_is_that_of_nobody_or_makes_a_deny_inexact() -> None:
    found = {}
    for type_ in ("permit", "deny"):
        provision = fhir.a_provision(type_, purpose=[{"code": "unheard-of"}])
        read = fhir.read(fhir.a_consent(provision))
        assert read is not None
        found[type_] = (read.root.exact, read.root.purposes)
    assert found == {"permit": (True, (NOT_A_PURPOSE,)), "deny": (False, ())}


def test_a_class_without_a_code_is_none_and_makes_the_provision_inexact() -> None:
    nameless = [{"system": "http://hl7.org/fhir/resource-types"}]
    found = fhir.read(fhir.a_consent(fhir.a_provision("permit", **{"class": nameless})))
    assert found is not None
    assert (found.root.exact, found.root.classes) == (False, ())
