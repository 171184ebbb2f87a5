"""R4 (4.0.1) as data: types, elements, invariants, search parameters, compartments, bindings.

https://hl7.org/fhir/R4/
"""

from fhir_server.definitions.compartments import COMPARTMENTS, compartment
from fhir_server.definitions.constraints import Constraint, constraints
from fhir_server.definitions.elements import Element, Elements, TypeRef, child, elements
from fhir_server.definitions.search_parameters import (
    Component,
    SearchParameter,
    all_search_parameters,
    search_parameter,
    search_parameters,
)
from fhir_server.definitions.types import (
    DATATYPES,
    PRIMITIVES,
    RESOURCE_TYPES,
    ancestry,
    is_a,
)
from fhir_server.definitions.value_sets import value_set, value_set_by_system

__all__ = [
    "COMPARTMENTS",
    "DATATYPES",
    "PRIMITIVES",
    "RESOURCE_TYPES",
    "Component",
    "Constraint",
    "Element",
    "Elements",
    "SearchParameter",
    "TypeRef",
    "all_search_parameters",
    "ancestry",
    "child",
    "compartment",
    "constraints",
    "elements",
    "is_a",
    "search_parameter",
    "search_parameters",
    "value_set",
    "value_set_by_system",
]
