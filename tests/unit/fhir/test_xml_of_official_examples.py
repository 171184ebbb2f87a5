"""The official examples go through XML unharmed.

Every 12th by default; `FHIR_ALL_EXAMPLES=1` takes all 3,668.
"""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fhir_server.fhir.json import dumps, parse
from fhir_server.fhir.xml import to_json, to_xml

pytestmark = pytest.mark.reference

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)
STEP = 1 if os.environ.get("FHIR_ALL_EXAMPLES") else 12


@pytest.fixture(scope="module")
def official_examples() -> dict[str, str]:
    """Give the exact text of the official R4 examples by file name."""
    archive = REFERENCE / "r4-examples.tar.xz"
    if not archive.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {archive}; set FHIR_REFERENCE_DATA")
    with tarfile.open(archive) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        lines = [json.loads(line) for file in files if file for line in file]
    return {line["file"]: line["text"] for line in lines}


def exactly(value: Any) -> Any:
    """Order the members by name; the text of numbers then shows in what `dumps` writes."""
    if isinstance(value, dict):
        return {name: exactly(value[name]) for name in sorted(value)}
    return [exactly(item) for item in value] if isinstance(value, list) else value


def test_the_official_examples_come_back_from_xml_as_they_went(
    official_examples: dict[str, str],
) -> None:
    for name, text in sorted(official_examples.items())[::STEP]:
        resource = parse(text.encode()).resource
        found = to_json(to_xml(resource))
        assert dumps(exactly(found)) == dumps(exactly(resource)), name
