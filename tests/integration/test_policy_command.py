"""`fhir-server policy`, as a person meets it: output, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fhir_server.data import mappings_dir
from tests.integration.test_console import environment, one_line
from tests.support import resources as make
from tests.support.people import a_doctor
from tests.support.world import World
from tests.support.world import world as world

Done = subprocess.CompletedProcess[str]
HEAD = "type,display_fr,MEDECIN_TRAITANT,G15_10,G15_21\n"


def policy(*words: str | Path, **variables: str) -> Done:
    return subprocess.run(
        [sys.executable, "-m", "fhir_server.cli", "policy", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment() | variables,
    )


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("lint", "--data-dir --mongodb-uri --strict"),
        ("diff", "--markdown --json"),
        ("matrix", "--of --profession --type --markdown --json"),
    ],
)
def test_help_of_a_command_names_its_options(command: str, options: str) -> None:
    shown = policy(command, "--help")
    assert shown.returncode == 0
    assert set(options.split()) <= set(shown.stdout.split())


# lint --------------------------------------------------------------------------------------------


def test_what_is_shipped_has_nothing_to_report() -> None:
    done = policy("lint")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "OK  rien à signaler (nothing to report)\n"


def test_stored_consents_without_their_effect_are_one_line_each(
    world: World, mongo_uri: str
) -> None:
    anna, doctor = world.patient(), a_doctor()
    over = world.consent(
        anna, "permit", doctor, provision={"period": {"start": "2020-01-01", "end": "2020-02-01"}}
    )
    nobody = world.consent(anna, "permit", provision={"actor": [_actor("Device/none")]})
    foreign = make.a_consent(anna, "permit", doctor)
    foreign["provision"]["modifierExtension"] = [{"url": "urn:x", "valueBoolean": True}]
    unread = world.has(foreign)
    research = world.consent(anna, "permit", doctor, scope=make.concept("research"))
    world.consent(anna, "deny", a_doctor())
    done = stored(world, mongo_uri)
    assert sorted(done.stdout.splitlines()) == sorted(
        [
            f"??  Consent/{over}: is over: it says nothing any more",
            f"!!  Consent/{nobody}: `provision` names nobody that this server can recognise",
            f"!!  Consent/{unread}: `provision` is not understood exactly: it permits nothing",
            f"??  Consent/{research}: is active and says nothing here: look at `scope`, "
            "`provision`, `verification`",
        ]
    )
    assert done.returncode == 1
    for consent in (over, nobody, unread, research):
        world.lacks(f"Consent/{consent}")
    assert stored(world, mongo_uri).returncode == 0


def test_what_has_no_effect_is_a_failure_for_who_asks_strictly(
    world: World, mongo_uri: str
) -> None:
    research = world.consent(world.patient(), "permit", a_doctor(), scope=make.concept("research"))
    assert stored(world, mongo_uri).returncode == 0
    assert stored(world, mongo_uri, "--strict").returncode == 1
    world.lacks(f"Consent/{research}")


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    away = "mongodb://127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=200"
    done = policy("lint", "--mongodb-uri", away, "--data-dir", tmp_path)
    assert done.returncode == 1
    one_line(done.stderr)


def stored(world: World, mongo_uri: str, *words: str) -> Done:
    name = world.store.database
    return policy("lint", "--mongodb-uri", mongo_uri, *words, FHIR_SERVER_DATABASE=name)


def _actor(ref: str) -> make.Json:
    return {"role": make.concept("IRCP"), "reference": make.reference(ref)}


# diff --------------------------------------------------------------------------------------------


def test_two_rule_sets_differ_in_members_and_for_whom() -> None:
    told = json.loads(policy("diff", "original", "law-2026", "--json").stdout)
    assert told == {
        "members": [
            {"name": "occupational_medicine", "before": "never", "after": "express-consent"},
            {"name": "representation", "before": "token", "after": "minors-and-measures"},
        ],
        "situations": [
            {
                "kind": "occupational-medicine",
                "change": "gained",
                "fr": "médecine du travail, nommée par un consentement",
                "en": "occupational medicine, named by a Consent",
            },
            {
                "kind": "representative",
                "change": "lost",
                "fr": "représentant d'un majeur",
                "en": "representative of an adult",
            },
        ],
        "cells": [],
    }


def test_two_matrices_differ_by_profession_and_type(tmp_path: Path) -> None:
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_text(HEAD + "11502-2,Biologie,read,read,none\n", encoding="utf-8")
    after.write_text(HEAD + "11502-2,Biologie,read,none,read\n", encoding="utf-8")
    shown = policy("diff", before, after, "--markdown")
    assert shown.returncode == 0
    assert [line.split(" | ")[:3] for line in shown.stdout.splitlines()[2:]] == [
        ["| G15_10", "lost", "11502-2"],
        ["| G15_21", "gained", "11502-2"],
    ]


def test_the_same_differ_in_nothing() -> None:
    assert policy("diff", "habilitation.csv", "habilitation.csv").stdout.startswith("aucune diff")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("original", "law-2027"), "`law-2027` is no matrix file, and no rule set: original,"),
        (("original", "habilitation.csv"), "compare two rule sets, or two matrices"),
        (("original",), "Missing argument 'AFTER'"),
    ],
)
def test_what_can_t_be_compared_is_wrong_usage(words: tuple[str, ...], told: str) -> None:
    done = policy("diff", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in one_line(done.stderr)


def test_a_matrix_that_can_t_be_read_is_wrong_usage(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(HEAD + "11502-2,Biologie,read,maybe,none\n", encoding="utf-8")
    done = policy("diff", wrong, "habilitation.csv")
    assert done.returncode == 2
    assert "`maybe` is neither `read` nor `none`" in one_line(done.stderr)


# matrix ------------------------------------------------------------------------------------------


def test_a_cell_is_shown_with_its_source() -> None:
    words = ("matrix", "--profession", "80", "--type", "34112-3", "--json")
    (cell,) = json.loads(policy(*words).stdout)
    assert (cell["type"], cell["profession"], cell["right"], cell["status"]) == (
        "34112-3", "G15_80", "none", "fact",
    )  # fmt: skip
    assert cell["source"]


def test_the_whole_table_has_a_row_a_type_and_a_letter_a_cell() -> None:
    lines = policy("matrix", "--markdown").stdout.splitlines()
    header = mappings_dir().joinpath("habilitation.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + len(header) - 1 + 3
    row = next(line for line in lines if line.startswith("| 34112-3 |"))
    cells = row.strip("| ").split(" | ")[1:]
    assert set(cells) <= {"R", "r", "X", "."}
    assert len(cells) == len(header[0].split(",")) - 2


def test_a_site_s_own_matrix_without_sources_says_so(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(HEAD + "11502-2,Biologie,read,read,none\n", encoding="utf-8")
    cells = json.loads(policy("matrix", "--of", own, "--json").stdout)
    assert [(c["profession"], c["right"], c["status"]) for c in cells] == [
        ("MEDECIN_TRAITANT", "read", "unsourced"),
        ("G15_10", "read", "unsourced"),
        ("G15_21", "none", "unsourced"),
    ]


@pytest.mark.parametrize("words", [("--profession", "G15_99"), ("--type", "0"), ("--of", "no.csv")])
def test_a_code_that_the_matrix_has_not_is_wrong_usage(words: tuple[str, str]) -> None:
    done = policy("matrix", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"`{words[1]}`" in one_line(done.stderr)


def test_the_rule_set_of_the_setting_must_be_one_of_the_file() -> None:
    done = policy("lint", "--data-dir", ".", FHIR_SERVER_RULE_SET="law-1905")
    assert done.returncode == 2
    assert "rule_set: `law-1905` is no rule set; one of: original, law-2026" in one_line(
        done.stderr
    )
