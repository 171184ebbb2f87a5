"""What the store keeps of one version of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One stored version.

    `raw` is the exact JSON that is sent; `updated` microseconds since the epoch; `idx` and `srt`
    the search values, `acl` the consent facts; `method` the HTTP verb that made the version.
    `gone` marks a tombstone, whose `raw` is empty.
    """

    type: str
    id: str
    version: int
    updated: int
    raw: bytes
    acl: Mapping[str, Any] = field(default_factory=dict)
    idx: Mapping[str, Any] = field(default_factory=dict)
    srt: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"
    gone: bool = False

    @property
    def ref(self) -> str:
        """Return `Type/id`."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A record's compiled policy as stored; `keys` and `refs` are what it can be found by."""

    patient: str
    version: str
    body: Mapping[str, Any]
    keys: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
