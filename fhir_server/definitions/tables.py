"""Load the generated tables, each once and only when something asks for it.

The tables are written by `tools/build_definitions.py`; never edit them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> Any:
    """Return the content of `name`.json, shared by all callers: read it, don't change it."""
    return json.loads(files(__package__).joinpath(f"{name}.json").read_bytes())
