"""What the tables say, against the figures of the specification."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files

import pytest

from fhir_server import definitions as d


def test_there_are_146_concrete_resource_types() -> None:
    assert len(d.RESOURCE_TYPES) == 146
    assert {"Patient", "Parameters", "Binary"} <= d.RESOURCE_TYPES
    assert not {"Resource", "DomainResource", "Element", "HumanName"} & d.RESOURCE_TYPES


def test_there_are_20_primitives_with_a_pattern_each_but_xhtml() -> None:
    assert len(d.PRIMITIVES) == 20
    assert [name for name, pattern in d.PRIMITIVES.items() if not pattern] == ["xhtml"]


@pytest.mark.parametrize(
    ("primitive", "good", "bad"),
    [("date", "2020-02", "2020-13"), ("id", "a-1.B", "a b"), ("code", "a b", " a")],
)
def test_a_pattern_is_for_the_whole_value(primitive: str, good: str, bad: str) -> None:
    assert re.fullmatch(d.PRIMITIVES[primitive], good)
    assert not re.fullmatch(d.PRIMITIVES[primitive], bad)


def test_every_type_is_what_it_specialises() -> None:
    assert d.ancestry("Patient") == ("Patient", "DomainResource", "Resource")
    assert d.is_a("Age", "Quantity")
    assert d.is_a("canonical", "uri")
    assert not d.is_a("uri", "canonical")


def test_elements_come_in_the_order_of_the_specification() -> None:
    names = list(d.elements("Patient"))
    assert names[:4] == ["id", "meta", "implicitRules", "language"]
    assert names.index("active") < names.index("name") < names.index("deceased")


def test_the_id_of_a_resource_is_an_id_and_of_an_element_a_string() -> None:
    assert d.child("Patient", "id") == (d.elements("Patient")["id"], "id")
    found = d.child("Patient.contact", "id")
    assert found is not None
    assert (found[0].attribute, found[1]) == (True, "string")


def test_an_element_tells_its_cardinality_targets_and_binding() -> None:
    status = d.elements("DocumentReference")["status"]
    assert (status.min, status.max, status.modifier) == (1, 1, True)
    assert status.binding == "http://hl7.org/fhir/ValueSet/document-reference-status"
    practitioner = d.elements("Patient")["generalPractitioner"]
    assert practitioner.max is None
    assert practitioner.types == (
        d.TypeRef("Reference", ("Organization", "Practitioner", "PractitionerRole")),
    )
    low = d.elements("Range")["low"]
    assert low.types == (d.TypeRef("Quantity", profiles=("SimpleQuantity",)),)


def test_a_choice_is_found_under_its_names_in_json_only() -> None:
    value = d.elements("Observation")["value"]
    assert d.child("Observation", "valueQuantity") == (value, "Quantity")
    assert d.child("Observation", "valueDateTime") == (value, "dateTime")
    assert d.elements("Observation")["valueQuantity"] is value
    assert d.child("Observation", "value") is None
    assert d.child("Observation", "valueMoney") is None


def test_a_backbone_element_leads_to_its_path() -> None:
    found = d.child("Patient", "contact")
    assert found is not None
    assert found[1] == "Patient.contact"
    assert d.child("Patient.contact", "name") == (
        d.elements("Patient.contact")["name"],
        "HumanName",
    )
    assert "boundsPeriod" in d.elements("Timing.repeat")


def test_a_content_reference_leads_to_what_it_refers_to() -> None:
    found = d.child("Observation.component", "referenceRange")
    assert found is not None
    assert found[1] == "Observation.referenceRange"
    assert "low" in d.elements("Observation.component.referenceRange")


def test_every_element_leads_somewhere() -> None:
    seen: set[str] = set()
    pending = sorted(d.RESOURCE_TYPES)
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        known = path in d.PRIMITIVES or path in d.RESOURCE_TYPES or len(d.elements(path)) > 0
        assert known, path
        for element in d.elements(path).values():
            names = {element.json_name(type_.code) for type_ in element.types} or {element.name}
            pending += [found[1] for name in names if (found := d.child(path, name))]
    assert seen >= d.DATATYPES - {"SubstanceAmount", "MarketingStatus", "ProdCharacteristic"}


def test_an_unknown_name_or_type_has_nothing() -> None:
    assert d.child("Patient", "nom") is None
    assert len(d.elements("Nobody.at.home")) == 0


def test_the_registry_has_1400_parameters_of_which_46_composites() -> None:
    kinds = Counter(parameter.type for parameter in d.all_search_parameters())
    assert kinds.total() == 1400
    assert kinds["composite"] == 46
    assert kinds["special"] == 2


def test_a_type_has_the_parameters_of_all_resources_too() -> None:
    of_all = {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_content"}
    codes = d.search_parameters("DocumentReference").keys()
    assert of_all | {"_text", "_query", "_filter", "_list", "patient", "relatesto"} <= codes
    # Binary isn't a DomainResource: it has no narrative.
    assert "_text" not in d.search_parameters("Binary")


def test_the_examples_of_the_specification_replace_no_real_parameter() -> None:
    assert d.search_parameters("Patient")["_id"].expression == "Resource.id"
    assert "part-agree" not in d.search_parameters("Patient")
    assert d.search_parameters("Condition")["subject"].url.endswith("/Condition-subject")


def test_a_type_that_is_not_of_r4_has_no_parameters() -> None:
    with pytest.raises(KeyError):
        d.search_parameters("Patiente")


def test_a_component_names_a_parameter_of_the_registry() -> None:
    for parameter in d.all_search_parameters():
        for component in parameter.component:
            assert d.search_parameter(component.definition), component


def test_a_parameter_keeps_its_comparators_and_targets() -> None:
    parameters = d.search_parameters("Observation")
    assert parameters["date"].comparator[:3] == ("eq", "ne", "gt")
    assert "Patient" in parameters["patient"].target
    assert parameters["code-value-quantity"].multiple_or is False


def test_the_five_compartments_name_parameters_that_exist() -> None:
    names = {"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"}
    assert names == d.COMPARTMENTS
    for name in names:
        for type_, codes in d.compartment(name).items():
            assert set(codes) <= d.search_parameters(type_).keys(), (name, type_)


def test_66_types_are_in_the_compartment_of_a_patient() -> None:
    compartment = d.compartment("Patient")
    assert len(compartment) == 66
    assert compartment["DocumentReference"] == ("subject", "author")
    assert "Organization" not in compartment


def test_a_compartment_holds_the_resource_that_it_is_of() -> None:
    assert d.compartment("Practitioner")["Practitioner"] == ("_id",)


def test_a_required_binding_lists_its_codes() -> None:
    url = d.elements("DocumentReference")["status"].binding
    assert url is not None
    assert d.value_set(url) == frozenset({"current", "superseded", "entered-in-error"})
    assert d.value_set_by_system("http://hl7.org/fhir/ValueSet/administrative-gender") == {
        "http://hl7.org/fhir/administrative-gender": frozenset(
            {"male", "female", "other", "unknown"}
        )
    }


def test_only_four_required_bindings_can_not_be_listed() -> None:
    pending, open_ended = set(d.RESOURCE_TYPES | d.DATATYPES), set()
    seen: set[str] = set()
    while pending:
        path = pending.pop()
        seen.add(path)
        for element in d.elements(path).values():
            if element.binding and d.value_set(element.binding) is None:
                open_ended.add(element.binding.rpartition("/")[2])
            for type_ in element.types:
                found = d.child(path, element.json_name(type_.code))
                if found and found[1] not in seen:
                    pending.add(found[1])
    assert open_ended == {"mimetypes", "ucum-units", "currencies", "LL379-9"}


def test_a_value_set_of_no_required_binding_is_unknown() -> None:
    assert d.value_set("http://hl7.org/fhir/ValueSet/c80-doc-typecodes") is None


def test_the_tables_hold_one_entry_a_line() -> None:
    text = files("fhir_server.definitions").joinpath("types.json").read_text("utf-8")
    assert len(text.splitlines()) == 209 + 2


def test_the_room_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import fhir_server.definitions;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "['fhir_server']"
