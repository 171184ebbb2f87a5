"""Each of R4's search parameters finds what has the value asked for, and nothing that lacks it.

The values come from the official examples, or from a specimen made for a parameter that no example
has (`tests/oracle/search_specimens.py`); what must be found is said by `tests/oracle/search.py`.
What has no testable value stands in `docs/conformance/search-parameters.md`, and nothing else may.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fhir_server.definitions import RESOURCE_TYPES, SearchParameter, search_parameters
from fhir_server.search.registry import supported
from fhir_server.validation import validate
from tests.oracle.search import Json, Oracle, values_of
from tests.oracle.search_asked import asked_for
from tests.oracle.search_specimens import specimens
from tests.support.replies import entry
from tests.support.world import World
from tests.support.world import world as world
from tests.unit.search.test_paths_against_fhirpath import ARCHIVE, examples

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"REFERENCE DATA ABSENT: {ARCHIVE}"),
]
BASE = "http://127.0.0.1:8080/fhir"
MOST_EXAMPLES, LARGEST = 12, 30_000
PAGE = Path(__file__).parents[2] / "docs" / "conformance" / "search-parameters.md"


def own(type_: str) -> list[SearchParameter]:
    """Return the parameters of `type_`; those of every type are tried on Patient alone."""
    return [
        parameter
        for parameter in search_parameters(type_).values()
        if parameter.expression
        and parameter.code != "_lastUpdated"
        and (type_ == "Patient" or not {"Resource", "DomainResource"} & {*parameter.base})
    ]


@cache
def documents(type_: str) -> list[Json]:
    """Return few valid resources of `type_` that together have what parameters are about."""
    missing = {parameter.code: parameter for parameter in own(type_)}
    chosen: list[Json] = []
    texts = sorted((text for text in examples().get(type_, []) if len(text) < LARGEST), key=len)
    step = max(1, len(texts) // MOST_EXAMPLES)
    for body in _candidates(type_, texts[::step], missing, chosen):
        found = [
            code for code, one in missing.items() if asked_for(one, body, values_of(body, one))
        ]
        if found and not validate(body, type_):
            chosen.append(body | {"id": f"{type_[:20]}-{len(chosen)}"})
            for code in found:
                del missing[code]
    return chosen


def _candidates(
    type_: str,
    texts: Sequence[str],
    missing: dict[str, SearchParameter],
    chosen: Sequence[Json],
) -> Iterator[Json]:
    """Yield examples while a parameter lacks a value, then what is made for those that do."""
    for text in texts:
        # The narrative of some examples is not valid, and no parameter here is about it.
        yield {name: value for name, value in json.loads(text).items() if name != "text"}
    for parameter in own(type_):
        if parameter.code in missing:
            yield from specimens(type_, parameter, chosen[0] if chosen else {})


def untestable(type_: str) -> set[str]:
    """Return the parameters of which nothing that could be stored has a value."""
    return {
        parameter.code
        for parameter in own(type_)
        if not any(asked_for(parameter, one, values_of(one, parameter)) for one in documents(type_))
    }


@pytest.mark.parametrize("type_", sorted(RESOURCE_TYPES))
def test_each_parameter_finds_what_has_the_value_and_nothing_else(world: World, type_: str) -> None:
    stored = _stored(world, type_)
    oracle = Oracle(stored, BASE)
    questions = []
    for parameter in own(type_):
        assert parameter.code in supported(type_)
        for one in stored:
            if text := asked_for(parameter, one, oracle.values(one, parameter)):
                questions.append((parameter.code, text, str(one["id"])))
                break
    # Some types have resources of the server's own, too.
    among = ",".join(str(one["id"]) for one in stored)
    gets = [
        entry("GET", f"{type_}?{urlencode([(code, text), ('_id', among), ('_count', 100)])}")
        for code, text, _ in questions
    ]
    answers = world.trusted.transact(*gets, kind="batch").entries if gets else []
    wrong = {}
    for (code, text, id_), answer in zip(questions, answers, strict=True):
        ids = {one["resource"]["id"] for one in answer["resource"].get("entry", ())}
        expected = {*oracle.search(type_, [(code, text)])}
        if id_ not in ids or ids != expected:
            wrong[code] = (text, ids, expected, str(answer["response"])[:300])
    assert wrong == {}


def _stored(world: World, type_: str) -> list[Json]:
    """Store the chosen resources; return them as they are read back."""
    refs = [f"{type_}/{one['id']}" for one in documents(type_)]
    for ref, one in zip(refs, documents(type_), strict=True):
        reply = world.trusted.put(one)
        assert reply.status in (200, 201), (ref, reply.body[:400])
    return [world.trusted.get(ref).json for ref in refs]


def test_what_is_not_tried_stands_in_the_docs() -> None:
    listed = {line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"}
    found = {
        f"| `{type_}` | {', '.join(f'`{code}`' for code in sorted(codes))} |"
        for type_ in sorted(RESOURCE_TYPES)
        if (codes := untestable(type_))
    }
    assert listed == found
