"""The invariants of R4 as a table: https://hl7.org/fhir/R4/conformance-rules.html#constraints."""

from fhir_server.definitions import DATATYPES, RESOURCE_TYPES, constraints, elements
from fhir_server.definitions.tables import table


def keys(type_path: str) -> set[str]:
    return {constraint.key for constraint in constraints(type_path)}


def test_a_constraint_has_its_place_key_severity_and_expression() -> None:
    [constraint] = constraints("Patient.contact")
    assert (constraint.path, constraint.key, constraint.severity, constraint.expression) == (
        "Patient.contact",
        "pat-1",
        "error",
        "name.exists() or telecom.exists() or address.exists() or organization.exists()",
    )


def test_a_resource_has_the_constraints_of_domain_resources() -> None:
    assert keys("Observation") == {
        "obs-6",
        "obs-7",
        "dom-2",
        "dom-3",
        "dom-4",
        "dom-5",
        "dom-6",
    }
    assert not keys("Bundle") & {"dom-2", "dom-6"}


def test_a_quantity_of_a_kind_has_those_of_quantity() -> None:
    assert keys("Age") == {"age-1", "qty-3", "ele-1"}


def test_a_constraint_may_stand_on_an_element() -> None:
    assert keys("Organization.telecom") == {"org-3"}
    assert keys("RiskAssessment.prediction.probability") == {"ras-1"}


def test_an_unknown_path_has_none() -> None:
    assert constraints("Patient.nothing") == ()
    assert constraints("Nothing") == ()


def test_the_table_has_the_invariants_of_the_specification() -> None:
    rows = [(path, *row) for path, found in table("constraints").items() for row in found]
    assert len(rows) == 239
    assert {severity for _, _, severity, _ in rows} == {"error", "warning"}
    # 956 in the snapshots of R4, ele-1 and ext-1 aside: there what is of DomainResource stands
    # at each type again, and what is of Quantity at its four kinds.
    domain = [type_ for type_ in RESOURCE_TYPES if "dom-2" in keys(type_)]
    own = len(rows) - len(table("constraints")["DomainResource"]) - len(["ele-1", "ext-1"])
    repeated = len(["Age", "Count", "Distance", "Duration"])
    assert own + repeated + 5 * (len(domain) + len(["DomainResource"])) == 956


def test_every_place_of_a_constraint_is_known_to_the_element_tables() -> None:
    for path in table("constraints"):
        parent, _, name = path.rpartition(".")
        known = path in RESOURCE_TYPES | DATATYPES | {"DomainResource", "Element"}
        assert known or name in elements(parent), path
