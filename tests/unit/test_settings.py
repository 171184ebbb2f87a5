"""Settings: what is read, what is refused, and that each is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_server.settings import PREFIX, Settings, is_loopback, read, table

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_the_documented_settings_are_the_settings_of_the_code() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == table(), "run `make docs`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_does(name: str) -> None:
    assert (Settings.model_fields[name].description or "").endswith(".")


def test_a_variable_sets_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_PORT", "9090")
    assert read({}).port == 9090


def test_an_option_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR_SERVER_PORT", "9090")
    assert read({"port": 9191}).port == 9191


def test_an_option_that_was_not_given_changes_nothing() -> None:
    assert read({"port": None}) == Settings()


def test_settings_cross_a_process_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    given = read({"port": 9090, "demo": True, "data_dir": Path("/d é"), "mongodb_cache_gb": 0.75})
    for name, value in given.as_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "dmp.example"])
def test_auth_off_is_refused_where_others_can_reach(host: str) -> None:
    with pytest.raises(ValueError, match="auth off is for loopback addresses only"):
        read({"auth": "off", "host": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_auth_off_is_taken_on_loopback(host: str) -> None:
    assert read({"auth": "off", "host": host}).auth == "off"
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": 0}, "port: "),
        ({"timezone": "Mars/Olympus"}, "`Mars/Olympus` is not a time zone"),
        ({"base_url": "dmp.example"}, "`dmp.example` is not an http or https address"),
        ({"page_size": 50, "max_page_size": 20}, "page_size must not be over max_page_size"),
        ({"database": "a b"}, "database: "),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        read(given)
    assert "\n" not in str(refused.value)


def test_a_password_in_the_uri_is_not_shown() -> None:
    assert "secret" not in repr(read({"mongodb_uri": "mongodb://u:secret@db.example/"}))


@pytest.mark.parametrize(
    ("given", "fhir", "root"),
    [
        ({}, "http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080"),
        ({"host": "::1"}, "http://[::1]:8080/fhir", "http://[::1]:8080"),
        (
            {"base_url": "https://dmp.example/fhir/"},
            "https://dmp.example/fhir",
            "https://dmp.example",
        ),
    ],
)
def test_addresses_follow_the_settings(given: dict[str, object], fhir: str, root: str) -> None:
    settings = read(given)
    assert (settings.fhir_url, settings.root_url) == (fhir, root)
