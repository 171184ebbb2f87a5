"""What developers do most is answered out of an index, whatever else the database holds.

The tables are those of `docs/api/search.md`. Each search runs as its caller, with consent in it, on
a few thousand rows of other records; the plans are those of the queries that it sent.
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
from tests.support.people import a_doctor, an_auditor, the_patient
from tests.support.world import World

DOCTOR = a_doctor()
OTHERS = 200
EACH = 20
EACH_OF = {"Patient": 1, "DocumentReference": EACH, "Observation": EACH, "AuditEvent": EACH}
PATIENT = "hot"
OWN = 6 * EACH
"""More rows than the one record has of any type, its traces among them: two a document."""
CALLERS = {
    "doctor": DOCTOR,
    "patient": the_patient(PATIENT),
    "trusted": TRUSTED,
    "auditor": an_auditor(),
}


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
        for number in range(EACH):
            assert world.as_(DOCTOR).get(f"DocumentReference/d{number}").status == 200
        database = client[module_database_name]
        for type_, each in EACH_OF.items():
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
    if type_ == "AuditEvent":
        copy["_id"] = f"{owner}-{number}"
        copy["acl"]["authors"] = [f"rpps:{owner}"]
        # Later than what the record has, so that the log's newest entries are of others.
        copy["srt"]["date"] += 1_000_000_000 * (record + 1)
        copy["idx"]["date"] = [{"lo": copy["srt"]["date"], "hi": copy["srt"]["date"] + 1000}]
    elif type_ == "Patient":
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
ROW = re.compile(r"^\| (?:(\w+) \| )?`(\w+)\?(\S+)` \| `([\w-]+)` \| (\d+) \|$", re.MULTILINE)
HOT = [
    (who or "doctor", type_, query.replace("\\|", "|"), index, int(most))
    for who, type_, query, index, most in ROW.findall(PAGE.read_text(encoding="utf-8"))
]
"""What the page documents: who asks what, the index that answers, rows read for one on the page."""


def found_by(world: World, who: Requester, type_: str, query: str) -> tuple[Plan, ...]:
    ins = world.trusted.get(f"Patient/{PATIENT}").json["identifier"][0]["value"]
    return plans(world, who, type_, query.replace("[id]", PATIENT).replace("[ins]", ins))


def test_the_page_documents_hot_queries_of_four_callers() -> None:
    assert len(HOT) >= 20
    assert {who for who, *_ in HOT} == CALLERS.keys()


@pytest.mark.parametrize(
    ("who", "type_", "query", "index", "most"), HOT, ids=[f"{h[0]} {h[1]}?{h[2]}" for h in HOT]
)
def test_a_documented_query_is_answered_out_of_its_index(
    hot: World, who: str, type_: str, query: str, index: str, most: int
) -> None:
    found = found_by(hot, CALLERS[who], type_, query)
    for plan in found:
        assert "COLLSCAN" not in plan.stages, plan
    pages = [plan for plan in found if plan.collection == type_ and plan.verb == "find"]
    assert pages[-1].indexes == (index,)
    assert pages[-1].returned > 0
    for plan in pages:
        assert plan.documents <= most * plan.returned, plan
        assert "SORT" not in plan.stages or plan.documents <= 1, plan
    if f"[{'id' if 'id' in query else 'ins'}]" in query:
        for plan in (one for one in found if one.verb == "aggregate"):
            assert plan.documents <= OWN, plan


FORMS = {
    "DocumentReference": (
        "_sort=-date", "_sort=-_lastUpdated", "type=11502-2&_sort=-date", "date=2024-03-05",
        "date=ge2024-03-20", "_lastUpdated=gt2020-01-01", "status=current", "_content=biologie",
        "identifier=urn:oid:1.2|d3", "type:missing=false", "_filter=date ge 2024-03-20",
        "patient=[id]&_include=DocumentReference:patient", "_id=d3&_revinclude=AuditEvent:entity",
        "patient=[id]&_revinclude=List:item",
    ),
    "Patient": (
        "family=gen", "birthdate=1988-03-05", "_lastUpdated=gt2020-01-01", "_id=hot",
        "_has:Observation:patient:code=2345-7",
    ),
    "Observation": ("code=2345-7", "code=2345-7&_sort=-date", "date=ge2024-01-01&_sort=date"),
    "AuditEvent": (
        "_sort=-_id", "_sort=date", "action=R", "entity=DocumentReference/d3", "type=rest",
        "patient=[id]&_summary=count", "patient=[id]&_sort=-date", "date=lt2020-01-01",
    ),
}  # fmt: skip


@pytest.mark.parametrize("who", ["doctor", "patient"])
@pytest.mark.parametrize(
    ("type_", "query"), [(type_, query) for type_, queries in FORMS.items() for query in queries]
)
def test_who_has_one_record_is_answered_out_of_that_record_whatever_they_ask(
    hot: World, who: str, type_: str, query: str
) -> None:
    for plan in found_by(hot, CALLERS[who], type_, query):
        assert "COLLSCAN" not in plan.stages, plan
        in_order = not {"SORT", "COUNT"} & set(plan.stages)
        # What walks an index in the order asked for, and ends with the page, holds nothing.
        assert plan.documents <= 4 * OWN or in_order, plan


def test_a_plan_tells_a_search_that_no_index_serves(hot: World) -> None:
    found = plans(hot, TRUSTED, "DocumentReference", "status=current&_sort=description")
    assert "SORT" in found[0].stages
    assert found[0].documents > OTHERS * EACH
