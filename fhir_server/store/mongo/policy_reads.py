"""Reads of the policies that name a caller, and of the marks that move when one of them changes.

`Unit.put_policy` writes both in one transaction (ADR 0022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database

from fhir_server.store.mongo.unit import MARKS, STRIPES, stripe_of
from fhir_server.store.rows import PolicyRow

Document = dict[str, Any]
Marks = Mapping[str, tuple[str, ...]]
"""By caller key: others, once a policy changed that names the key."""
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class NamedPolicies:
    """The marks of a caller's keys, and the versions of the policies that name them, by patient."""

    marks: Marks
    versions: Mapping[str, str]


class PolicyReads:
    """Reads `record_policy` and `policy_mark`."""

    def __init__(self, client: MongoClient[Document], database: Database[Document]) -> None:
        """Read `database` of `client`; nothing is sent yet."""
        self._client = client
        self._db = database

    def marks(self, keys: Iterable[str], session: ClientSession | None = None) -> Marks:
        """Return the marks of caller `keys`."""
        ids = {key: [stripe_of(key, stripe) for stripe in range(STRIPES)] for key in keys}
        asked = {"_id": {"$in": [id_ for some in ids.values() for id_ in some]}}
        found = {item["_id"]: item["mark"] for item in self._db[MARKS].find(asked, session=session)}
        return {key: tuple(found.get(id_, "") for id_ in some) for key, some in ids.items()}

    def naming(
        self,
        keys: Sequence[str],
        patient: str,
        known: Mapping[str, str],
        each: Callable[[PolicyRow], None],
    ) -> NamedPolicies:
        """Return the policies that name one of `keys` or are that of `patient`, by version.

        `each` is given those of another version than `known`, as they are read.
        INVARIANT: no read here sees less than one before, whatever becomes of the primary between
        them: the session is causally consistent. So a version is never older than the marks.
        https://www.mongodb.com/docs/manual/core/read-isolation-consistency-recency/
        """
        policies = self._db.record_policy
        with self._client.start_session(causal_consistency=True) as session:
            marks = self.marks(keys, session)
            asked = {"$or": [{"keys": {"$in": list(keys)}}, {"_id": patient}]}
            found = policies.find(asked, {"version": 1}, session=session)
            versions = {item["_id"]: item["version"] for item in found}
            stale = sorted(id_ for id_, version in versions.items() if known.get(id_) != version)
            for start in range(0, len(stale), _BATCH):
                batch = {"_id": {"$in": stale[start : start + _BATCH]}}
                for item in policies.find(batch, {"keys": 0, "refs": 0}, session=session):
                    each(PolicyRow(item["_id"], item["version"], item["body"]))
        return NamedPolicies(marks, versions)
