"""The commands that examine the access log: `audit verify`, `audit head`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fhir_server.cli_options import data_dir as _data_dir
from fhir_server.cli_options import mongodb_uri as _mongodb_uri
from fhir_server.cli_options import settings as _settings

_Result = TypeVar("_Result")


@click.group()
def audit() -> None:
    """Examine the access log (journal des accès)."""


@audit.command("verify")
@_data_dir
@_mongodb_uri
@click.option(
    "--head",
    "head_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A head kept elsewhere (audit head): the log must begin with it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit_verify(head_file: Path | None, as_json: bool, **given: Any) -> None:
    """Read the whole log against its signed tree (vérifier).

    Names every entry that was changed, removed or moved, and exits 1. The server may run meanwhile.
    """
    from fhir_server.console.audit import read_head, verified

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done} of {of} entries", nl=done == of, err=True)

    head = read_head(head_file) if head_file else ""
    report = _carried_out(lambda: verified(_settings(**given), show, head=head))
    click.echo(report.as_json if as_json else "\n".join(report.lines))
    raise click.exceptions.Exit(0 if report.is_well else 1)


@audit.command("head")
@_data_dir
@_mongodb_uri
def audit_head(**given: Any) -> None:
    """Print the newest signed head, to be kept elsewhere (tête signée)."""
    from fhir_server.console.audit import head_of

    head = _carried_out(lambda: head_of(_settings(**given)))
    if not head:
        raise click.ClickException("nothing is sealed yet: start the server, or wait a second")
    click.echo(head)


def _carried_out(work: Callable[[], _Result]) -> _Result:
    """Return what `work` returns; what keeps it from working is the one line of the console."""
    from fhir_server.fhir.errors import FhirError
    from fhir_server.identity.keys import KeyFileError
    from fhir_server.store.mongo.connect import ConfigurationError

    try:
        return work()
    except (ConfigurationError, FhirError, KeyFileError, OSError, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from None
