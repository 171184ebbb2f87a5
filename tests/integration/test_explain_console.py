"""`fhir-server explain`, `simulate` and `replay`: the same answers, in words, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pymongo import MongoClient

from fhir_server.cli import cli
from fhir_server.identity.keys import load
from fhir_server.identity.receipts import sign, verified
from tests.support import resources as make
from tests.support.explained import asking, one, parts
from tests.support.people import a_doctor, an_auditor, the_patient, the_representative
from tests.support.world import World
from tests.support.world import world as world

DOC = "DocumentReference"
Console = Callable[..., Result]


@pytest.fixture
def console(world: World, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> Console:
    """Give what runs `fhir-server` with some words on the records of `world`."""
    monkeypatch.setenv("FHIR_SERVER_DATABASE", world.store.database)
    where = ("--mongodb-uri", mongo_uri, "--data-dir", str(world.home))
    return lambda *words: CliRunner().invoke(cli, [*map(str, words), *where])


def lines(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


class Case:
    """A team's doctor, a document and a block that came later."""

    def __init__(self, world: World) -> None:
        self.doctor, self.patient = a_doctor(), world.patient()
        self.team = world.team(self.patient, self.doctor)
        self.document = f"{DOC}/{world.document(self.patient)}"
        self.about = ("--kind", "professional", "--rpps", self.doctor.rpps, "--profession", "10")


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


# explain -----------------------------------------------------------------------------------------


def test_a_resource_is_explained_in_french(console: Console, case: Case) -> None:
    told = lines(console("explain", case.document, *case.about))
    assert told[0] == f"connu    {case.document}/_history/1"
    assert told[1] == "  permet   care-team (R16) : L'appelant est de l'équipe de soins."
    assert told[2].strip() == f"lien care-team, d'après CareTeam/{case.team}"
    assert told[3] == "  matrice G15_10 × 11502-2 : read (default)"


def test_a_block_is_explained_in_english(world: World, console: Console, case: Case) -> None:
    block = world.consent(case.patient, "deny", case.doctor)
    told = lines(console("explain", case.document, *case.about, "--lang", "en"))
    assert told[0].startswith("unknown ")
    assert "  forbids  blocked-or-opposed" in told[1]
    assert told[2].strip() == f"Consent Consent/{block}/_history/1, Consent.provision"


def test_a_record_is_explained_whole(console: Console, case: Case) -> None:
    told = lines(
        console("explain", f"Patient/{case.patient}", "--link", "care-team", "--profession", "21")
    )
    assert told[0] == "3 ressources connues sur 3"
    assert sum(line.startswith("connu ") for line in told) == 3
    assert any(line.strip() == "lien care-team, supposé" for line in told)


def test_the_answer_is_had_as_json(console: Console, case: Case) -> None:
    (line,) = lines(console("explain", case.document, *case.about, "--json"))
    assert one(parts(json.loads(line), "resource")[0], "known") is True


def test_the_console_leaves_its_trace(world: World, console: Console, case: Case) -> None:
    lines(console("explain", case.document, *case.about))
    (event,) = [e for e in world.traces(case.patient) if e["subtype"][0]["code"] == "operation"]
    what = [entity["what"] for entity in event["entity"] if "what" in entity]
    named = [one["reference"] for one in what if "reference" in one]
    assert named == [case.document, f"Patient/{case.patient}"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", f"{DOC}/absent"), 1, f"{DOC}/absent is not known"),
        (("explain", "nothing"), 2, "names no resource"),
        (("explain", "Wizard/1"), 2, "names no resource"),
        (("explain", f"{DOC}/a", "--rpps", "12"), 2, "RPPS"),
        (("explain", f"{DOC}/a", "--at", "yesterday"), 2, "at"),
        (("simulate", "absent"), 1, "Patient/absent is not known"),
        (("simulate", "a", "--mask", "nothing"), 2, "`mask`"),
    ],
)
def test_what_can_not_be_asked_is_one_line(
    console: Console, words: tuple[str, ...], code: int, said: str
) -> None:
    done = console(*words)
    assert done.exit_code == code
    assert said in done.output


# simulate ----------------------------------------------------------------------------------------


def test_a_mask_is_simulated_in_words(console: Console, case: Case) -> None:
    told = lines(console("simulate", case.patient, *case.about, "--mask", case.document))
    assert told[0].endswith(": connaît 3 ressources, en connaîtrait 2")
    assert told[1:] == ["  perd 1", f"    - {case.document}"]


def test_a_consent_of_a_file_is_simulated(console: Console, case: Case, tmp_path: Path) -> None:
    stranger = a_doctor()
    file = tmp_path / "consent.json"
    file.write_text(json.dumps(make.a_consent(case.patient, "permit", stranger, id="c")))
    about = ("--rpps", stranger.rpps, "--profession", "10", "--lang", "en", "--limit", "1")
    told = lines(console("simulate", f"Patient/{case.patient}", *about, "--consent", file))
    assert told[0] == "Consent c: permits"
    assert told[1].endswith(": knows 0 resources, would know 3")
    assert told[2] == "  gains 3"
    assert told[4] == "    … and 2 more"


def test_without_a_caller_the_panel_is_simulated(console: Console, case: Case) -> None:
    told = lines(console("simulate", case.patient, "--mask", case.document))
    assert [line.split(" ")[0] for line in told if not line.startswith(" ")] == [
        "professional",
        "professional",
        "samu-regulator",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"resourceType": "Patient"}'])
def test_a_file_without_a_consent_is_wrong_usage(
    console: Console, case: Case, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "consent.json"
    file.write_text(text)
    done = console("simulate", case.patient, "--consent", file)
    assert (done.exit_code, str(file) in done.output) == (2, True)


# receipts and replay -----------------------------------------------------------------------------


def a_receipt(world: World, case: Case, who: Any = None) -> str:
    """Return the receipt of an answer about the case's doctor and the whole record."""
    asker = world.as_(who or the_patient(case.patient))
    reply = asker.get(f"Patient/{case.patient}/$explain?{asking(case.doctor)}&receipt=true")
    assert reply.status == 200, reply.body
    return str(one(reply.json, "receipt"))


def test_a_receipt_says_what_was_decided_and_under_what(world: World, case: Case) -> None:
    consent = world.consent(case.patient, "permit", a_doctor())
    said = verified(load(world.home), a_receipt(world, case))
    assert (said["record"], said["asker"]["kind"], said["caller"]["rpps"]) == (
        case.patient,
        "patient",
        case.doctor.rpps,
    )
    assert said["consents"] == [f"Consent/{consent}/_history/1"]
    assert said["counts"] == {"resources": 4, "known": 4}
    assert len(said["rules"]) == 64
    verdicts = {one["resource"]: (one["known"], one["rules"]) for one in said["resources"]}
    assert verdicts[f"{case.document}/_history/1"] == (True, ["care-team"])


def test_no_receipt_is_written_unless_it_is_asked_for(world: World, case: Case) -> None:
    for more in ("", "&receipt=false"):
        address = f"{case.document}/$explain?{asking(case.doctor)}{more}"
        assert parts(world.as_(the_patient(case.patient)).get(address).json, "receipt") == []


def replayed(console: Console, folder: Path, *receipts: str) -> Result:
    file = folder / "receipt.txt"
    file.write_text("\n".join(receipts))
    return console("replay", file)


def test_a_receipt_is_replayed_from_the_history_whatever_came_later(
    world: World, console: Console, case: Case, tmp_path: Path
) -> None:
    block = world.consent(case.patient, "deny", a_doctor())
    folder = world.has(make.a_list(case.patient, case.document))
    askers = (the_patient(case.patient), the_representative(case.patient), an_auditor())
    receipts = [a_receipt(world, case, who) for who in askers]
    world.has(make.a_document(case.patient).but(id=case.document.split("/")[1]).masked())
    world.has(make.a_document(case.patient).replacing(case.document).masked())
    world.consent(case.patient, "deny", case.doctor)
    world.lacks(f"Consent/{block}")
    world.lacks(f"CareTeam/{case.team}")
    world.lacks(f"List/{folder}")
    done = replayed(console, tmp_path, *receipts)
    assert (done.exit_code, done.output.count("identique : 5 ressources")) == (0, 3), done.output


def test_a_history_that_was_tampered_with_is_told(
    world: World, console: Console, case: Case, tmp_path: Path, mongo_uri: str
) -> None:
    receipt = a_receipt(world, case)
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        facts = {"acl.labels": ["MASQUE_PS", "N"], "acl.own": ["MASQUE_PS", "N"]}
        id_ = case.document.split("/")[1]
        client[world.store.database][DOC].update_one({"_id": id_}, {"$set": facts})
    done = replayed(console, tmp_path, receipt)
    assert done.exit_code == 1
    assert f"{case.document} : connu alors, inconnu ici" in done.output
    assert "« masked-to-professionals care-team » ici" in done.output


def test_a_consent_that_the_history_lost_is_told(
    world: World, console: Console, case: Case, tmp_path: Path, mongo_uri: str
) -> None:
    consent = world.consent(case.patient, "permit", a_doctor())
    receipt = a_receipt(world, case)
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        client[world.store.database]["Consent"].delete_one({"_id": consent})
    done = replayed(console, tmp_path, receipt)
    assert done.exit_code == 1
    assert f"consentements : « Consent/{consent}/_history/1 » alors, «  »" in done.output
    assert f"Consent/{consent} : version 1 alors, «  » dans l'historique" in done.output


def test_other_rules_than_those_of_the_receipt_are_a_difference(
    world: World, console: Console, case: Case, tmp_path: Path
) -> None:
    keys = load(world.home)
    said = verified(keys, a_receipt(world, case)) | {"rules": "0" * 64}
    done = replayed(console, tmp_path, sign(keys, said))
    assert done.exit_code == 1
    assert "différent : 1 écarts" in done.output
    assert "règles et matrice : 0000000000000000 alors" in done.output


def test_a_forged_receipt_is_refused_in_one_line(
    world: World, console: Console, case: Case, tmp_path: Path
) -> None:
    good = a_receipt(world, case)
    for forged, said in (
        (good[:-8] + "AAAAAAAA", "signature"),
        ("", "holds no receipt"),
        (sign(load(tmp_path / "other"), {"form": 1}), "key"),
        (sign(load(world.home), {"form": 99}), "edition"),
    ):
        done = replayed(console, tmp_path, forged)
        assert (done.exit_code, said in done.output) == (1, True), done.output


def test_explain_writes_receipts_that_replay_takes(
    console: Console, case: Case, tmp_path: Path
) -> None:
    file = tmp_path / "receipts.txt"
    lines(console("explain", f"Patient/{case.patient}", *case.about, "--receipt", file))
    done = console("replay", file, "--lang", "en")
    assert done.exit_code == 0
    assert "the same: 3 resources, 3 known, decided again" in done.output
