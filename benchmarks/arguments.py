"""The command line of `make bench`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

QUICK: Final[Mapping[str, Any]] = {
    "patients": 16,
    "rounds": 1,
    "seconds": 0.1,
    "profile": 10,
    "validation": 0.001,
}
"""What `--quick` says where nothing else is said."""


def arguments(words: Sequence[str] | None, told: str | None) -> argparse.Namespace:
    """Read `words`, or the command line; `told` is what `--help` says first."""
    parser = argparse.ArgumentParser(
        prog="make bench ARGS='…'",
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small run that proves it works")
    parser.add_argument(
        "--growth", action="store_true", help="records of 1, 10, 100 times the size"
    )
    parser.add_argument(
        "--only",
        type=lambda value: value.split(","),
        default=[],
        metavar="WORD,WORD",
        help="operations in whose name a word stands, such as `update,patch`; their floors come too",
    )
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--documents", type=int, default=20, help="readable ones of each patient")
    parser.add_argument("--workers", type=int, default=2, help="of the server and of the floors")
    parser.add_argument("--threads", type=int, default=32, help="of each worker")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one operation in a round")
    parser.add_argument(
        "--profile", type=int, default=400, help="requests of each profile; 0: none"
    )
    parser.add_argument(
        "--validation",
        type=float,
        default=0.02,
        metavar="SECONDS",
        help="of one repeat of a stage of validation; 0: none",
    )
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    if parser.parse_args(words).quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args(words)
