"""What the R4B models refuse, the element tables have refused: a second opinion on every mutant.

The models were made by others from almost the same definitions (ADR 0012). Official examples are
damaged at random, one place at a time; `MUTANTS=n` asks for more of them than a run of the suite.
"""

from __future__ import annotations

import json
import os
import random
import tarfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fhir_server.fhir.json import dumps, parse
from fhir_server.validation import validate
from fhir_server.validation.models import second_reading

pytestmark = pytest.mark.reference

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)
MUTANTS = int(os.environ.get("MUTANTS") or 3000)
VALUES: tuple[Any, ...] = (
    "", " ", "é", "2024-02-30", "2024-13", "24:00", "not a code", "1 2", "a b", "#x", "\t", "http://x y",
    0, -1, 1.5, 2**40, True, None, [], {}, [[]], [None], [""], {"x": 1}, {"id": "1"}, "x" * 70,
)  # fmt: skip
NAMES = ("id", "value", "valueString", "valueQuantity", "extension", "code", "text", "_id", "x")


@pytest.fixture(scope="module")
def examples() -> list[dict[str, Any]]:
    """Give the official examples of at most 20,000 characters."""
    archive = REFERENCE / "r4-examples.tar.xz"
    if not archive.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {archive}; set FHIR_REFERENCE_DATA")
    with tarfile.open(archive) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        texts = [json.loads(line)["text"] for file in files if file for line in file]
    return [parse(text.encode()).resource for text in sorted(texts) if len(text) < 20_000]


def test_whatever_the_models_refuse_the_tables_have_refused(examples: list[dict[str, Any]]) -> None:
    chance = random.Random(4)
    missed, judged = [], 0
    for _ in range(MUTANTS):
        resource = deepcopy(chance.choice(examples))
        said = damage(resource, chance)
        if said is None or not isinstance(resource.get("resourceType"), str):
            continue
        resource = parse(dumps(resource)).resource
        if not validate(resource, resource["resourceType"]):
            judged += 1
            found = second_reading(resource, resource["resourceType"])
            missed += [(resource["resourceType"], resource.get("id"), said, found)] if found else []
    assert judged > MUTANTS // 20
    assert missed == []


def damage(resource: dict[str, Any], chance: random.Random) -> str | None:
    """Change one place of `resource`; tell which, or None when there was nothing to change."""
    places = list(_places(resource, ""))
    path, holder, key = chance.choice(places)
    match chance.randrange(5):
        case 0:
            del holder[key]
            return f"without {path}"
        case 1:
            holder[key] = value = chance.choice(VALUES)
            return f"{path} = {value!r}"
        case 2 if isinstance(holder, dict) and key != "resourceType":
            name = chance.choice((*NAMES, f"_{key}"))
            holder[name] = holder.pop(key)
            return f"{path} as {name}"
        case 3:
            holder[key] = [deepcopy(holder[key])] * chance.choice((1, 2))
            return f"{path} in a list"
        case _:
            _, other, name = chance.choice(places)
            if holder[key] is other or name not in (
                other if isinstance(other, dict) else range(len(other))
            ):
                return None
            holder[key] = deepcopy(other[name])
            return f"{path} from elsewhere"


def _places(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(inside):
        here = f"{path}.{key}"
        yield here, value, key
        if isinstance(item, dict | list):
            yield from _places(item, here)
