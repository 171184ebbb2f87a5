"""Answers of `$explain` and `$simulate`, as tests read them."""

from __future__ import annotations

from typing import Any

from tests.support.replies import Json, Reply


def value(part: Json) -> Any:
    """Return the one value of a parameter; of a Reference, its text."""
    (found,) = [held for name, held in part.items() if name.startswith("value")]
    return found["reference"] if isinstance(found, dict) and "reference" in found else found


def parts(of: Json, name: str) -> list[Json]:
    """Return the parts of that name, of a parameter or of a whole answer."""
    held: list[Json] = of.get("parameter") or of.get("part") or []
    return [one for one in held if one["name"] == name]


def one(of: Json, name: str) -> Any:
    """Return the value of the one part of that name."""
    (found,) = parts(of, name)
    return value(found)


def resources(reply: Reply) -> dict[str, Json]:
    """Return what is told of each resource, by `Type/id`."""
    assert reply.status == 200, reply.body
    told = parts(reply.json, "resource")
    return {one(item, "reference").partition("/_history/")[0]: item for item in told}


def alone(reply: Reply) -> Json:
    """Return what is told of the one resource."""
    (found,) = resources(reply).values()
    return found


def rules(told: Json) -> list[str]:
    """Return the ids of the rules that spoke, in their order."""
    return [one(rule, "id") for rule in parts(told, "rule")]


def because(told: Json, rule: str) -> list[dict[str, Any]]:
    """Return the grounds of a rule, each as name → value."""
    (found,) = [item for item in parts(told, "rule") if one(item, "id") == rule]
    return [
        {part["name"]: value(part) for part in ground["part"]} for ground in parts(found, "because")
    ]


def asking(who: Any, **more: str) -> str:
    """Return the query that describes a caller."""
    told = {
        "kind": who.kind,
        "purpose": who.purpose,
        "rpps": who.rpps,
        "profession": who.profession,
        "organization": who.organization,
    } | more
    return "&".join(f"{name}={text}" for name, text in told.items() if text)


def group(who: Any, **more: str) -> Json:
    """Return the same as a group of a Parameters."""
    pairs = [pair.split("=", 1) for pair in asking(who, **more).split("&")]
    return {
        "name": "caller",
        "part": [{"name": name, "valueString": text} for name, text in pairs],
    }
