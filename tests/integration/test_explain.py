"""What developers do most is answered out of an index, whatever else the database holds.

The table is that of `docs/api/search.md`. Each search runs as its caller, with consent in it, on a
few thousand rows of other records; the plans are those of the queries that it sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fhir_server.app import open_records
from fhir_server.consent.requester import TRUSTED, Requester
from fhir_server.records.plans import Plan, plans_of
from fhir_server.search.query import read_query
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.world import World

DOCTOR = a_doctor()
OTHERS = 200
EACH = 20
PATIENT = "hot"


@pytest.fixture(scope="module")
def hot(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server with one record that the doctor attends, among two hundred others."""
    with connect(mongo_uri) as client:
        world = World(MongoStore(client, module_database_name), tmp_path_factory.mktemp("home"))
        patient = make.a_patient(DOCTOR) | {"id": PATIENT}
        world.has(patient)
        for number in range(EACH * 2):
            document = make.a_document(PATIENT).json()
            document |= {"id": f"d{number}", "date": f"2024-03-{number % 28 + 1:02}T10:00:00Z"}
            document["identifier"] = [{"system": "urn:oid:1.2", "value": f"d{number}"}]
            if number % 2:
                document["type"] = {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]}
            world.has(document)
        world.has(an_observation())
        database = client[module_database_name]
        for type_, each in (("Patient", 1), ("DocumentReference", EACH), ("Observation", EACH)):
            models = [one for one in database[type_].find() if one["acl"].get("patient") == PATIENT]
            database[type_].insert_many(
                copy
                for record in range(OTHERS)
                for number in range(each)
                for copy in [of_another(models[number % len(models)], type_, record, number)]
            )
        yield world


def an_observation() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2024-03-01T10:00:00Z",
    }


def of_another(model: dict[str, Any], type_: str, record: int, number: int) -> dict[str, Any]:
    """Return a row like `model`, of another record."""
    copy = deepcopy(model)
    owner = f"other{record}"
    copy["_id"] = owner if type_ == "Patient" else f"{owner}-{number}"
    copy["acl"]["patient"] = owner
    for code in ("patient", "subject"):
        if code in copy["idx"]:
            copy["idx"][code] = [f"Patient/{owner}"]
    if type_ == "Patient":
        copy["idx"]["identifier"] = [
            {**one, "v": owner} if isinstance(one, dict) else f"{one}{record}"
            for one in copy["idx"]["identifier"]
        ]
    elif "identifier" in copy["idx"]:
        copy["idx"]["identifier"] = [f"{one}-{copy['_id']}" for one in copy["idx"]["identifier"]]
    return copy


def plans(world: World, who: Requester, type_: str, query: str) -> tuple[Plan, ...]:
    """Return the plans of what a search of `who` sends."""
    records = open_records(Settings(log_level="error"), store=world.store)
    view = records.as_seen_by(who, request_id="plan")
    pairs = [tuple(pair.split("=", 1)) for pair in query.split("&")]
    asked = read_query(type_, pairs, view.context.locale)  # type: ignore[arg-type]
    return plans_of(view, lambda: view.search(asked))


PAGE = Path(__file__).parents[2] / "docs" / "api" / "search.md"
ROW = re.compile(r"^\| `(\w+)\?(\S+)` \| `([\w-]+)` \| (\d+) \|$", re.MULTILINE)
HOT = [
    (type_, query.replace("\\|", "|"), index, int(most))
    for type_, query, index, most in ROW.findall(PAGE.read_text(encoding="utf-8"))
]
"""What the page documents: type, query, the index that answers, rows read for one on the page."""


def test_the_page_documents_hot_queries() -> None:
    assert len(HOT) >= 10


@pytest.mark.parametrize(
    ("type_", "query", "index", "most"), HOT, ids=[f"{h[0]}?{h[1]}" for h in HOT]
)
def test_a_documented_query_is_answered_out_of_its_index(
    hot: World, type_: str, query: str, index: str, most: int
) -> None:
    ins = hot.trusted.get(f"Patient/{PATIENT}").json["identifier"][0]["value"]
    found = plans(hot, DOCTOR, type_, query.replace("[id]", PATIENT).replace("[ins]", ins))
    for plan in found:
        assert "COLLSCAN" not in plan.stages, plan
    pages = [plan for plan in found if plan.collection == type_ and plan.verb == "find"]
    assert pages[-1].indexes == (index,)
    assert pages[-1].returned > 0
    for plan in pages:
        assert plan.documents <= most * plan.returned, plan
        assert "SORT" not in plan.stages or plan.documents <= 1, plan
    for plan in (one for one in found if one.verb == "count"):
        assert plan.documents <= 2 * EACH, plan


def test_a_plan_tells_a_search_that_no_index_serves(hot: World) -> None:
    found = plans(hot, TRUSTED, "DocumentReference", "status=current&_sort=description")
    assert "SORT" in found[0].stages
    assert found[0].documents > OTHERS * EACH
