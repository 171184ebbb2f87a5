"""What every test may ask for: a real MongoDB, a database of its own, the size of the proofs."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fhir_server.store.mongo.connect import ConfigurationError, connect
from fhir_server.store.mongo.embedded import EmbeddedMongo

# A machine shared by several workers is slow now and then: time is not what these tests are about.
settings.register_profile("default", deadline=None)
settings.register_profile(
    "prove",
    deadline=None,
    max_examples=max(100, int(os.environ.get("PROVE_N", "1000")) // 50),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("mutants", deadline=None, max_examples=25, database=None)
settings.load_profile("prove" if "PROVE_N" in os.environ else "default")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Progress(config), "proof-progress")


class _Progress:
    """Tells what each part of a proof has done as soon as it is done, on whichever worker."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None or report.when != "call":
            return
        for name, value in report.user_properties:
            if name == "proof" and (report.failed or "PROVE_N" in os.environ):
                terminal.ensure_newline()
                terminal.write_line(f"{value}")


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URI of a real MongoDB: `FHIR_TEST_MONGODB_URI`, or an embedded one for the session.

    Each xdist worker has its own mongod.
    """
    if given := os.environ.get("FHIR_TEST_MONGODB_URI"):
        yield given
        return
    mongo = EmbeddedMongo(tmp_path_factory.mktemp("mongo"), cache_gb=0.25)
    try:
        uri = mongo.start()
    except ConfigurationError as error:
        pytest.fail(f"no MongoDB for the tests: {error}", pytrace=False)
    yield uri
    mongo.stop()


@pytest.fixture
def database_name(mongo_uri: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database name that no other test has, and drop what was written there."""
    name = _database_name(request.node.name)
    yield name
    _drop(mongo_uri, name)


@pytest.fixture(scope="module")
def module_database_name(mongo_uri: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a database name that the tests of one module share."""
    name = _database_name(Path(request.node.name).stem)
    yield name
    _drop(mongo_uri, name)


def _database_name(sentence: str) -> str:
    """Return a name MongoDB takes (at most 38 characters here) that recalls `sentence`."""
    words = re.sub(r"\W+", "_", sentence.removeprefix("test_"))[:28]
    return f"{words}_{uuid.uuid4().hex[:8]}"


def _drop(uri: str, name: str) -> None:
    with connect(uri) as client:
        client.drop_database(name)
