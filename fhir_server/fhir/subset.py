"""Parts of a resource: https://hl7.org/fhir/R4/search.html#summary and #elements.

A part is marked SUBSETTED, so that nobody takes it for the whole and writes it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from fhir_server.definitions import child, elements
from fhir_server.fhir.json import dumps, parse

Json = dict[str, Any]

_TAG: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
_ALWAYS: Final = frozenset({"resourceType", "id", "meta", "implicitRules", "modifierExtension"})


@dataclass(frozen=True, slots=True)
class Subset:
    """Which part: one of the forms of `_summary`, or the names of `_elements`."""

    summary: Literal["", "true", "text", "data"] = ""
    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is left out."""
        return bool(self.summary or self.names)

    def of(self, raw: bytes) -> bytes:
        """Return the part of the resource `raw`, mandatory elements kept."""
        resource = parse(raw).resource
        return dumps(_marked(self._kept(resource)))

    def keeps(self, type_: str, name: str) -> bool:
        """Tell whether the part has the element `name` of a `type_`."""
        return name in self._kept({"resourceType": type_, name: None})

    def _kept(self, resource: Json) -> Json:
        type_ = str(resource["resourceType"])
        match self.summary:
            case "true":
                return _summary(resource, type_)
            case "data":
                return {name: value for name, value in resource.items() if name != "text"}
            case "text":
                wanted = frozenset({"text"})
            case _:
                wanted = _wanted(self.names, type_)
        return {
            name: value
            for name, value in resource.items()
            if name in _ALWAYS or _name(type_, name) in wanted or _mandatory(type_, name)
        }


WHOLE: Final = Subset()
"""Nothing left out."""


def partial(raw: bytes) -> bytes:
    """Return the resource `raw`, of which something was left out, marked as a part."""
    return dumps(_marked(parse(raw).resource))


def _wanted(names: tuple[str, ...], type_: str) -> frozenset[str]:
    """Return the elements of `type_` that `_elements` names, bare or as `Type.element`."""
    split = (name.rpartition(".") for name in names)
    return frozenset(element for owner, _, element in split if owner in ("", type_))


def _name(path: str, json_name: str) -> str:
    """Return the name of an element without its type: `value` for `valueQuantity`, `_value…`."""
    found = child(path, json_name.removeprefix("_"))
    return found[0].name if found else json_name


def _mandatory(path: str, json_name: str) -> bool:
    found = child(path, json_name.removeprefix("_"))
    return found is not None and found[0].min > 0


def _summary(value: Json, path: str) -> Json:
    """Keep what the specification marks as summary, inside backbone elements too."""
    kept: Json = {}
    for name, item in value.items():
        found = child(path, name.removeprefix("_"))
        if name in _ALWAYS or (found and (found[0].summary or found[0].min > 0)):
            kept[name] = _deeper(item, found[1] if found else "")
    return kept


def _deeper(item: Any, type_: str) -> Any:
    """Go on inside a backbone element, whose type is a path; datatypes are kept whole."""
    if "." not in type_ or not elements(type_):
        return item
    if isinstance(item, list):
        return [_deeper(one, type_) for one in item]
    return _summary(item, type_) if isinstance(item, dict) else item


def _marked(resource: Json) -> Json:
    meta = dict(resource.get("meta", {}))
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != _TAG["code"]]
    meta["tag"] = [*tags, _TAG]
    first = {"resourceType": resource["resourceType"]}
    if "id" in resource:
        first["id"] = resource["id"]
    return first | {"meta": meta} | {k: v for k, v in resource.items() if k not in {*first, "meta"}}
