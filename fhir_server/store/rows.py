"""What the store keeps of one version of a resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class File:
    """Where lies what is too large for a row (ADR 0015): `length` bytes under `id`.

    `holds` is `raw` for the resource's whole JSON; or `data` for the content of a Binary, whose
    JSON without it is the row's `raw`.
    """

    id: str
    length: int
    holds: Literal["raw", "data"]


@dataclass(frozen=True, slots=True)
class Row:
    """One stored version.

    `raw` is the exact JSON that is sent; `updated` microseconds since the epoch; `idx` and `srt`
    the search values, `acl` the consent facts; `method` the HTTP verb that made the version.
    `gone` marks a tombstone, whose `raw` is empty; `file` names what lies outside the row.
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
    file: File | None = None

    @property
    def ref(self) -> str:
        """Return `Type/id`."""
        return f"{self.type}/{self.id}"

    @property
    def content(self) -> File | None:
        """Return the file of a Binary whose content lies outside its JSON."""
        return self.file if self.file is not None and self.file.holds == "data" else None


class DistantRow(Row):
    """A row whose `raw` lies in its file, and is fetched when it is first looked at.

    So whoever decides by facts decides before any of it is read, and a row that is not shown costs
    nothing. Looking raises what fetching raises.
    """

    __slots__ = ("_fetch",)

    @classmethod
    def of(cls, fetch: Callable[[], bytes], **fields: Any) -> Self:
        """Return a row of `fields`, its `raw` to be fetched by `fetch`."""
        row = cls(raw=b"", **fields)
        object.__delattr__(row, "raw")
        object.__setattr__(row, "_fetch", fetch)
        return row

    def __getattr__(self, name: str) -> Any:
        """Fetch `raw`; Python asks here only for what is not there."""
        if name != "raw":
            raise AttributeError(name)
        raw = self._fetch()
        object.__setattr__(self, "raw", raw)
        return raw


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A record's compiled policy as stored; `keys` and `refs` are what it can be found by."""

    patient: str
    version: str
    body: Mapping[str, Any]
    keys: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody is to be told, as the outbox keeps it.

    `key` says what it is about, so that nothing is queued twice; `to` are caller keys such as
    `patient:<id>` and `rpps:<number>`; `refs` the `Type/id` of its cause; `due` when it may be
    told at the earliest, in microseconds since the epoch. `tries` counts the times it was claimed
    and `claim` names the last of them; both are the outbox's.
    """

    key: str
    kind: str
    patient: str
    to: tuple[str, ...]
    refs: tuple[str, ...]
    due: int
    tries: int = 0
    claim: str = ""
