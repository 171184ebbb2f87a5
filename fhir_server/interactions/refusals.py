"""A refused write leaves its trace too (R71)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.fhir.errors import FhirError, Unavailable
from fhir_server.interactions.exchange import Exchange


@contextmanager
def traced(x: Exchange, interaction: str, ref: str) -> Iterator[None]:
    """Log a refusal of what happens inside, and let it go on its way."""
    try:
        yield
    except Unavailable:
        raise
    except FhirError as error:
        x.view.refused(interaction, ref, type(error).__name__)
        raise
