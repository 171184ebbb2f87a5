"""The official examples come through unharmed."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from fhir_server.fhir.json import Document, parse, stamp
from fhir_server.fhir.references import rewrite, walk_references

pytestmark = pytest.mark.reference

REFERENCE = Path(
    os.environ.get("FHIR_REFERENCE_DATA", Path(__file__).parents[4] / "shared" / "reference")
)
META = ("versionId", "lastUpdated")


@pytest.fixture(scope="module")
def official_examples() -> dict[str, str]:
    """Give the exact text of every official R4 example by file name."""
    archive = REFERENCE / "r4-examples.tar.xz"
    if not archive.exists():
        pytest.skip(f"REFERENCE DATA ABSENT: {archive}; set FHIR_REFERENCE_DATA")
    with tarfile.open(archive) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        lines = [json.loads(line) for file in files if file for line in file]
    return {line["file"]: line["text"] for line in lines}


def test_every_official_example_keeps_all_other_text(official_examples: dict[str, str]) -> None:
    for name, text in official_examples.items():
        document = parse(text.encode())
        stamped = stamp(
            document, id="abc", version_id=7, last_updated="2026-01-02T03:04:05.678Z"
        ).decode()
        for member, (start, end) in document.spans.items():
            if member not in ("id", "meta"):
                assert text[start:end] in stamped, name
        assert unstamped(document, stamped) == text, name


def unstamped(document: Document, stamped: str) -> str:
    """Undo a stamp by cutting what it inserted and putting back what it replaced."""
    spans = parse(stamped.encode()).spans
    for member in ("id", "meta"):
        if member in document.spans:
            (low, high), (start, end) = document.spans[member], spans[member]
            if member == "meta":
                inner = unstamped_meta(document.text[low:high], stamped[start:end])
            else:
                inner = document.text[low:high]
            stamped = stamped[:start] + inner + stamped[end:]
            spans = parse(stamped.encode()).spans
    for member in ("meta", "id"):
        if member not in document.spans:
            start, end = spans[member]
            stamped = stamped[: start - len(f',"{member}":')] + stamped[end:]
            spans = parse(stamped.encode()).spans
    return stamped


def unstamped_meta(before: str, after: str) -> str:
    old, new = parse(before.encode()).spans, parse(after.encode()).spans
    for member in sorted(META, key=lambda name: -new[name][0]):
        start, end = new[member]
        if member in old:
            after = after[:start] + before[slice(*old[member])] + after[end:]
        else:
            after = after[: start - len(f'"{member}":')] + after[end:].removeprefix(",")
    return after


def test_links_of_official_bundles_are_all_found(official_examples: dict[str, str]) -> None:
    seen = 0
    for text in official_examples.values():
        if '"urn:uuid:' in text and '"Bundle"' in text:
            resource = parse(text.encode()).resource
            urls = [entry["fullUrl"] for entry in resource.get("entry", ()) if "fullUrl" in entry]
            rewrite(resource, {url: "Basic/1" for url in urls if url.startswith("urn:")})
            for _, reference in walk_references(resource):
                assert reference["reference"] not in urls or "urn:" not in reference["reference"]
                seen += reference["reference"] == "Basic/1"
    assert seen > 10
