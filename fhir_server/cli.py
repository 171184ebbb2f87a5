"""The console: `fhir-server COMMAND`. Options are read here, work is done in `console/`.

Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage. An error is one line on stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

import fhir_server
from fhir_server.consent.requester import Kind, Purpose
from fhir_server.settings import Settings, read

_Result = TypeVar("_Result")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def main() -> None:
    """Run the command line of this process, and exit."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    try:
        # Without click's own ending, a command's exit code comes back as a value.
        code = cli.main(prog_name="fhir-server", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except click.Abort:
        _fail("interrupted", 1)
    else:
        sys.exit(code or 0)


def _fail(line: str, code: int) -> None:
    click.echo(f"fhir-server: {' '.join(line.split())}", err=True)
    sys.exit(code)


def _data_dir(command: _Command) -> _Command:
    option = click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Directory of the installation.  [default: ./data]",
    )
    return option(command)


def _mongodb_uri(command: _Command) -> _Command:
    option = click.option(
        "--mongodb-uri", help="MongoDB replica set to use.  [default: an embedded one]"
    )
    return option(command)


def _settings(**given: Any) -> Settings:
    try:
        return read(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fhir_server.__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """FHIR R4 server for the French shared medical record (serveur FHIR R4 du dossier partagé).

    Every setting is also an environment variable FHIR_SERVER_…: see docs/settings.md.
    """


@cli.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port.  [default: 8080]")
@_data_dir
@_mongodb_uri
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: 2]")
@click.option("--auth", type=click.Choice(["smart", "off"]), help="off: loopback only.")
@click.option("--demo", is_flag=True, default=None, help="Load demonstration records at first use.")
def serve(**given: Any) -> None:
    """Serve FHIR and the API pages (servir)."""
    from fhir_server.serve import serve as run
    from fhir_server.store.mongo.connect import ConfigurationError

    try:
        code = run(_settings(**given))
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    raise click.exceptions.Exit(code)


@cli.command()
@_data_dir
@click.option("--persona", help="Name of a demonstration persona; see the command personas.")
@click.option(
    "--kind", type=click.Choice([kind.value for kind in Kind]), help="What the caller is."
)
@click.option("--rpps", default="", help="RPPS number of the practitioner.")
@click.option("--profession", default="", help="TRE_G15 code, such as G15_10 or 10; or R95_71.")
@click.option("--specialty", default="", help="Code of the specialty.")
@click.option("--organization", default="", help="FINESS number of the organisation.")
@click.option("--patient", default="", help="Logical id of the record concerned.")
@click.option(
    "--purpose", type=click.Choice([purpose.value for purpose in Purpose]), help="Why they ask."
)
@click.option("--scope", default="", help="SMART scopes.")
@click.option("--reason", default="", help="Words given for a break-glass.")
@click.option("--secret", is_flag=True, help="Secret connection of a professional for a minor.")
@click.option("--ttl", type=click.IntRange(1), default=3600, show_default=True, help="Seconds.")
def token(data_dir: Path | None, persona: str | None, ttl: int, **told: Any) -> None:
    """Print a bearer token (jeton d'accès).

    It is signed with the key of the data directory, which must be readable.
    """
    from fhir_server.console.token import bearer_token
    from fhir_server.identity.keys import KeyFileError

    settings = _settings(data_dir=data_dir)
    try:
        click.echo(bearer_token(settings.data_dir, persona, ttl, **told))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"`{settings.data_dir}` can't be used ({error.strerror}): choose another --data-dir"
        ) from None


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def personas(as_json: bool) -> None:
    """List the demonstration personas."""
    from fhir_server.console.token import personas_listing

    click.echo(personas_listing(as_json=as_json))


@cli.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@_data_dir
@_mongodb_uri
@click.option("--restart", is_flag=True, help="Forget what an interrupted load had done.")
def load(files: tuple[Path, ...], restart: bool, **given: Any) -> None:
    """Load FILES, NDJSON or Bundles (charger).

    An interrupted load goes on where it was.
    """
    from fhir_server.console.load import LoadError, load_files
    from fhir_server.store.mongo.connect import ConfigurationError

    try:
        count = load_files(_settings(**given), files, restart=restart)
    except (LoadError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} loaded")


@cli.command()
@_data_dir
@_mongodb_uri
@click.option("--check", is_flag=True, help="Build nothing; exit 1 if something is missing.")
@click.option("--drop-unknown", is_flag=True, help="Remove the indexes that are not declared.")
def indexes(check: bool, drop_unknown: bool, **given: Any) -> None:
    """List the indexes of the database, and build those missing (index).

    The server may run meanwhile. Declared search parameters are shown with their progress.
    """
    from fhir_server.console.indexes import tend
    from fhir_server.fhir.errors import FhirError
    from fhir_server.store.mongo.connect import ConfigurationError

    if check and drop_unknown:
        raise click.UsageError("--check changes nothing: leave --drop-unknown out")
    try:
        complete = tend(_settings(**given), click.echo, check=check, drop_unknown=drop_unknown)
    except (ConfigurationError, FhirError) as error:
        raise click.ClickException(str(error)) from None
    raise click.exceptions.Exit(0 if complete else 1)


@cli.group()
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


@cli.command()
@_data_dir
@_mongodb_uri
@click.option(
    "--list",
    "state",
    type=click.Choice(["waiting", "delivered", "failed", "cancelled"]),
    help="Also list the notices in this state.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="Most of them."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def outbox(state: str | None, limit: int, as_json: bool, **given: Any) -> None:
    """Count the notices that people are to get (avis à envoyer).

    The server may run meanwhile. Those that are listed name records and professionals.
    """
    from fhir_server.console.outbox import outbox_listing
    from fhir_server.fhir.errors import FhirError
    from fhir_server.store.mongo.connect import ConfigurationError

    settings = _settings(**given)
    try:
        click.echo(outbox_listing(settings, state=state or "", limit=limit, as_json=as_json))
    except (ConfigurationError, FhirError) as error:
        raise click.ClickException(str(error)) from None


@cli.command()
@_data_dir
@_mongodb_uri
def doctor(**given: Any) -> None:
    """Examine the installation, and name the cures (diagnostic)."""
    from fhir_server.console.doctor import examine

    findings = examine(_settings(**given))
    for finding in findings:
        click.echo(finding.line())
    raise click.exceptions.Exit(0 if all(finding.well for finding in findings) else 1)


@cli.group()
def policy() -> None:
    """Examine who may see what (règles d'accès).

    Matrices and rule sets are data: they lie in mappings/, and a site replaces them without code.
    """


def _form(command: _Command) -> _Command:
    markdown = click.option("--markdown", "form", flag_value="markdown", help="Print Markdown.")
    as_json = click.option("--json", "form", flag_value="json", help="Print JSON.")
    return markdown(as_json(command))


@policy.command()
@_data_dir
@_mongodb_uri
@click.option("--strict", is_flag=True, help="Exit 1 for what has no effect (??) too.")
def lint(strict: bool, **given: Any) -> None:
    """Look for faults in matrices, rule sets and Consents (vérifier).

    Looks for unknown codes, missing rows, contradictions and provisions without effect. One line
    each: !! is wrong, ?? has no effect or deserves a look. With --data-dir or --mongodb-uri the
    Consents stored there are examined too; nothing is changed. Exit code 1 when something is wrong.
    """
    from fhir_server.console.policy_lint import lint_stored, lint_tables
    from fhir_server.fhir.errors import FhirError
    from fhir_server.store.mongo.connect import ConfigurationError

    findings = list(lint_tables())
    try:
        if any(given.values()):
            findings += lint_stored(_settings(**given))
    except (ConfigurationError, FhirError) as error:
        raise click.ClickException(str(error)) from None
    for finding in findings:
        click.echo(finding.line())
    if not findings:
        click.echo("OK  rien à signaler (nothing to report)")
    raise click.exceptions.Exit(int(any(one.wrong or strict for one in findings)))


@policy.command()
@click.argument("before")
@click.argument("after")
@_form
def diff(before: str, after: str, form: str | None) -> None:
    """Show what changes from BEFORE to AFTER, and for whom (différences).

    Both are ids of rule sets (original, law-2026), or both are matrices: a path, or a file name in
    mappings/. What each profession and kind of caller gains or loses is listed.
    """
    from fhir_server.console.policy_tables import difference

    try:
        click.echo(difference(before, after, _table_form(form)))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@policy.command()
@click.option("--of", "name", default="", help="Matrix: a path, a file of mappings/, a rule set.")
@click.option("--profession", multiple=True, help="TRE_G15 code, such as G15_80; several times.")
@click.option("--type", "types", multiple=True, help="Document type, such as 11502-2.")
@_form
def matrix(
    name: str, profession: tuple[str, ...], types: tuple[str, ...], form: str | None
) -> None:
    """Show who reads which type of document, and where it comes from (matrice).

    Without --profession or --type the whole table, one letter a cell; with them one line a cell,
    with its source.
    """
    from fhir_server.console.policy_tables import matrix_table

    try:
        click.echo(matrix_table(name, profession, types, _table_form(form)))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _table_form(given: str | None) -> Literal["text", "markdown", "json"]:
    match given:
        case "markdown" | "json":
            return given
        case _:
            return "text"


if __name__ == "__main__":
    main()
