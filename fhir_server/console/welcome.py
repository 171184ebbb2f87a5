"""What `serve` prints once it answers: French first, English after it."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from fhir_server.settings import Settings


def welcome(settings: Settings) -> str:
    """Return the addresses, the personas if there are any, and a `curl` that works as it stands."""
    root = settings.root_url
    lines = [
        "",
        "Le serveur répond (the server answers):",
        f"  FHIR R4                  {settings.fhir_url}",
        f"  documentation (OpenAPI)  {root}/docs",
        f"  santé (health)           {root}/health/ready",
    ]
    if settings.auth == "off":
        lines.append("  SANS authentification : qui n'a pas de jeton voit tout (auth off).")
    if settings.demo:
        lines += ["", "Personas de démonstration (demonstration personas):", *_personas()]
    lines += ["", "Essayer, dans un autre terminal (try, in another terminal):"]
    lines += [f"  {line}" for line in _curl(settings)]
    lines += ["", "Ctrl-C pour arrêter (to stop).", ""]
    return "\n".join(lines)


def _personas() -> list[str]:
    from fhir_server.demo.personas import personas

    return [f"  {persona.name:<24} {persona.kind}" for persona in personas()]


def _curl(settings: Settings) -> tuple[str, ...]:
    if settings.auth == "off":
        return (f"curl {settings.fhir_url}/Patient",)
    who = "--persona attending-doctor" if settings.demo else "--kind trusted-system"
    place = shlex.quote(str(settings.data_dir))
    token = f"{_program()} token {who} --data-dir {place}"
    return (f'curl -H "Authorization: Bearer $({token})" \\', f"  {settings.fhir_url}/Patient")


def _program() -> str:
    """Return how to call this program again from a shell where nothing is activated."""
    if shutil.which("fhir-server"):
        return "fhir-server"
    beside = Path(sys.executable).with_name("fhir-server")
    return shlex.quote(str(beside)) if beside.exists() else f"{sys.executable} -m fhir_server.cli"
