"""What consent costs: `make bench-consent`.

1. An embedded MongoDB with records of 1, 20 and 200 Consents (`consent_records.py`), and as many
   patients as asked who are all of one doctor: the care team of each names them.
2. The kernel by itself (`consent_kernel.py`).
3. Searches of one record by the doctor, and by the trusted system, which no rule is asked for.
4. The doctor's searches without a patient, in all of their patients, beside those of one record.

Searches go to an application in this process, one at a time and in turn, so that what else the
machine does meets all alike: believe the ratios. Every answer is checked; no time is judged here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from benchmarks.consent_kernel import KernelCost, kernel_cost
from benchmarks.consent_records import DOCUMENTS, NUMBERS, name_of, record_with
from benchmarks.dataset import Shape, load
from benchmarks.in_process import Send, sender
from benchmarks.load import Shot
from benchmarks.messages import get
from benchmarks.progress import progress
from benchmarks.resources import CARE_TEAM, put_bundle
from fhir_server.app import machine_clock, open_records
from fhir_server.consent.requester import TRUSTED
from fhir_server.identity.tokens import mint
from fhir_server.interactions.exchange import Exchange
from fhir_server.interactions.transaction import transaction
from fhir_server.settings import Settings
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded import EmbeddedMongo
from fhir_server.store.mongo.store import MongoStore

DAY: Final = 24 * 3600
PAGE: Final = 20
SEED: Final = 20220103
Medians = dict[str, float]
"""Seconds by search."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="fhir-consent-") as directory:
        mongo = EmbeddedMongo(Path(directory), cache_gb=asked.cache_gb)
        try:
            settings = Settings(
                data_dir=Path(directory),
                mongodb_uri=mongo.start(),
                rate_limit="off",
                log_level="error",
            )
            shape = Shape(asked.patients, asked.documents)
            load(settings, shape, progress)
            costs = _kernel(settings)
            with sender(settings) as send:
                found = measured(send, planned(settings, shape), asked.requests)
        finally:
            mongo.stop()
    print("\r" + "\n".join([*kernel_table(costs), "", *search_table(found)]))
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-consent ARGS='…'",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--patients", type=int, default=10_000, help="of the one doctor")
    parser.add_argument("--documents", type=int, default=5, help="of each of these patients")
    parser.add_argument("--requests", type=int, default=200, help="of each search")
    parser.add_argument("--cache-gb", type=float, default=1.0, help="of the embedded MongoDB")
    return parser.parse_args(words)


def _kernel(settings: Settings) -> list[KernelCost]:
    """Store the records with Consents, and measure the kernel on each."""
    with connect(settings.mongodb_uri or "") as client:
        store = MongoStore(client, settings.database)
        records = open_records(settings, store=store)
        for number in NUMBERS:
            view = records.as_seen_by(TRUSTED, request_id="bench-load")
            transaction(Exchange(view, settings.fhir_url), put_bundle(record_with(number)))
        return [kernel_cost(store, number, machine_clock()) for number in NUMBERS]


def planned(settings: Settings, shape: Shape) -> dict[str, list[Shot]]:
    """Return the searches by name, each as the requests that are sent in turn."""
    doctor = mint(settings.data_dir, CARE_TEAM, DAY)
    system = mint(settings.data_dir, TRUSTED, DAY)
    one = [f"patient={name}&_sort=-date" for name in shape.names()[:500]]
    found: dict[str, list[Shot]] = {}
    for number in NUMBERS:
        query = f"patient={name_of(number)}&_sort=-date"
        whole = DOCUMENTS + 1  # the page is complete for both, so neither counts besides
        found[_by("doctor", number)] = [_search(query, doctor, DOCUMENTS, whole)]
        found[_by("system", number)] = [_search(query, system, whole, whole, masked=1)]
    found[ONE] = [_search(query, doctor, shape.documents) for query in one]
    for name, query in LISTS.items():
        found[name] = [_search(query, doctor, PAGE)]
    found[COUNTED] = [_search("_total=accurate", doctor, PAGE)]
    return found


ONE: Final = "one of the patients, newest first"
LISTS: Final = {
    "all patients": "",
    "all patients, newest first": "_sort=-date",
    "all patients, one type, newest first": "type=11502-2&_sort=-date",
    "all patients, since a day, newest first": "date=ge2012-06-01&_sort=-date",
}
COUNTED: Final = "all patients, with the total"
"""Costs as what is counted, so that it is asked after the others and seldom."""


def _by(who: str, number: int) -> str:
    return f"{number} Consents, {who}"


def _search(query: str, bearer: str, found: int, count: int = PAGE, *, masked: int = 0) -> Shot:
    """Ask for a page on which so many are, of them so many `masked`."""

    def is_right(body: bytes) -> bool:
        return body.count(b'"fullUrl"') == found and body.count(b'"MASQUE_PS"') == masked

    return get(f"/fhir/DocumentReference?{query}&_count={count}", bearer, is_right)


def measured(send: Send, planned: dict[str, list[Shot]], requests: int) -> Medians:
    """Send each search so often, by turns, after one of each that fills the memories."""
    took: dict[str, list[float]] = {name: [] for name in planned}
    order = [name for name in planned if name != COUNTED]
    random = Random(SEED)

    def ask(name: str, turn: int) -> None:
        shot = planned[name][turn % len(planned[name])]
        began = time.perf_counter()
        send(shot)
        if turn >= 0:
            took[name].append(time.perf_counter() - began)

    for turn in range(-1, requests):
        random.shuffle(order)
        for name in order:
            ask(name, turn)
        progress(turn + 1, requests, "turns")
    for turn in range(-1, max(1, requests // 20)):
        ask(COUNTED, turn)
    return {name: median(each) for name, each in took.items()}


def kernel_table(costs: Sequence[KernelCost]) -> list[str]:
    """Return a line a record: what its Consents cost in the process."""
    head = f"{'µs of CPU':<14}{'compile':>10}{'sight':>10}{'decide':>10}{'+ reasons':>10}"
    return [
        head,
        *(
            f"{f'{one.consents} Consents':<14}{one.compiling:>10,.0f}{one.seeing:>10,.0f}"
            f"{one.deciding:>10.1f}{one.explaining:>10.1f}"
            for one in costs
        ),
    ]


def search_table(found: Medians) -> list[str]:
    """Return a line a search: its median, and over that of what it is compared with."""
    lines = [f"{'p50 of a search':<48}{'ms':>8}   compared"]
    for number in NUMBERS:
        took, free = found[_by("doctor", number)], found[_by("system", number)]
        flat = took / found[_by("doctor", NUMBERS[0])]
        lines.append(
            f"{_by('doctor', number):<48}{took * 1000:>8.2f}   {took / free:.2f}× the trusted "
            f"system's, {flat:.2f}× that of {NUMBERS[0]} Consent"
        )
    lines.append(f"{ONE:<48}{found[ONE] * 1000:>8.2f}")
    for name in (*LISTS, COUNTED):
        ratio = found[name] / found[ONE]
        lines.append(f"{name:<48}{found[name] * 1000:>8.2f}   {ratio:.2f}× one patient")
    return lines


if __name__ == "__main__":
    sys.exit(main())
