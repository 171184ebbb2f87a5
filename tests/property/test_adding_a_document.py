"""Adding a document never changes what another caller sees of others.

Over HTTP on a real MongoDB: whatever someone deposits, pointing to or claiming to replace whatever
they like, every other caller reads the same bytes of what was there, and finds the same of it.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import resources as make
from tests.support.model import DOCUMENT, Model
from tests.support.model_known import facts
from tests.support.model_resources import a_pointer, loads
from tests.support.people import a_hospital
from tests.support.random_worlds import CALLERS, caller_of, lived_in, models, places
from tests.support.replies import Caller, Json, entry
from tests.support.world import World
from tests.support.world import world as world

pytestmark = pytest.mark.proof

EXAMPLES = max(8, int(os.environ.get("PROVE_N", "0")) // 500)


def seen(caller: Caller, model: Model) -> list[object]:
    """Return what `caller` reads of everything in `model`, and which of it each search finds."""
    refs = sorted(facts(model))
    gets = [entry("GET", ref) for ref in refs]
    answers = caller.transact(*gets, kind="batch").entries
    read: list[object] = [(one["response"]["status"], one.get("resource")) for one in answers]
    types = sorted({ref.split("/")[0] for ref in refs})
    searches = [
        entry("GET", f"{type_}?_id={','.join(ref.split('/')[1] for ref in refs)}&_sort=_id")
        for type_ in types
    ]
    pages = caller.transact(*searches, kind="batch").entries
    found = [page["resource"].get("entry", ()) for page in pages]
    return [*read, *([one["resource"]["id"] for one in page] for page in found)]


def added(model: Model, place: int) -> list[Json]:
    """Return what is deposited: a document that claims much, and what points to others."""
    paper = place % len(model.papers)
    of = model.patient(model.papers[paper].of)
    refs = [model.ref(at) for at in range(len(model.papers))]
    claims = make.a_document(of).masked().but(url=f"Binary/{model.id('b', paper)}", author=None)
    if model.papers[paper].kind == DOCUMENT:
        claims = claims.replacing(model.ref(paper))
    bodies = [claims.json(), make.a_document(of).json(), a_pointer("List", of, refs)]
    return [{name: value for name, value in body.items() if name != "id"} for body in bodies]


@settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(models(), st.sampled_from(CALLERS), places)
def test_adding_a_document_never_changes_what_another_caller_sees_of_others(
    world: World, model: Model, who: str, place: int
) -> None:
    model = lived_in(model)
    for load in loads(model):
        assert not load or world.trusted.transact(*load).status == 200
    caller, depositor = world.as_(caller_of(model, who, place)), world.as_(a_hospital())
    before = seen(caller, model)
    for body in added(model, place):
        assert depositor.post(body["resourceType"], body).status == 201
    assert seen(caller, model) == before
