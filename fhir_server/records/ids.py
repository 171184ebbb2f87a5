"""Ids that say nothing: not when, not how many, not what was there before (L44, L45)."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """Return 128 random bits as 32 characters, a valid FHIR id."""
    return secrets.token_hex(16)
