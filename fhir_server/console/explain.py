"""`fhir-server explain`: why a caller knows a resource or a record, or does not, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fhir_server.console.questions import Json, answered, asking, first, parts, values
from fhir_server.interactions.exchange import Exchange
from fhir_server.settings import Settings

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "known": "connu",
        "unknown": "inconnu",
        "of": "{known} ressources connues sur {total}",
        "permit": "permet",
        "forbid": "interdit",
        "consent": "consentement {consent}, {provision}",
        "not-understood": "compris en partie seulement : refuse sans ses conditions",
        "link": "lien {link}",
        "said-by": "d'après {said}",
        "supposed": "supposé",
        "label": "étiquette {label}",
        "purpose": "finalité {purpose}",
        "matrix": "matrice {profession} × {type} : {right} ({status})",
        "no-profession": "sans profession",
    },
    "en": {
        "known": "known",
        "unknown": "unknown",
        "of": "{known} resources known of {total}",
        "permit": "permits",
        "forbid": "forbids",
        "consent": "Consent {consent}, {provision}",
        "not-understood": "understood in part only: it denies without its conditions",
        "link": "link {link}",
        "said-by": "says {said}",
        "supposed": "supposed",
        "label": "label {label}",
        "purpose": "purpose {purpose}",
        "matrix": "matrix {profession} × {type}: {right} ({status})",
        "no-profession": "no profession",
    },
}
LANGUAGES: Final = tuple(WORDS)


def explained(
    settings: Settings,
    ref: str,
    asked: Mapping[str, str],
    *,
    lang: str,
    as_json: bool = False,
    receipt: Path | None = None,
) -> Iterator[str]:
    """Yield the lines that explain `ref`, `Type/id`; of a Patient, the whole record.

    `asked` are parameters of `$explain`. With `receipt`, the signed receipts are written there, one
    a line. Raises `FhirError`, `ConfigurationError`, or OSError for the file.
    """
    pairs = [(name, text) for name, text in asked.items() if text]
    if receipt is not None:
        pairs.append(("receipt", "true"))
    receipts: list[str] = []
    with asking(settings) as x:
        for page in _pages(x, ref, pairs):
            receipts += values(page, "receipt")
            if as_json:
                yield json.dumps(page, ensure_ascii=False)
            else:
                yield from _page(page, WORDS[lang], lang, is_first=len(receipts) < 2)
    if receipt is not None:
        receipt.write_text("".join(f"{one}\n" for one in receipts), encoding="ascii")


def _pages(x: Exchange, ref: str, pairs: list[tuple[str, str]]) -> Iterator[Json]:
    while True:
        page = answered(x, "explain", ref, pairs)
        yield page
        following = first(page, "next")
        if not following:
            return
        pairs = parse_qsl(urlsplit(following).query)


def _page(page: Json, words: Mapping[str, str], lang: str, *, is_first: bool) -> Iterator[str]:
    if is_first and parts(page, "total"):
        yield words["of"].format(known=first(page, "known"), total=first(page, "total"))
    for told in parts(page, "resource"):
        yield from _resource(told, words, lang)


def _resource(told: Json, words: Mapping[str, str], lang: str) -> Iterator[str]:
    verdict = words["known" if first(told, "known") else "unknown"]
    yield f"{verdict:<8} {first(told, 'reference')}"
    for rule in parts(told, "rule"):
        effect = words[first(rule, "effect")]
        sources = f" ({', '.join(values(rule, 'source'))})" if parts(rule, "source") else ""
        yield f"  {effect:<8} {first(rule, 'id')}{sources} : {first(rule, lang)}"
        for ground in parts(rule, "because"):
            yield f"           {', '.join(_because(ground, words))}"
    for cell in parts(told, "matrix"):
        said = {name: first(cell, name) for name in ("type", "right", "status")}
        profession = first(cell, "profession") or words["no-profession"]
        yield f"  {words['matrix'].format(profession=profession, **said)}"


def _because(ground: Json, words: Mapping[str, str]) -> Iterator[str]:
    if parts(ground, "consent"):
        provision = first(ground, "provision")
        yield words["consent"].format(consent=first(ground, "consent"), provision=provision)
        if not first(ground, "understood"):
            yield words["not-understood"]
    for name in ("link", "label", "purpose"):
        if parts(ground, name):
            yield words[name].format(**{name: first(ground, name)})
    if said := first(ground, "said-by"):
        yield words["said-by"].format(said=said)
    elif parts(ground, "link"):
        yield words["supposed"]
