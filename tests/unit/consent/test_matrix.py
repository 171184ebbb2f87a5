"""The habilitation matrix: which profession reads which type (R37 to R42)."""

from __future__ import annotations

import pytest

from fhir_server.consent.matrix import Matrix, MatrixError, read_matrix
from fhir_server.consent.requester import Kind, Requester
from fhir_server.data import mappings_dir
from tests.oracle.records import (
    BIOLOGY,
    DOCTOR,
    HOSPITAL,
    PRESCRIPTION,
    a_consent,
    a_doctor,
    a_document,
    a_pharmacist,
    a_record,
    in_team,
    knows,
    permit,
    rules,
)

SHIPPED = read_matrix(
    mappings_dir().joinpath("habilitation.csv").read_text(encoding="utf-8").splitlines()
)
DELIVERY, DIRECTIVES = "15508-5", "EXPPAT_3"


@pytest.mark.parametrize(
    ("profession", "type_"),
    [
        pytest.param("G15_80", HOSPITAL, id="R39: podiatrist, hospital report"),
        pytest.param("G15_28", BIOLOGY, id="R40: optician, biology report"),
        pytest.param("G15_80", DELIVERY, id="R41: podiatrist, delivery report"),
        pytest.param("G15_40", DIRECTIVES, id="R41: dental surgeon, advance directives"),
    ],
)
def test_the_cells_that_are_known_are_closed(profession: str, type_: str) -> None:
    assert type_ not in SHIPPED.types_for(a_doctor(profession=profession))
    assert type_ in SHIPPED.types_for(a_doctor(profession="G15_10"))


def test_a_type_outside_the_professions_cells_is_hidden_even_when_authorised() -> None:
    """R37, R41."""
    record = a_record(a_consent(permit(DOCTOR)), links=(in_team(),))
    assert not knows(a_pharmacist(), record, a_document(HOSPITAL))
    assert "not-habilitated" in rules(a_pharmacist(), record, a_document(HOSPITAL))
    assert knows(a_pharmacist(), record, a_document(PRESCRIPTION))


def test_an_author_reads_their_own_document_whatever_its_type() -> None:
    """R44 reaches over R37: the author wrote it."""
    record = a_record(links=(in_team(),))
    assert knows(a_pharmacist(), record, a_document(HOSPITAL, authors=[DOCTOR]))


@pytest.mark.parametrize("profession", ["", "G15_99", "MEDECIN_TRAITANT", "G15_10 "])
def test_a_profession_without_a_column_reads_no_type(profession: str) -> None:
    """Fail closed."""
    record = a_record(links=(in_team(),))
    assert not knows(a_doctor(profession=profession), record, a_document())
    assert SHIPPED.types_for(a_doctor(profession=profession)) == frozenset()


def test_a_type_that_the_matrix_does_not_know_is_hidden() -> None:
    record = a_record(links=(in_team(),))
    assert not knows(a_doctor(), record, a_document("unknown-type"))
    assert not knows(a_doctor(), record, a_document(types=[]))


def test_the_matrix_speaks_of_documents_and_not_of_the_rest() -> None:
    record = a_record(links=(in_team(),))
    assert knows(a_doctor(profession=""), record, a_document(governance="patient", types=None))


def test_a_caller_without_a_profession_has_the_column_of_their_kind() -> None:
    """Convention 8; R64: who regulates is a doctor."""
    matrix = Matrix({"G15_10": frozenset({HOSPITAL}), "REFERENCED_SERVICE": frozenset({BIOLOGY})})
    assert matrix.types_for(Requester(Kind.REFERENCED_SERVICE)) == {BIOLOGY}
    assert matrix.types_for(Requester(Kind.ESTABLISHMENT_SOFTWARE)) == frozenset()
    assert matrix.types_for(Requester(Kind.SAMU_REGULATOR)) == {HOSPITAL}
    assert matrix.types_for(Requester(Kind.PROFESSIONAL)) == frozenset()


def test_a_matrix_is_read_by_rows_of_types_and_columns_of_professions() -> None:
    matrix = read_matrix(["type,display_fr,MEDECIN_TRAITANT,G15_10,G15_21", "a,A,read,read,none"])
    assert matrix.readable == {"G15_10": {"a"}, "G15_21": frozenset()}


@pytest.mark.parametrize("cell", ["", "READ", "write", "unknown"])
def test_a_cell_that_is_not_understood_is_refused(cell: str) -> None:
    with pytest.raises(MatrixError, match=f"type `a`, profession `G15_10`: `{cell}` is neither"):
        read_matrix(["type,G15_10", f"a,{cell}"])


def test_a_missing_cell_is_refused() -> None:
    with pytest.raises(MatrixError, match="neither `read` nor `none`"):
        read_matrix(["type,G15_10,G15_21", "a,read"])


@pytest.mark.parametrize("lines", [[], ["type,display_fr"], ["type,MEDECIN_TRAITANT", "a,read"]])
def test_a_matrix_without_professions_is_refused(lines: list[str]) -> None:
    with pytest.raises(MatrixError, match="no profession column"):
        read_matrix(lines)


def test_the_version_follows_the_content_and_not_the_order() -> None:
    one = read_matrix(["type,G15_10,G15_21", "a,read,none", "b,read,read"])
    same = read_matrix(["type,G15_21,G15_10", "b,read,read", "a,none,read"])
    other = read_matrix(["type,G15_21,G15_10", "b,read,read", "a,read,read"])
    assert one.version == same.version
    assert one.version != other.version


def test_a_document_of_two_types_needs_both_but_a_site_s_own_code_counts_for_nothing() -> None:
    """R37: a second type that the matrix shuts is no way in, and a local code none out."""
    pharmacist = a_doctor(profession="G15_21")
    record = a_record(links=(in_team(),))
    both = a_document() | {"types": [BIOLOGY, HOSPITAL]}
    local = a_document() | {"types": [BIOLOGY, "site-42"]}
    unknown = a_document() | {"types": ["site-42"]}
    assert [knows(pharmacist, record, d) for d in (both, local, unknown)] == [False, True, False]
