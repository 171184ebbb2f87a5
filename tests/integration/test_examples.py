"""Public examples go in and come out as they were, or are refused for a stated reason.

`EXAMPLES=all` takes all 3,668 official ones instead of a sample.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from fhir_server.fhir.json import dumps, parse
from tests.support.world import World
from tests.support.world import world as world
from tests.unit.validation.test_official_examples import REFERENCE, REFUSED
from tests.unit.validation.test_official_examples import (
    official_examples as official_examples,
)

pytestmark = pytest.mark.reference

SAMPLE = 200
_STAMP = re.compile(rb',?\s*"meta":\{"versionId":"\d+","lastUpdated":"[^"]+"\}', re.ASCII)

NO_RECORD = (422, "there is no record for this INS")
FRENCH = {
    "Bundle-example-td2-1-remplacement.json": NO_RECORD,
    "Bundle-example-td2-iti65-lot-soumission.json": NO_RECORD,
    "DocumentReference-doc-x-id.json": NO_RECORD,
    "DocumentReference-example-td2-iti105-publication-simplifiee.json": NO_RECORD,
}
"""Why a French example is refused: a record is not opened by depositing in it."""
SYNTHEA = ("hospitalInformation", "practitionerInformation", "ms-sample-synthea")
SYNTHEA_PATIENTS = ("Bob965_Keeling57", "Cecelia952_Romaguera67")


def bare(text: bytes) -> bytes:
    """Return a resource without what the server stamps, its numbers and order as they were."""
    resource = parse(text).resource
    meta = resource.get("meta", {})
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    if not meta:
        resource.pop("meta", None)
    return dumps(resource)


def test_official_examples_are_read_back_as_they_were(
    world: World, official_examples: dict[str, str]
) -> None:
    step = 1 if os.environ.get("EXAMPLES") == "all" else len(official_examples) // SAMPLE
    changed, unexpected = [], {}
    for name, text in sorted(official_examples.items())[::step]:
        sent = text.encode()
        given = json.loads(text)
        if "id" not in given:
            continue
        path = f"{given['resourceType']}/{given['id']}"
        reply = world.trusted.send("PUT", path, sent)
        if reply.status not in (200, 201):
            if name not in REFUSED:
                unexpected[name] = reply.body[:300]
            continue
        got = world.trusted.get(path, Accept="application/fhir+json").body
        whole = _STAMP.sub(b"", got, count=1) == sent.strip()
        if bare(got) != bare(sent) or not (whole or "meta" in given):
            changed.append(name)
    assert unexpected == {}
    assert changed == []


def french() -> list[Path]:
    return sorted((REFERENCE / "french-examples").glob("*.json"))


def test_french_examples_are_accepted_or_refused_for_a_stated_reason(world: World) -> None:
    if not french():
        pytest.skip(f"REFERENCE DATA ABSENT: {REFERENCE}; set FHIR_REFERENCE_DATA")
    refused = {}
    for path in french():
        body = json.loads(path.read_bytes())
        if body.get("type") in ("transaction", "batch"):
            reply = world.trusted.send("POST", "", path.read_bytes())
        else:
            address = f"{body['resourceType']}/{body['id']}"
            reply = world.trusted.send("PUT", address, path.read_bytes())
        if reply.status >= 400:
            refused[path.name] = (reply.status, reply.issue["diagnostics"])
    assert refused == FRENCH


def test_a_french_submission_is_accepted_once_its_record_is_open(world: World) -> None:
    path = REFERENCE / "french-examples" / "Bundle-example-td2-iti65-lot-soumission.json"
    if not path.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {path}; set FHIR_REFERENCE_DATA")
    text = path.read_text()
    asked = re.search(r'Patient\?identifier=([^|"]+)\|([^"&]+)', text)
    assert asked is not None
    system, value = (part.replace("%7C", "|") for part in asked.groups())
    world.patient(identifier=[{"system": system, "value": value}])
    assert world.trusted.send("POST", "", text.encode()).status == 200


@pytest.mark.parametrize("name", [*SYNTHEA, *SYNTHEA_PATIENTS])
def test_a_synthea_bundle_is_accepted_whole(world: World, name: str) -> None:
    found = sorted((REFERENCE / "synthea").glob("*.json"))
    if not found:
        pytest.skip(f"REFERENCE DATA ABSENT: {REFERENCE}; set FHIR_REFERENCE_DATA")
    if name in SYNTHEA_PATIENTS:
        for needed in SYNTHEA[:2]:
            world.trusted.send("POST", "", (REFERENCE / "synthea" / f"{needed}.json").read_bytes())
    (path,) = (one for one in found if one.name.startswith(name))
    reply = world.trusted.send("POST", "", path.read_bytes())
    assert reply.status == 200, reply.body[:400]
    assert {one["response"]["status"][:3] for one in reply.entries} <= {"200", "201"}
    assert len(reply.entries) == len(json.loads(path.read_bytes())["entry"])
