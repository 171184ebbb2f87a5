"""Every modifier through HTTP on MongoDB: https://hl7.org/fhir/R4/search.html#modifiers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.replies import Caller
from tests.support.world import World

Json = dict[str, Any]

CARE = "http://example.org/CodeSystem/care"
FRENCH_CARE = "http://example.org/ValueSet/soins"
PROFILE = "http://example.org/StructureDefinition/acte"


def procedure(of: str, **but: Any) -> Json:
    return {
        "resourceType": "Procedure",
        "id": make.new_id(),
        "status": "completed",
        "subject": make.reference(f"Patient/{of}"),
        **but,
    }


def coded(code: str, display: str = "", system: str = CARE) -> Json:
    return {
        "coding": [{"system": system, "code": code, **({"display": display} if display else {})}]
    }


def value_set(url: str, version: str, *codes: str, **but: Any) -> Json:
    concepts = [{"code": code} for code in codes]
    return {
        "resourceType": "ValueSet",
        "id": make.new_id(),
        "status": "active",
        "url": url,
        "version": version,
        "compose": {"include": [{"system": CARE, "concept": concepts}]},
        **but,
    }


CODE_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "id": "care",
    "url": CARE,
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "surgery", "concept": [{"code": "heart"}, {"code": "hand"}]},
        {"code": "nursing"},
    ],
}


class Record:
    """A record with four procedures, and who asks: its doctor, by short names."""

    def __init__(self, world: World) -> None:
        """Store them, and the code system and value sets that they are searched by."""
        self.world = world
        self.doctor = a_doctor()
        self.id = world.patient(self.doctor)
        world.has(CODE_SYSTEM)
        self.first = world.has(value_set(FRENCH_CARE, "1", "nursing"))
        world.has(value_set(FRENCH_CARE, "2", "heart", "nursing"))
        made = {
            "heart": procedure(
                self.id,
                code={**coded("heart", "Chirurgie du cœur"), "text": "Pontage d'urgence"},
                meta={
                    "tag": [{"system": "urn:tag", "code": "a", "display": "Dossier rouge"}],
                    "profile": [f"{PROFILE}/coeur"],
                    "source": "https://chu.example.org/dpi/actes",
                },
            ),
            "hand": procedure(self.id, code=coded("hand")),
            "text": procedure(self.id, code={"text": "Soin"}),
            "none": procedure(self.id),
        }
        self.names = {world.has(resource): name for name, resource in made.items()}

    @property
    def caller(self) -> Caller:
        return self.world.as_(self.doctor)

    def finds(self, name: str, value: str) -> list[str]:
        """Return the names of what is found, in the order of the alphabet."""
        query = f"{name}={quote(value)}&_total=accurate"
        reply = self.caller.get(f"Procedure?subject=Patient/{self.id}&{query}")
        assert reply.status == 200, reply.body
        assert reply.total == len(reply.ids)
        return sorted(self.names[id_] for id_ in reply.ids)


@pytest.fixture(scope="module")
def record(world: World) -> Record:
    return Record(world)


ALL = ["hand", "heart", "none", "text"]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code", f"{CARE}|heart", ["heart"]),
        ("code", f"{CARE}|", ["hand", "heart"]),
        ("code", "heart,hand", ["hand", "heart"]),
        ("code:not", "heart", ["hand", "none", "text"]),
        ("code:not", "heart,hand", ["none", "text"]),
        ("code:text", "pontage", ["heart"]),
        ("code:text", "COEUR", ["heart"]),
        ("code:text", "urg,soin", ["heart", "text"]),
        ("code:text", "ontage", []),
        ("code:below", f"{CARE}|surgery", ["hand", "heart"]),
        ("code:above", f"{CARE}|heart", ["heart"]),
        ("code:in", FRENCH_CARE, ["heart"]),
        ("code:in", f"{FRENCH_CARE}|1", []),
        ("code:not-in", FRENCH_CARE, ["hand", "none", "text"]),
        ("code:missing", "true", ["none"]),
        ("code:missing", "false", ["hand", "heart", "text"]),
        ("status", "http://hl7.org/fhir/event-status|completed", ALL),
        ("status:in", "http://hl7.org/fhir/ValueSet/event-status", ALL),
        ("status:not", "completed", []),
    ],
)
def test_a_token_is_found_by_every_modifier(
    record: Record, name: str, value: str, found: list[str]
) -> None:
    assert record.finds(name, value) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("_tag", "urn:tag|a", ["heart"]),
        ("_tag:text", "rouge", ["heart"]),
        ("_tag:not", "a", ["hand", "none", "text"]),
        ("_tag:missing", "false", ["heart"]),
        ("_security:missing", "true", ALL),
        ("_profile", f"{PROFILE}/coeur", ["heart"]),
        ("_profile", PROFILE, []),
        ("_profile:below", PROFILE, ["heart"]),
        ("_profile:above", f"{PROFILE}/coeur/x", ["heart"]),
        ("_profile:missing", "true", ["hand", "none", "text"]),
        ("_source:below", "https://chu.example.org", ["heart"]),
        ("_source:missing", "false", ["heart"]),
        ("_id:missing", "false", ALL),
        ("_id:missing", "true", []),
        ("_lastUpdated:missing", "true", []),
        ("_lastUpdated", "ge2020", ALL),
        ("_lastUpdated", "lt2020", []),
        ("_lastUpdated", "ne2020-01-01T00:00:00.000Z", ALL),
    ],
)
def test_the_parameters_of_all_types_take_the_modifiers_of_theirs(
    record: Record, name: str, value: str, found: list[str]
) -> None:
    assert record.finds(name, value) == found


def test_an_id_is_found_and_left_out(record: Record) -> None:
    (heart,) = (id_ for id_, name in record.names.items() if name == "heart")
    assert record.finds("_id", f"{heart},nobody") == ["heart"]
    assert record.finds("_id:not", heart) == ["hand", "none", "text"]


def test_a_value_set_is_named_by_its_place_on_this_server_too(record: Record) -> None:
    assert record.finds("code:in", f"ValueSet/{record.first}") == []
    assert record.finds("code:not-in", f"ValueSet/{record.first}") == ALL


def test_a_value_set_that_changes_is_read_anew(world: World, record: Record) -> None:
    url = "http://example.org/ValueSet/changing"
    kept = value_set(url, "1", "hand")
    world.has(kept)
    assert record.finds("code:in", url) == ["hand"]
    world.has({**value_set(url, "1", "heart"), "id": kept["id"]})
    assert record.finds("code:in", url) == ["heart"]
    world.lacks(f"ValueSet/{kept['id']}")
    reply = record.caller.get(f"Procedure?code:in={quote(url)}")
    assert (reply.status, reply.issue["code"]) == (400, "value")


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("code:in=urn:nothing", "value", "`code:in`: the value set `urn:nothing`"),
        (f"code:in=ValueSet/{'x' * 20}", "value", "is not a value set of this server"),
        ("code:below=heart", "value", "needs its code system: `system|code`"),
        (f"code:below={CARE}%7Cnone", "value", f"the code `{CARE}|none` is not in its code system"),
        ("code:above=urn:s%7Cx", "value", "of a code system that is not on this server: `urn:s`"),
        ("code:of-type=a%7Cb%7Cc", "not-supported", "which is for Identifier"),
        ("identifier:of-type=a%7Cb", "value", "`system|code|value`, all three"),
        ("status:text=x", "not-supported", "`status` does not take the modifier `:text`"),
        ("subject:above=x", "not-supported", "`subject` does not take the modifier `:above`"),
        ("part-of:below=Procedure/x", "value", "is not a canonical address for `:below`"),
        ("_profile:below=urn:oid:1", "value", "is not a URL with segments for `:below`"),
        ("_id:below=x", "not-supported", "`_id` does not take the modifier `:below`"),
        ("code:missing=maybe", "value", "`code:missing` takes `true` or `false`"),
        ("date=2023-02-29", "value", "`2023-02-29` is not a date"),
    ],
)
def test_what_can_not_be_answered_is_refused_whatever_handling_is_preferred(
    record: Record, query: str, code: str, text: str
) -> None:
    for prefer in ("handling=strict", "handling=lenient"):
        reply = record.caller.get(f"Procedure?{query}", Prefer=prefer)
        assert (reply.status, reply.issue["code"]) == (400, code)
        assert text in reply.issue["diagnostics"]


def test_an_identifier_is_found_by_its_type(world: World) -> None:
    v2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
    number = make.new_id()
    type_ = {"coding": [{"system": v2, "code": "MR"}], "text": "Numéro de dossier"}
    id_ = world.patient(identifier=[{"type": type_, "system": "urn:chu", "value": number}])
    search = f"Patient?identifier:of-type={quote(f'{v2}|MR|{number}')}"
    assert world.trusted.get(search).ids == [id_]
    assert world.trusted.get(search.replace("MR", "PI")).ids == []
    assert world.trusted.get(f"Patient?_id={id_}&identifier:text=dossier").ids == [id_]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("family", "OBRIEN", True),
        ("family", "o brien", True),
        ("family:contains", "brien-lef", True),
        ("family:exact", "O'Brien-Lefèvre", True),
        ("family:exact", "O Brien-Lefèvre", False),
        ("given", "Jean Pierre", True),
        ("given", "pierre", False),
        ("name", "jeanp", True),
        ("phonetic", "obrien", True),
        ("telecom", "phone|0102030405", True),
        ("telecom", "email|0102030405", False),
        ("phone", "0102030405", True),
        ("address", "saint etienne", True),
    ],
)
def test_a_person_is_found_however_the_name_is_punctuated(
    world: World, name: str, value: str, expected: bool
) -> None:
    id_ = world.patient(
        name=[{"family": "O'Brien-Lefèvre", "given": ["Jean-Pierre"]}],
        telecom=[{"system": "phone", "value": "0102030405"}],
        address=[{"city": "Saint-Étienne"}],
    )
    reply = world.trusted.get(f"Patient?_id={id_}&{name}={quote(value)}")
    assert (reply.status, reply.ids) == (200, [id_] if expected else [])


def test_a_reference_with_a_version_is_found_by_it_and_without_it(world: World) -> None:
    of = world.patient()
    base = make.new_id()
    id_ = world.has(procedure(of, basedOn=[make.reference(f"ServiceRequest/{base}/_history/2")]))
    for value, expected in (
        (f"ServiceRequest/{base}", [id_]),
        (f"ServiceRequest/{base}/_history/2", [id_]),
        (f"ServiceRequest/{base}/_history/3", []),
        (base, [id_]),
        (f"ServiceRequest/{base}/_history/3,ServiceRequest/{base}", [id_]),
    ):
        assert world.trusted.get(f"Procedure?based-on={value}").ids == expected


def test_a_logical_identifier_that_looks_like_an_address_is_none(world: World) -> None:
    doctor = a_doctor()
    of, other = world.patient(doctor), world.patient()
    subject = {"reference": f"Patient/{of}", "identifier": {"value": f"Patient/{other}"}}
    id_ = world.has({**procedure(of), "subject": subject})
    asked = f"Procedure?subject:identifier=Patient/{other}"
    assert world.as_(doctor).get(asked).ids == world.trusted.get(asked).ids == [id_]
