"""`fhir-server simulate`: what a Consent or a mask would change for callers, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fhir_server.console.questions import Json, answered, asking, first, parts, values
from fhir_server.settings import Settings

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "counts": "connaît {before} ressources, en connaîtrait {after}",
        "gained": "gagne",
        "lost": "perd",
        "more": "… et {more} autres",
        "consent": "consentement {id} : {effect}",
        "permit": "permet",
        "deny": "refuse",
        "none": "ne dit rien ici",
        "not-in-force": "pas en vigueur à cette date",
        "not-understood": "compris en partie seulement",
    },
    "en": {
        "counts": "knows {before} resources, would know {after}",
        "gained": "gains",
        "lost": "loses",
        "more": "… and {more} more",
        "consent": "Consent {id}: {effect}",
        "permit": "permits",
        "deny": "denies",
        "none": "says nothing here",
        "not-in-force": "not in force on that day",
        "not-understood": "understood in part only",
    },
}
_CALLER: Final = ("kind", "purpose", "rpps", "profession", "organization", "link")


class SupposedConsentError(ValueError):
    """A file holds no Consent. The text is the one line to show on the console."""


def simulated(
    settings: Settings,
    patient: str,
    caller: Mapping[str, str],
    change: Mapping[str, Sequence[str]],
    consents: Sequence[Path],
    *,
    lang: str,
    as_json: bool = False,
) -> Iterator[str]:
    """Yield the lines that say what `change` would change in record `patient`.

    `caller` are parts of `$simulate`'s group of this name, empty for its panel; `change` its other
    parameters; `consents` files of one Consent each. Raises `FhirError`, `ConfigurationError`,
    `SupposedConsentError`, or OSError for a file.
    """
    said = [{"name": name, "valueString": text} for name, text in caller.items() if text]
    sent: list[Json] = [{"name": "caller", "part": said}] if said else []
    sent += [{"name": "consent", "resource": _consent(path)} for path in consents]
    for name, texts in change.items():
        sent += [{"name": name, "valueString": text} for text in texts]
    body = {"resourceType": "Parameters", "parameter": sent}
    with asking(settings) as x:
        ref = f"Patient/{patient.removeprefix('Patient/')}"
        found = answered(x, "simulate", ref, body=body)
    if as_json:
        yield json.dumps(found, ensure_ascii=False)
        return
    words = _WORDS[lang]
    yield from (_reading(one, words) for one in parts(found, "consent"))
    for one in parts(found, "caller"):
        yield from _difference(one, words)


def _consent(path: Path) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise SupposedConsentError(f"`{path}` is not JSON") from None
    if not isinstance(found, dict) or found.get("resourceType") != "Consent":
        raise SupposedConsentError(f"`{path}` holds no Consent")
    return found


def _reading(one: Json, words: Mapping[str, str]) -> str:
    effect = first(one, "effect")
    said = [words["consent"].format(id=first(one, "id"), effect=words[effect])]
    if effect != "none" and not first(one, "in-force"):
        said.append(words["not-in-force"])
    if not first(one, "understood"):
        said.append(words["not-understood"])
    return ", ".join(said)


def _difference(one: Json, words: Mapping[str, str]) -> Iterator[str]:
    caller = " ".join(str(first(one, name)) for name in _CALLER if parts(one, name))
    counts = {name: first(one, name) for name in ("before", "after")}
    yield f"{caller} : {words['counts'].format(**counts)}"
    for name, sign in (("gained", "+"), ("lost", "-")):
        refs, count = values(one, name), first(one, f"{name}-count")
        if count:
            yield f"  {words[name]} {count}"
        yield from (f"    {sign} {ref}" for ref in refs)
        if count > len(refs):
            yield f"    {words['more'].format(more=count - len(refs))}"
