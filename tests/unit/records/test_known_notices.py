"""What a process remembers of the notices that are queued is bounded, and never wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fhir_server.records.outbox import Known


def test_what_was_added_is_known_and_nothing_else() -> None:
    known = Known()
    known.add(["a", "b"])
    assert ("a" in known, "b" in known, "c" in known) == (True, True, False)


def test_the_first_to_come_is_the_first_to_be_forgotten() -> None:
    known = Known(most=2)
    known.add(["a"])
    known.add(["b", "c"])
    assert ("a" in known, "b" in known, "c" in known) == (False, True, True)


def test_threads_may_add_at_once() -> None:
    known = Known(most=50)

    def add(thread: int) -> None:
        for number in range(500):
            known.add([f"{thread}-{number}"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    kept = sum(f"{thread}-{number}" in known for thread in range(8) for number in range(500))
    assert 0 < kept <= 50
