"""Reach the database of an installation, whether its server runs or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.serve import database
from fhir_server.settings import Settings
from fhir_server.store.mongo.embedded import running_uri


@contextmanager
def reachable(settings: Settings) -> Iterator[str]:
    """Give the URI of the settings, or of the running server's MongoDB, or of one started here.

    Raises `ConfigurationError` if there is none.
    """
    if settings.mongodb_uri is None and (uri := running_uri(settings.data_dir)):
        settings = settings.model_copy(update={"mongodb_uri": uri})
    with database(settings) as uri:
        yield uri
