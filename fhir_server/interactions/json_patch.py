"""Apply a JSON Patch: https://hl7.org/fhir/R4/http.html#patch and RFC 6902.

The patch works on parsed values, where numbers keep the text they came with, and on a copy: a
patch that fails leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from jsonpatch import JsonPatch, JsonPatchException, JsonPatchTestFailed
from jsonpointer import JsonPointer, JsonPointerException

from fhir_server.fhir.errors import BadRequest, TooLarge, Unprocessable
from fhir_server.fhir.json import MAX_DEPTH, dumps, nests_within, parse_value

CONTENT_TYPE: Final = "application/json-patch+json"
MAX_OPERATIONS: Final = 1000
MAX_PATH: Final = 1000
# Copies of copies double at every step; what moves and copies carry is bounded together.
MAX_CARRIED: Final = 16 * 1024 * 1024

_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}

Operation = Mapping[str, Any]


def read_patch(body: bytes) -> Sequence[Operation]:
    """Return the operations of `body`. Raise `BadRequest` naming the one that is malformed."""
    operations = parse_value(body)
    if not isinstance(operations, list):
        raise BadRequest("a JSON Patch is an array of operations", code="structure")
    if len(operations) > MAX_OPERATIONS:
        raise TooLarge(f"a patch has at most {MAX_OPERATIONS} operations")
    for index, operation in enumerate(operations):
        if fault := _malformed(operation):
            raise BadRequest(f"operation {index} of the patch: {fault}", code="structure")
    return operations


def _malformed(operation: object) -> str:
    if not isinstance(operation, dict):
        return "an object expected"
    name = operation.get("op")
    if not isinstance(name, str) or name not in _MEMBERS:
        return f"`{str(name)[:40]}` is none of {', '.join(_MEMBERS)}"
    for member in _MEMBERS[name]:
        if member not in operation:
            return f"`{member}` is missing"
        if member != "value" and (fault := _not_a_pointer(operation[member])):
            return fault
    return ""


def _not_a_pointer(path: object) -> str:
    """Say why `path` is no JSON Pointer (RFC 6901)."""
    shown = f"`{str(path)[:80]}`"
    if not isinstance(path, str) or len(path) > MAX_PATH:
        return f"{shown} is not a path"
    if "[" in path or (path and not path.startswith("/")):
        return (
            f"{shown} is not a JSON Pointer: begin with `/` and name an item of an array by its "
            "place, counted from 0, as in `/extension/0/valueString`"
        )
    try:
        parts = JsonPointer(path).parts
    except JsonPointerException:
        return f"{shown} is not a JSON Pointer: write `~0` for `~` and `~1` for `/`"
    return "" if len(parts) <= MAX_DEPTH else f"{shown} goes deeper than {MAX_DEPTH} levels"


def apply_patch(resource: dict[str, Any], operations: Sequence[Operation]) -> dict[str, Any]:
    """Return a copy of `resource` with `operations` applied in order; `resource` stays.

    Raise `Unprocessable` naming the operation whose path leads nowhere or whose test does not
    hold. The result is *not* validated.
    """
    patched: Any = deepcopy(resource)
    carried = 0
    for index, operation in enumerate(operations):
        here = f"operation {index} of the patch, `{operation['op']}` at `{operation['path'][:80]}`"
        try:
            carried += _carried(patched, operation)
            if carried > MAX_CARRIED:
                raise TooLarge(f"{here}: the patch copies more than {MAX_CARRIED} bytes")
            patched = JsonPatch([operation]).apply(patched, in_place=True)
        except JsonPatchTestFailed:
            raise Unprocessable(f"{here}: the value is not the one tested for") from None
        except (JsonPatchException, JsonPointerException):
            raise Unprocessable(f"{here}: there is nothing at this path") from None
    if not isinstance(patched, dict):
        raise Unprocessable("the patch leaves no object", code="structure")
    return patched


def _carried(document: Any, operation: Operation) -> int:
    """Return the size of what a move or copy carries; refuse nesting over the bound."""
    source = operation.get("from") if operation["op"] in ("move", "copy") else None
    value = operation.get("value") if source is None else JsonPointer(source).resolve(document)
    if not nests_within(value, MAX_DEPTH - len(JsonPointer(operation["path"]).parts)):
        raise Unprocessable(f"the patch nests deeper than {MAX_DEPTH} levels", code="structure")
    return 0 if source is None else len(dumps(value))


def json_patch(resource: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return `resource` as the JSON Patch in `body` changes it. Raise as the two steps do."""
    return apply_patch(resource, read_patch(body))
