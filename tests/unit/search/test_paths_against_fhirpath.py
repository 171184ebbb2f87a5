"""Our closures and fhirpathpy, an independent FHIRPath engine, find the same in HL7's examples.

Two examples a type by default; every one of the 3,668 (half a minute) with `FHIR_PATHS_ORACLE=all`.

What fhirpathpy can't do is put otherwise before it is asked:

- `as` raises on several items: `ofType` takes its place, which means the same for one item;
- R4 writes some primitive types with a capital (`as DateTime`), which match no type there;
- it takes `Resource.id` of a Patient for nothing: `id`;
- it has no `resolve()`: the references that it finds are filtered here;
- `hasExtension` is in no version of FHIRPath: `extension(…).exists()`.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions import RESOURCE_TYPES, search_parameters
from fhir_server.search.paths import compile_expression

fhirpathpy = pytest.importorskip("fhirpathpy")
r4 = pytest.importorskip("fhirpathpy.models").models["r4"]

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("FHIR_REFERENCE_DATA", ROOT.parent / "shared" / "reference"))
ARCHIVE = REFERENCE / "r4-examples.tar.xz"
SAMPLE = None if os.environ.get("FHIR_PATHS_ORACLE") == "all" else 2

RESOLVE = re.compile(r"(.+)\.where\(resolve\(\) is (\w+)\)")

pytestmark = pytest.mark.skipif(
    not ARCHIVE.is_file(), reason=f"NOT RUN: no official examples at {ARCHIVE}"
)


@cache
def examples() -> dict[str, list[str]]:
    """Return the text of the examples by type."""
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            opened = archive.extractfile(member) if member.name.endswith(".jsonl") else None
            if opened:
                lines = opened.read().decode().splitlines()
                found[Path(member.name).stem] = [json.loads(line)["text"] for line in lines]
    return found


def as_fhirpathpy_takes_it(part: str) -> str:
    part = re.sub(r"^(Domain)?Resource\.", "", part)
    part = re.sub(r"^\((.+) as (\w+)\)", r"\1.ofType(\2)", part)
    part = re.sub(r"\.as\((\w+)\)", r".ofType(\1)", part)
    part = re.sub(r"hasExtension\(('[^']+')\)", r"extension(\1).exists()", part)
    part = part.replace("ofType(DateTime)", "ofType(dateTime)")
    return part.replace("ofType(Uri)", "ofType(uri)")


def points_to(reference: dict[str, Any], type_: str, resource: dict[str, Any]) -> bool:
    literal = reference.get("reference", "")
    if literal.startswith("#"):
        contained = {item["id"]: item["resourceType"] for item in resource.get("contained", [])}
        return contained.get(literal[1:]) == type_
    if not literal:
        return False
    named = re.search(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]+(?:/_history/\w+)?(?:#.*)?$", literal)
    return (named[1] if named else reference.get("type")) == type_


@cache
def oracle(part: str) -> Callable[[dict[str, Any]], list[Any]]:
    """Return fhirpathpy's evaluation of one part of a union."""
    resolve = RESOLVE.fullmatch(part)
    evaluate = fhirpathpy.compile(as_fhirpathpy_takes_it(resolve[1] if resolve else part), r4)
    if not resolve:
        return lambda resource: list(evaluate(resource))
    return lambda resource: [
        item for item in evaluate(resource) if points_to(item, resolve[2], resource)
    ]


def wanted(expression: str, resource: dict[str, Any]) -> list[Any]:
    """Evaluate the parts of `expression` that are about `resource`, or about any resource."""
    about = rf"\(?(Resource|DomainResource|{resource['resourceType']}|[a-z]\w*)\b"
    return [
        item
        for part in re.split(r"\s*\|\s*", expression)
        if re.match(about, part)
        for item in oracle(part)(resource)
    ]


def canonical(items: list[Any]) -> set[str]:
    """Return what two lists have in common when they differ in order and repetition only."""
    return {json.dumps(item, sort_keys=True, default=float) for item in items}


def disagreements(type_: str, text: str) -> Iterator[str]:
    for parameter in search_parameters(type_).values():
        if not parameter.expression:
            continue
        ours = [n.value for n in compile_expression(parameter.expression, type_)(json.loads(text))]
        theirs = wanted(parameter.expression, json.loads(text))
        if canonical(ours) != canonical(theirs):
            yield f"{type_} {parameter.code}: {str(ours)[:300]} / {str(theirs)[:300]}"


@pytest.mark.parametrize("type_", sorted(RESOURCE_TYPES))
def test_both_engines_find_the_same_values(type_: str) -> None:
    texts = examples().get(type_, [])
    if not texts:
        pytest.skip(f"NOT RUN: no official example of {type_}")
    chosen = texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE] if SAMPLE else texts
    assert [found for text in chosen for found in disagreements(type_, text)] == []
