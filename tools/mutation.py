"""Change one thing at a time in the consent kernel, and see whether a test notices.

`make mutants` (docs/proof.md):

1. the tests of the kernel that need no database are collected, once;
2. for each mutant (`tools/mutants.py`) a process is forked, in which the kernel is changed where it
   lies, and the tests run until one fails;
3. a mutant that no test notices *survives*. Each must stand in `tools/mutants_alike.txt`, with the
   reason why it behaves as the original does; else the exit code is 1.
"""

from __future__ import annotations

import argparse
import ast
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[1]
KERNEL = ROOT / "fhir_server" / "consent"
ALIKE = ROOT / "tools" / "mutants_alike.txt"
TESTS = (
    "tests/unit/consent",
    "tests/unit/test_docs.py::test_consent_md_lists_every_rule_of_the_code_in_its_order",
    "tests/unit/test_docs.py::test_consent_md_says_effect_and_sources_of_a_rule",
    "tests/scenarios",
    "tests/property/test_consent_against_oracle.py",
)
"""The theorems say less of one document than these do, and take longer."""
OPTIONS = (
    *("-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *(
        "--hypothesis-profile=mutants",
        "--hypothesis-seed=1",
        "-m",
        "not proof",
        "-k",
        "not (query_finds or links_open_care)",
    ),
)
SECONDS = 120
"""A mutant that takes longer runs in circles: noticed."""


class Trial:
    """A pytest plugin: in the place of running the tests once, runs them on every mutant."""

    def __init__(self, trying: list[Mutant], known: set[str]) -> None:
        """Try `trying`, but for those whose names are `known` to be alike."""
        self._trying = trying
        self._known = known
        self.left: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what was collected once for each mutant."""
        start = time.monotonic()
        for at, mutant in enumerate(self._trying, 1):
            if mutant.name not in self._known and _survives(mutant, session):
                self.left.append(mutant)
                _say(f"survives: {mutant.line}: {mutant.name}")
            if at % 50 == 0:
                _say(f"{at} of {len(self._trying)}, {time.monotonic() - start:.0f} s")
        return True


class _Impatient:
    """A pytest plugin: ends the process at the first test that fails."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(1)


def _say(text: str) -> None:
    os.write(OUT, f"{text}\n".encode())


OUT = os.dup(1)
"""Where this command speaks; pytest captures what its tests print."""


def _survives(mutant: Mutant, session: pytest.Session) -> bool:
    """Run the tests on `mutant` in a process of its own; tell whether all pass."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(SECONDS)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _change(mutant)
            session.config.pluginmanager.register(_Impatient())
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _change(mutant: Mutant) -> None:
    """Make of the kernel in this process what `mutant` says, wherever it was imported.

    Functions keep their identity and get new code, classes the code of their methods and the
    values of their fields' defaults; anything else is replaced under its name.
    """
    real = import_module(f"fhir_server.consent.{mutant.module}")
    code = compile(ast.fix_missing_locations(mutant.tree), str(real.__file__), "exec")
    made = ModuleType(real.__name__)
    made.__dict__.update(__file__=real.__file__, __package__=real.__package__)
    sys.modules[real.__name__] = made  # where a dataclass looks its own module up
    exec(code, made.__dict__)
    sys.modules[real.__name__] = real
    for name, new in vars(made).items():
        old = vars(real).get(name)
        if name.startswith("__") or old is None or old is new:
            continue
        if isinstance(old, FunctionType) and isinstance(new, FunctionType):
            _recode(old, new)
        elif isinstance(old, type) and old.__module__ == real.__name__:
            for its_old, its_new in _methods(old, new):
                _recode(its_old, its_new)
            if is_dataclass(old):
                old.__init__.__defaults__ = new.__init__.__defaults__
        else:
            _replace(name, old, new)


def _recode(old: FunctionType, new: FunctionType) -> None:
    old.__code__ = new.__code__
    old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__


def _methods(old: type, new: Any) -> Iterator[tuple[FunctionType, FunctionType]]:
    for name, member in vars(old).items():
        pair = _function(member), _function(vars(new).get(name))
        if pair[0] is not None and pair[1] is not None:
            yield pair[0], pair[1]


def _function(member: Any) -> FunctionType | None:
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, cached_property):
        member = member.func
    # What a dataclass wrote for itself closes over its class; it is no text of ours.
    plain = isinstance(member, FunctionType) and not member.__closure__
    return member if plain else None


def _replace(name: str, old: object, new: object) -> None:
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(name) is old:
            setattr(module, name, new)


def alike() -> set[str]:
    """Return the names of the mutants that are known to behave as the original does."""
    lines = ALIKE.read_text(encoding="utf-8").splitlines() if ALIKE.exists() else []
    return {line for line in lines if line and not line.startswith(("#", " "))}


def main() -> int:
    """Try every mutant of the kernel; print those that survive."""
    asked = argparse.ArgumentParser(description=main.__doc__)
    asked.add_argument("modules", nargs="*", help="modules of the kernel; all of them by default")
    asked.add_argument("--share", default="0/1", help="which share of the mutants, of how many")
    asked.add_argument("--list", action="store_true", help="name the mutants and try none")
    given = asked.parse_args()
    part, parts = map(int, given.share.split("/"))
    os.chdir(ROOT)
    paths = sorted(path for path in KERNEL.glob("*.py") if path.stem != "__init__")
    chosen = [path for path in paths if not given.modules or path.stem in given.modules]
    all_ = [one for path in chosen for one in mutants(path.stem, path.read_text(encoding="utf-8"))]
    mine, known = all_[part::parts], alike()
    if given.list:
        print("\n".join(f"{one.line}: {one.name}" for one in mine))
        return 0
    trial = Trial(mine, known)
    if pytest.main([*OPTIONS, *TESTS], plugins=[trial]) not in (0, 5):
        return 2
    excused = sum(one.name in known for one in mine)
    _say(f"{len(mine)} mutants: {len(trial.left)} survive, {excused} are known to be alike")
    return 1 if trial.left else 0


if __name__ == "__main__":
    sys.exit(main())
