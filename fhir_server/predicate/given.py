"""What is left of a predicate when one field is known to hold exactly one value."""

from __future__ import annotations

from fhir_server.predicate.algebra import (
    ALWAYS,
    NEVER,
    All,
    Any,
    Has,
    Not,
    OneOf,
    Predicate,
    Present,
    Scalar,
    all_of,
    any_of,
    negate,
)


def given(part: Predicate, field: str, value: Scalar) -> Predicate:
    """Return what `part` asks of documents whose `field` is `value` and nothing else.

    On those documents the two agree; on others the answer means nothing. Inside `Some`, fields are
    those of an element, and stay.
    """
    match part:
        case All(parts):
            return all_of(*(given(inner, field, value) for inner in parts))
        case Any(parts):
            return any_of(*(given(inner, field, value) for inner in parts))
        case Not(inner):
            return negate(given(inner, field, value))
        case Has(name, wanted) if name == field:
            return ALWAYS if _is(wanted, value) else NEVER
        case OneOf(name, values) if name == field:
            return ALWAYS if any(_is(wanted, value) for wanted in values) else NEVER
        case Present(name) if name == field:
            return ALWAYS
        case _:
            return part


def _is(wanted: Scalar, value: Scalar) -> bool:
    """Compare as `holds` does: a truth value is no number."""
    return isinstance(wanted, bool) == isinstance(value, bool) and wanted == value
