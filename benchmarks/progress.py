"""Say on standard error how far a run has come."""

from __future__ import annotations

import sys


def progress(done: int, everything: int, of: str = "records") -> None:
    """Write over the line that was said before."""
    print(f"\r{of} {done}/{everything} ", end="", flush=True, file=sys.stderr)
