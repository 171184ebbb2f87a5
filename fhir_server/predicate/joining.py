"""Alternatives as one predicate, in the form that a database looks up best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from fhir_server.predicate.algebra import Any, Has, OneOf, Predicate, Scalar, any_of, one_of


def joined(parts: Iterable[Predicate]) -> Predicate:
    """Offer `parts` as alternatives; what one field may equal becomes one list, looked up once.

    So `subject=Patient/a,Patient/b` names its records as plainly as one of them alone.
    """
    match any_of(*parts):
        case Any(alternatives):
            pass
        case alone:
            return alone
    equal: dict[str, list[Scalar]] = defaultdict(list)
    others: list[Predicate] = []
    for part in alternatives:
        match part:
            case Has(field, value):
                equal[field].append(value)
            case OneOf(field, values):
                equal[field] += values
            case _:
                others.append(part)
    return any_of(*(one_of(field, values) for field, values in equal.items()), *others)
