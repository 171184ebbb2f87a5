"""Each right of the record, as its profile and its example say it, through HTTP.

For each: what the caller finds before, on the next request after the Consent, and after it was
withdrawn. `docs/consents.md` explains each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir_server.consent.reading import MASK
from fhir_server.consent.requester import Kind, Purpose, Requester
from fhir_server.records.rulesets import shipped_matrix
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.store import MongoStore
from fhir_server.validation import validate
from tests.support import resources as make
from tests.support.people import (
    a_doctor,
    breaking_the_glass,
    regulating,
    the_patient,
)
from tests.support.profile_check import faults
from tests.support.world import World

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "profiles" / "examples").glob("*.json"))
PROFILES = sorted((ROOT / "profiles").glob("StructureDefinition-consent-*.json"))
EXAMPLE_INS = "288035518990193"
STRANGER, COLLEAGUE, DENTIST = "99790000030", "99790000055", "99790000097"


def body(path: Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


# the files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_meets_the_profile_that_it_claims(path: Path) -> None:
    consent = body(path)
    assert validate(consent, "Consent", models=True) == []
    own = {profile["url"]: profile for profile in map(body, PROFILES)}
    for url in consent["meta"]["profile"]:
        if not path.stem.startswith("Consent-pcf-"):
            assert faults(consent, own[url]) == []


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_has_one_example_that_no_other_profile_of_another_right_takes(
    path: Path,
) -> None:
    profile = body(path)
    claiming = [p for p in EXAMPLES if profile["url"] in body(p)["meta"]["profile"]]
    name = path.stem.removeprefix("StructureDefinition-consent-")
    assert [p.stem for p in claiming] == [f"Consent-{name}"]
    kind = body(claiming[0])["provision"]["type"]
    opposite = [p for p in EXAMPLES if body(p)["provision"]["type"] != kind]
    assert all(faults(body(p), profile) for p in opposite)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_the_documentation_explains_the_right(path: Path) -> None:
    page = (ROOT / "docs" / "consents.md").read_text(encoding="utf-8")
    id_ = path.stem.removeprefix("StructureDefinition-")
    assert f"({'../profiles/' + path.name})" in page
    assert f"../profiles/examples/Consent-{id_.removeprefix('consent-')}.json" in page


def test_the_mask_is_known_by_the_profile_that_is_published() -> None:
    assert MASK in [body(path)["url"] for path in PROFILES]


# the rights -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(
    mongo_uri: str, module_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Give a server whose installation lets professionals record consents."""
    with connect(mongo_uri) as mongo:
        store = MongoStore(mongo, module_database_name)
        yield World(store, tmp_path_factory.mktemp("home"), professional_consents="on")


@dataclass(frozen=True)
class Stage:
    """A record in which an example is played, and the people of the example."""

    world: World
    id: str
    ins: str
    document: str
    attending: Requester
    member: Requester
    author: Requester
    team: str
    group: str

    def example(self, name: str, *, given: str = "2022-01-03") -> Json:
        """Return an example about this record; `given` is the day on which it was consented."""
        text = (ROOT / "profiles" / "examples" / f"Consent-{name}.json").read_text("utf-8")
        for there, here in (
            ("demo-patient-01", self.id),
            (EXAMPLE_INS, self.ins),
            ("demo-document-01", self.document),
            ("demo-care-team-01", self.team),
            ("demo-emergency-doctors", self.group),
            ("demo-encounter-01", f"stay-{self.id}"),
            ('"2022-01-03"', f'"{given}"'),
        ):
            text = text.replace(there, here)
        found: Json = json.loads(text)
        return found

    def shown(self, who: Requester) -> int:
        return self.world.as_(who).get(f"DocumentReference?patient={self.id}").total

    @property
    def holder(self) -> Requester:
        return the_patient(self.id)


@pytest.fixture
def stage(world: World) -> Stage:
    """Give a record with one report, its author, an attending doctor and a team."""
    attending, member, author = a_doctor(), a_doctor(), a_doctor()
    patient = make.a_patient(attending)
    anna = world.has(patient)
    team = world.team(anna, member, author, a_doctor(rpps=DENTIST))
    document = world.has(make.a_document(anna).by(author))
    group = world.has(
        {
            "resourceType": "Group",
            "id": make.new_id(),
            "type": "practitioner",
            "actual": True,
            "member": [{"entity": make.person(a_doctor(rpps=COLLEAGUE))}],
        }
    )
    ins = patient["identifier"][0]["value"]
    return Stage(world, anna, ins, document, attending, member, author, team, group)


def doctor(rpps: str) -> Requester:
    return a_doctor(rpps=rpps)


def plays(
    stage: Stage, name: str, reader: Requester, counts: tuple[int, int], by: Requester | None = None
) -> None:
    """Grant by the example `name`, look, withdraw as the holder, look again."""
    given = datetime.now(UTC).date().isoformat() if by else "2022-01-03"
    before, after = counts
    assert stage.shown(reader) == before
    made = stage.world.as_(by or stage.holder).post("Consent", stage.example(name, given=given))
    assert made.status == 201, made.body
    assert stage.shown(reader) == after
    ended = stage.world.as_(stage.holder).put(made.json | {"status": "inactive"})
    assert ended.status == 200, ended.body
    assert stage.shown(reader) == before


def test_opening_opens_nothing_to_whom_nobody_named(stage: Stage) -> None:
    """R3, R15."""
    plays(stage, "opening", doctor(STRANGER), (0, 0))
    plays(stage, "opening", stage.member, (1, 1))


def test_authorising_a_professional(stage: Stage) -> None:
    """R15, R21."""
    plays(stage, "authorize-professional", doctor(STRANGER), (0, 1))
    plays(stage, "authorize-professional", a_doctor(), (0, 0))


def test_authorising_an_establishment(stage: Stage) -> None:
    plays(stage, "authorize-establishment", a_doctor(organization="990000051"), (0, 1))
    plays(stage, "authorize-establishment", a_doctor(), (0, 0))


def test_authorising_a_team_holds_for_its_members_while_they_are(stage: Stage) -> None:
    """R16; a Group is a team that the record's own CareTeams are not."""
    plays(stage, "authorize-care-team", stage.member, (1, 1))
    by_group = stage.example("authorize-care-team")
    by_group["provision"]["actor"][0]["reference"] = make.reference(f"Group/{stage.group}")
    made = stage.world.as_(stage.holder).post("Consent", by_group)
    assert made.status == 201, made.body
    assert stage.shown(doctor(COLLEAGUE)) == 1
    group = stage.world.trusted.get(f"Group/{stage.group}").json
    stage.world.has(group | {"member": [group["member"][0] | {"inactive": True}]})
    assert stage.shown(doctor(COLLEAGUE)) == 0


def test_blocking_a_professional(stage: Stage) -> None:
    """R24."""
    plays(stage, "block-professional", doctor(DENTIST), (1, 0))
    plays(stage, "block-professional", stage.member, (1, 1))
    plays(stage, "block-professional", breaking_the_glass(stage.id, rpps=DENTIST), (1, 0))


@pytest.mark.parametrize("who", ["member", "attending", "author"])
def test_blocking_everybody(stage: Stage, who: str) -> None:
    """R26."""
    plays(stage, "block-all", getattr(stage, who), (1, 0))
    plays(stage, "block-all", stage.holder, (1, 1))
    plays(stage, "block-all", breaking_the_glass(stage.id), (1, 0))


def test_opposing_break_glass_alone(stage: Stage) -> None:
    """R65."""
    plays(stage, "oppose-break-glass", breaking_the_glass(stage.id), (1, 0))
    plays(stage, "oppose-break-glass", regulating(stage.id), (1, 1))
    plays(stage, "oppose-break-glass", stage.member, (1, 1))


def test_opposing_regulation_alone(stage: Stage) -> None:
    """R65."""
    plays(stage, "oppose-regulation", regulating(stage.id), (1, 0))
    plays(stage, "oppose-regulation", breaking_the_glass(stage.id), (1, 1))


def test_collecting_consent_for_a_colleague(stage: Stage) -> None:
    """R18."""
    plays(stage, "delegation", doctor(COLLEAGUE), (0, 1), by=stage.member)


def test_consenting_at_a_consultation(stage: Stage) -> None:
    """R17."""
    plays(stage, "consultation", doctor(STRANGER), (0, 1), by=doctor(STRANGER))


def test_letting_a_referenced_service_in(stage: Stage) -> None:
    """R101; which types it reads, the matrix says."""
    service = Requester(Kind.REFERENCED_SERVICE, Purpose.FEED, organization="990000192")
    types = shipped_matrix().types_for(service)
    stage.world.has(make.a_document(stage.id).typed(min(types)))
    plays(stage, "referenced-service", service, (0, 1 + (make.BIOLOGY in types)))


def test_masking_one_document(stage: Stage) -> None:
    """R43, R44, R70."""
    stage.world.document(stage.id)
    plays(stage, "mask-document", stage.member, (2, 1))
    plays(stage, "mask-document", stage.author, (2, 2))
    plays(stage, "mask-document", stage.attending, (2, 2))
    plays(stage, "mask-document", stage.holder, (2, 2))
    plays(stage, "mask-document", breaking_the_glass(stage.id), (2, 1))


def test_the_same_deny_without_the_profile_spares_nobody(stage: Stage) -> None:
    """R26 for one document."""
    consent = stage.example("mask-document")
    del consent["meta"]
    assert stage.world.as_(stage.holder).post("Consent", consent).status == 201
    assert [stage.shown(who) for who in (stage.author, stage.attending)] == [0, 0]


# IHE PCF ----------------------------------------------------------------------------------------------


def test_pcf_basic_authorises_by_purpose(stage: Stage) -> None:
    plays(stage, "pcf-basic", doctor(STRANGER), (0, 1))
    plays(stage, "pcf-basic", replace(doctor(STRANGER), purpose=Purpose.FEED), (0, 0))


def test_pcf_intermediate_opens_what_is_related_to_a_stay_but_for_an_author(stage: Stage) -> None:
    world = stage.world
    stay = make.an_encounter(stage.id) | {"id": f"stay-{stage.id}"}
    world.has(stay)
    related = make.a_document(stage.id).but(encounter=f"Encounter/{stay['id']}")
    by_dentist = replace(related, id=make.new_id()).by(doctor(DENTIST))
    shown, hidden = world.has(related), world.has(by_dentist)
    plays(stage, "pcf-intermediate", doctor(STRANGER), (0, 1))
    world.as_(stage.holder).post("Consent", stage.example("pcf-intermediate"))
    assert world.as_(doctor(STRANGER)).get(f"DocumentReference/{shown}").status == 200
    assert world.as_(doctor(STRANGER)).get(f"DocumentReference/{hidden}").status == 404
    assert world.as_(doctor(STRANGER)).get(f"DocumentReference/{stage.document}").status == 404


def test_pcf_break_glass_only_leaves_those_whom_the_group_names(stage: Stage) -> None:
    plays(stage, "pcf-break-glass-only", stage.member, (1, 0))
    plays(stage, "pcf-break-glass-only", breaking_the_glass(stage.id), (1, 0))
    plays(stage, "pcf-break-glass-only", breaking_the_glass(stage.id, rpps=COLLEAGUE), (1, 1))


def test_pcf_advanced_opens_by_confidentiality_and_denies_by_sensitivity(stage: Stage) -> None:
    world = stage.world
    world.has(make.a_document(stage.id).but(labels=("R",)))
    world.has(make.a_document(stage.id).labelled("PSY"))
    plays(stage, "pcf-advanced", doctor(STRANGER), (0, 1))


def test_the_capability_statement_names_the_profiles(world: World) -> None:
    statement = world.trusted.get("metadata").json
    consent = next(r for r in statement["rest"][0]["resource"] if r["type"] == "Consent")
    own = [body(path)["url"] for path in PROFILES]
    assert [url for url in consent["supportedProfile"] if url in own] == own
    assert [url.rpartition(".")[2] for url in consent["supportedProfile"][len(own) :]] == [
        "consentBasic",
        "consentIntermediate",
        "consentAdvanced",
    ]
