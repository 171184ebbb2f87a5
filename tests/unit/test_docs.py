"""The documents are true of the code: rules, files, links, settings, addresses."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from fhir_server.consent.rules import RULES
from fhir_server.demo.personas import personas
from fhir_server.fhir.errors import FhirError
from fhir_server.http.routes import ROUTES
from fhir_server.settings import table

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "fhir_server"
PAGES = sorted(
    path
    for folder in (ROOT, *(ROOT / name for name in ("docs", "examples", "mappings", "profiles")))
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
RULE = re.compile(r"\bR(\d{1,3})(?:-R?(\d{1,3}))?\b")
LAST_RULE = 103
# A link in Markdown, but neither an address nor a place in the same page.
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
QUOTED = re.compile(r"`([\w./-]+\.(?:py|md|json|csv|toml))`")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rules_in(words: str) -> set[int]:
    """Return the numbers of the rules that `words` cites; `R22-R26` and `R32-35` are five, four."""
    found: set[int] = set()
    for first, last in RULE.findall(words):
        begin, end = int(first), int(last or first)
        found.update(range(begin, end + 1) if end >= begin else {begin})
    return {number for number in found if 1 <= number <= LAST_RULE}


def cited_in_code() -> dict[int, set[str]]:
    """Return rule → modules that cite it. `R4` and `R5` alone are FHIR's versions, `R2` CDA's."""
    found: dict[int, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for number in rules_in(path.read_text(encoding="utf-8")) - {2, 4, 5}:
            found.setdefault(number, set()).add(path.relative_to(SOURCE).as_posix())
    return found


def rows(page: str, first: str) -> dict[str, list[str]]:
    """Return the rows of a table of `page` whose first cell fits `first`, by that cell."""
    found = {}
    for line in text(page).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and re.fullmatch(first, cells[0]):
            found[cells[0].strip("`")] = cells
    return found


# rules -------------------------------------------------------------------------------------------


def test_consent_md_lists_every_rule_of_the_code_in_its_order() -> None:
    assert list(
        rows("docs/consent.md", r"`[a-z]+-[a-z-]+`|`holder`|`authorised`|`regulation`")
    ) == [rule.id for rule in RULES]


@pytest.mark.parametrize("place", range(len(RULES)), ids=[rule.id for rule in RULES])
def test_consent_md_says_effect_and_sources_of_a_rule(place: int) -> None:
    rule = RULES[place]
    cells = rows("docs/consent.md", r"`[a-z-]+`")[rule.id]
    assert (cells[1], cells[2]) == (f"{rule.effect}s", ", ".join(rule.sources))


def test_rules_md_has_one_row_for_each_rule() -> None:
    assert list(rows("docs/rules.md", r"R\d+")) == [f"R{n}" for n in range(1, LAST_RULE + 1)]


def test_a_rule_that_decides_is_said_to_be_carried_out_in_the_rules() -> None:
    found = rows("docs/rules.md", r"R\d+")
    for rule in RULES:
        for source in rule.sources:
            where = found[source][2]
            assert "consent/rules.py" in where or "mappings/habilitation.csv" in where, source


def test_a_rule_that_the_code_cites_is_not_said_to_be_missing() -> None:
    found = rows("docs/rules.md", r"R\d+")
    said = {n: found[f"R{n}"][2] for n in cited_in_code()}
    assert {n: words for n, words in said.items() if words.startswith("not ")} == {}


def test_rules_md_names_files_that_exist() -> None:
    for rule, (_, _, where, tested) in rows("docs/rules.md", r"R\d+").items():
        for name in QUOTED.findall(where):
            assert (SOURCE / name).is_file() or (ROOT / name).is_file(), (rule, name)
        for name in QUOTED.findall(tested):
            assert (ROOT / name).is_file(), (rule, name)


# files and links ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    # Fences hold commands, not links.
    words = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    links = LINK.findall(words)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/tour.md", "docs/flows/search.md",
     "docs/flows/deposit.md", "docs/consent.md"],
)  # fmt: skip
def test_every_file_that_a_page_names_exists(page: str) -> None:
    places = (
        ROOT,
        SOURCE,
        SOURCE / "records",
        SOURCE / "consent",
        ROOT / "docs",
        ROOT / "examples",
    )
    named = {name for name in QUOTED.findall(text(page)) if not name.startswith("effects.")}
    assert {name for name in named if not any((at / name).is_file() for at in places)} == set()


def test_architecture_md_has_a_row_for_every_room() -> None:
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")} - {"demo"}
    assert rooms <= {name.rstrip("/") for name in re.findall(r"`(\w+/)`", text("ARCHITECTURE.md"))}


def test_the_decisions_are_listed_with_their_titles() -> None:
    listed = text("docs/adr/README.md")
    for path in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].partition(" · ")[2]
        assert f"[{path.name[:4]}]({path.name}) | {title} |" in listed


# what is generated, and what is listed ------------------------------------------------------------


def test_the_settings_of_the_readme_are_those_of_the_code() -> None:
    shown = text("README.md").partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    assert shown == table()[table().index("| setting") :], "run `make docs`"


def test_the_pages_of_the_api_name_every_address() -> None:
    listed = text("docs/api/README.md")
    served = {route.rule for route in ROUTES if not route.view.__name__.startswith("search_system")}
    assert {rule for rule in served if (rule or "/") not in listed} == set()


def test_the_errors_of_the_api_page_are_those_of_the_tree() -> None:
    told = {int(cell) for cell in rows("docs/api/README.md", r"\d{3}")}
    known = {error.status for error in FhirError.__subclasses__()}
    assert told == known | {FhirError.status}


def test_the_readme_counts_the_personas() -> None:
    assert f"# {len(personas())} callers" in text("README.md")


def test_the_package_shows_the_readme() -> None:
    assert re.search(r'^readme = "README.md"$', text("pyproject.toml"), re.MULTILINE)


def test_every_test_that_proof_md_names_exists() -> None:
    there = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/property/*.py"))
    named = re.findall(r"`(test_\w+)`", text("docs/proof.md"))
    assert len(named) > 12
    assert [name for name in named if f"def {name}(" not in there] == []
    places = re.findall(r"`((?:tests|tools)/[\w/.]+)`", text("docs/proof.md"))
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_every_mutant_that_is_alike_has_its_reason() -> None:
    lines = text("tools/mutants_alike.txt").splitlines()
    names = [line for line in lines if line and not line.startswith(("#", " "))]
    explained = {one for one, after in pairwise(lines) if after.startswith("  ")}
    assert names
    assert set(names) <= explained
