"""Requests that schemathesis (https://schemathesis.readthedocs.io) makes out of `/openapi.json`.

Whatever is sent, an answer is no 5xx, has a documented status, and a refusal is an
OperationOutcome whose code suits its status. Each route is asked about a type that changes from
day to day; `SCHEMATHESIS=all` asks each about every type.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from lxml import etree
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.fhir.errors import FhirError
from fhir_server.fhir.json import parse
from fhir_server.fhir.xml import to_xml
from fhir_server.http.endpoint import Route
from fhir_server.http.openapi import beside
from fhir_server.http.openapi.paths import address
from fhir_server.http.routes import ROUTES
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.world import World
from tests.support.world import world as world

Json = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore")

EVERYTHING = os.environ.get("SCHEMATHESIS") == "all"
DAY = datetime.now(UTC).toordinal()
TYPES = sorted(RESOURCE_TYPES)
AS_IT_SHOULD_BE, OTHERWISE = (3, 2) if EVERYTHING else (6, 3)
"""Cases of an operation: such as the document asks for, and such as it does not."""
CODES = {
    400: {"structure", "invalid", "value", "not-supported", "not-found", "too-costly", "required",
          "too-long"},
    401: {"login"},
    403: {"forbidden"},
    404: {"not-found", "not-supported"},
    405: {"not-supported"},
    406: {"not-supported"},
    409: {"conflict", "duplicate"},
    410: {"deleted"},
    411: {"required"},
    412: {"conflict", "multiple-matches", "too-costly"},
    413: {"too-long"},
    414: {"too-long"},
    415: {"not-supported"},
    422: {"structure", "required", "value", "invariant", "business-rule", "processing",
          "code-invalid", "not-supported", "not-found", "invalid"},
}  # fmt: skip
"""https://hl7.org/fhir/R4/valueset-issue-type.html, as docs/api/README.md gives them."""


def asked() -> Iterator[tuple[Route, str]]:
    """Yield each route with the types that it is asked about."""
    for index, route in enumerate(ROUTES):
        if "<type>" not in route.rule:
            yield route, ""
        elif EVERYTHING:
            yield from ((route, type_) for type_ in TYPES)
        else:
            yield route, TYPES[(DAY * 17 + index * 41) % len(TYPES)]
            if "<id>" in route.rule:
                yield route, ("Patient", "Observation", "Binary")[(DAY + index) % 3]


@pytest.fixture(scope="module")
def schema(world: World) -> Any:
    """Return what schemathesis reads in the document; requests carry no token of its making."""
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_wsgi("/openapi.json", world.app, config=config)


@pytest.fixture(scope="module")
def doctor(world: World) -> Json:
    """Return the header of a caller who, unlike one without a token, may not know everything."""
    return {"Authorization": f"Bearer {world.token(a_doctor())}"}


@pytest.fixture(scope="module")
def ids(world: World) -> dict[str, str]:
    """Return ids of resources that are there, so that some requests find something."""
    patient = world.patient()
    return {
        "Patient": patient,
        "Observation": world.has(make.an_observation(patient)),
        "Binary": world.has(make.a_binary()),
        "DocumentReference": world.document(patient),
    }


def judged(case: Any, response: Any) -> None:
    """Check one answer; what fails says how to ask it again."""
    status, said = response.status_code, case.operation.definition.raw["responses"]
    again = case.as_curl_command()
    assert status < 500, again
    assert str(status) in said, (status, again, response.content[:300])
    if status < 400 or case.method == "HEAD" or status == 416:
        return
    packed = response.headers.get("content-encoding") == ["gzip"]
    body = gzip.decompress(response.content) if packed else response.content
    codes = codes_of(response.headers["content-type"][0], body)
    assert codes, again
    assert codes <= CODES[status], (codes, again, body[:300])


def codes_of(content_type: str, body: bytes) -> set[str]:
    """Return the codes of the issues of an OperationOutcome."""
    if "json" in content_type:
        outcome: Json = json.loads(body)
        assert outcome["resourceType"] == "OperationOutcome"
        return {issue["code"] for issue in outcome["issue"]}
    root = etree.fromstring(body)
    assert etree.QName(root).localname == "OperationOutcome"
    return {code.get("value") for code in root.iterfind("{*}issue/{*}code")}


def ask(made: Any, examples: int, question: Callable[[Any, Random], None]) -> None:
    """Put `question` to so many cases of `made`, the same all day."""
    few = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    few(seed(DAY)(given(made, st.randoms(use_true_random=False))(question)))()


@pytest.mark.parametrize(
    ("route", "type_"),
    list(asked()),
    ids=lambda v: v if isinstance(v, str) else f"{v.method} {v.rule}",
)
def test_no_request_made_of_the_document_breaks_the_server(
    schema: Any, doctor: Json, ids: dict[str, str], route: Route, type_: str
) -> None:
    operation = schema[address(route, type_)][route.method]
    made = fitting(operation)

    def question(case: Any, chance: Random) -> None:
        if "id" in case.path_parameters and type_ in ids and chance.random() < 0.7:
            case.path_parameters |= {
                "id": ids[type_],
                **({"vid": "1"} if "vid" in route.rule else {}),
            }
        thinned(case, chance)
        headers = doctor if chance.random() < 0.3 else {}
        judged(case, case.call(headers=headers, **as_xml(case)))

    ask(made, AS_IT_SHOULD_BE, question)
    ask(wrong(operation, made), OTHERWISE, question)


@pytest.mark.parametrize("path", sorted(beside.paths()))
def test_no_request_to_an_address_beside_breaks_the_server(schema: Any, path: str) -> None:
    def question(case: Any, _: Random) -> None:
        answer = case.call()
        assert str(answer.status_code) in case.operation.definition.raw["responses"], answer.content

    ask(schema[path]["GET"].as_strategy(generation_mode=GenerationMode.POSITIVE), 5, question)


def fitting(operation: Any) -> Any:
    """Return cases such as the document asks for; a resource in XML is one in JSON at first."""
    made = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    kinds = [body.media_type for body in operation.body if body.media_type.endswith("xml")]
    in_json = made.filter(lambda case: (case.media_type or "json").endswith("json"))
    if not kinds:
        return made

    def turned(case: Any, kind: str) -> Any:
        case.media_type = kind
        return case

    return st.one_of(made, in_json, st.builds(turned, in_json, st.sampled_from(kinds)))


def thinned(case: Any, chance: Random) -> None:
    """Leave a few parameters of a query: with all at once one is always refused."""
    names = sorted(case.query or ())
    if len(names) > 3 and chance.random() < 0.8:
        kept = chance.sample(names, chance.randint(0, 2))
        case.query = {name: case.query[name] for name in kept}


def as_xml(case: Any) -> Json:
    """Return how to send a resource whose body schemathesis made in JSON in the XML of FHIR."""
    xml = (case.media_type or "").endswith("xml") and isinstance(case.body, dict)
    if not xml or case.body.get("resourceType") not in TYPES:
        return {}
    try:
        return {"data": to_xml(parse(json.dumps(case.body).encode()).resource)}
    except FhirError:
        return {"data": b"<Patient xmlns='http://hl7.org/fhir'><id"}


def wrong(operation: Any, made: Any) -> Any:
    """Return cases that the document does not ask for.

    schemathesis takes minutes to find what a large schema does not allow; a resource that it
    allows, with a member taken away, put in or replaced, is as wrong.
    """
    if not operation.body:
        return operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.builds(spoiled, made, st.data())


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.just([]), st.just({}), st.just([None]), st.just({"": {}}),
    st.sampled_from(["#", "urn:uuid:0", "Patient/", "\x00", "é" * 300, "0000-00-00", "24:61:61"]),
)  # fmt: skip
"""What JSON can hold, and texts that are almost something."""


def spoiled(case: Any, data: Any) -> Any:
    """Return `case` with something in its body that should not be there."""
    place = case.body
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        below = place[key]
        if isinstance(below, dict | list) and below and data.draw(st.booleans()):
            place = below
            continue
        place[key] = data.draw(ODD)
        break
    else:
        case.body = data.draw(ODD)
    return case
