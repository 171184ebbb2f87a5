"""What somebody is to be told because of a record: which notices there are, and their keys.

R69: an emergency access, to the holder and the attending doctor. R73: the first access of a
professional, to the holder. R50: a document that still waits for its announcement consultation two
weeks after its deposit, to the holder. All wait in the outbox (`store/mongo/outbox.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from fhir_server.consent import facts
from fhir_server.consent.policy import RecordPolicy
from fhir_server.consent.ruleset import DAY, RuleSet
from fhir_server.store.mongo.unit import Unit
from fhir_server.store.rows import Notice, Row

EMERGENCY: Final = "emergency-access"
FIRST_ACCESS: Final = "first-access"
ANNOUNCEMENT: Final = "announcement-due"


def emergency_access(key: str, policy: RecordPolicy, task: str, at: int) -> Notice:
    """Return the notice of an emergency under `task`, to holder and attending doctors (R69)."""
    attending = {
        link.key for link in policy.links if link.via == "attending" and link.period.covers(at)
    }
    to = (f"patient:{policy.patient}", *sorted(attending))
    return Notice(key, EMERGENCY, policy.patient, to, (task,), at)


def first_access_key(patient: str, identity: str) -> str:
    """Return the key of the first access of a caller to a record."""
    return f"{FIRST_ACCESS}/{patient}/{identity}"


def first_access(patient: str, identity: str, entry: Row) -> Notice:
    """Return the notice of the access that `entry` of the access log tells of (R73)."""
    key, to = first_access_key(patient, identity), (f"patient:{patient}",)
    return Notice(key, FIRST_ACCESS, patient, to, (entry.ref,), entry.updated)


def announce(unit: Unit, row: Row, old: Row | None, rule_set: RuleSet) -> None:
    """Queue or cancel the notice that `row`, which takes the place of `old`, calls for (R50).

    It is due two weeks after the deposit, or when `rule_set` says. What is past the month is visible
    already (R51), so nobody is told to ask for it.
    """
    key = f"{ANNOUNCEMENT}/{row.ref}"
    deposited, patient = row.acl[facts.DEPOSITED], row.acl.get(facts.PATIENT)
    if _is_hidden(row) and patient and row.updated < deposited + rule_set.announcement:
        to, due = (f"patient:{patient}",), deposited + rule_set.notice_days * DAY
        unit.queue(Notice(key, ANNOUNCEMENT, patient, to, (row.ref,), due))
    elif old is not None and _is_hidden(old):
        unit.cancel(key)


def renounce(unit: Unit, row: Row) -> None:
    """Cancel the notice of a document that is deleted."""
    if _is_hidden(row):
        unit.cancel(f"{ANNOUNCEMENT}/{row.ref}")


def _is_hidden(row: Row) -> bool:
    return facts.INVISIBLE_PATIENT in row.acl[facts.LABELS]


class Known:
    """Keys that this process has seen queued, so that they are not looked for again.

    Bounded: what is forgotten is looked for once more. Threads may use it at once.
    """

    def __init__(self, most: int = 32_768) -> None:
        """Keep `most` keys, some 200 bytes each."""
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        """Tell whether `key` was queued for sure."""
        return key in self._keys

    def add(self, keys: Iterable[str]) -> None:
        """Remember keys that are durable."""
        self._keys.update(dict.fromkeys(keys))
        while len(self._keys) > self._most:
            with suppress(KeyError):
                self._keys.popitem(last=False)
