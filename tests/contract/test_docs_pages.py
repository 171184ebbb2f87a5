"""`/docs`, the description for people: an index with a filter and a page for each type."""

from __future__ import annotations

import re
from html import unescape

import pytest

from fhir_server.definitions import RESOURCE_TYPES
from fhir_server.http.routes import ROUTES
from fhir_server.search.registry import supported
from tests.support.world import World


def page(world: World, path: str, status: int = 200) -> str:
    answer = world.app.test_client().get(path)
    assert answer.status_code == status
    assert answer.content_type == "text/html; charset=utf-8"
    return answer.text


def listed(html: str) -> list[str]:
    return re.findall(r'<li><a href="/docs/(\w+)">\1</a></li>', html)


def test_the_index_leads_to_every_type(world: World) -> None:
    assert listed(page(world, "/docs")) == sorted(RESOURCE_TYPES)


def test_the_filter_keeps_the_types_whose_name_holds_what_was_typed(world: World) -> None:
    wanted = sorted(name for name in RESOURCE_TYPES if "document" in name.lower())
    assert listed(page(world, "/docs?filter=DOCument")) == wanted


def test_what_was_typed_is_shown_as_text(world: World) -> None:
    html = page(world, '/docs?filter=<b>"')
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert listed(html) == []


def test_a_type_that_is_none_leads_back_to_the_index(world: World) -> None:
    html = page(world, "/docs/Docum", 404)
    assert "DocumentReference" in listed(html)


@pytest.mark.parametrize("type_", ["Patient", "Binary", "Observation"])
def test_the_page_of_a_type_names_its_addresses(world: World, type_: str) -> None:
    html = unescape(re.sub(r"<[^>]+>", "", page(world, f"/docs/{type_}")))
    for route in ROUTES:
        if "<type>" in route.rule or f"/{type_}/" in f"{route.rule}/":
            rule = re.sub(r"<(\w+)>", r"{\1}", route.rule.replace("<type>", type_))
            assert f"{route.method} /fhir{rule} " in html


def test_the_page_of_a_type_names_its_search_parameters(world: World) -> None:
    rows = re.findall(r'<th scope="row"><code>([\w-]+)</code></th><td>(\w+)</td>',
                      page(world, "/docs/Observation"))  # fmt: skip
    said = {code: one.type for code, one in supported("Observation").items()}
    assert said.items() <= dict(rows).items()


def test_a_shared_parameter_shows_the_expression_of_the_type(world: World) -> None:
    html = page(world, "/docs/Observation")
    assert "<code>Observation.subject.where(resolve() is Patient)</code>" in html
    assert "AllergyIntolerance.patient" not in html


def test_the_page_of_a_type_names_its_elements(world: World) -> None:
    html = page(world, "/docs/Patient")
    for shown in ("contact.relationship", "deceased[x]", "administrative-gender", "1..1", "0..*"):
        assert shown in html


@pytest.mark.parametrize("path", ["/docs", "/docs/Patient", "/docs?filter=a"])
def test_a_page_runs_no_script_and_needs_nothing_from_elsewhere(world: World, path: str) -> None:
    answer = world.app.test_client().get(path)
    assert "<script" not in answer.text
    assert not re.search(r'(?:src|href|action)="(?!/|#)', answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/docs", "/docs/Patient"])
def test_a_page_can_be_read_without_seeing_it(world: World, path: str) -> None:
    """WCAG 2.1: a language, one title, headings in order, labels, cells with headers."""
    html = page(world, path)
    assert '<html lang="fr">' in html
    assert len(re.findall("<h1", html)) == 1
    assert re.findall(r"<h([1-6])", html)[:2] == ["1", "2"]
    for name in re.findall(r'<input id="(\w+)"', html):
        assert f'<label for="{name}">' in html
    assert re.findall("<th(?! scope=)[ >]", html) == []
    assert 'href="#content"' in html
    assert 'id="content"' in html


def test_a_page_says_in_english_what_it_says_in_french(world: World) -> None:
    html = page(world, "/docs/Patient")
    for french, english in (
        ("Adresses", "addresses"),
        ("Paramètres de recherche", "search parameters"),
        ("Éléments", "elements"),
        ("Rechercher", "Search"),
    ):
        assert f'{french} <span lang="en">({english})</span>' in html
