"""The commands that examine who may see what: `policy lint`, `diff`, `matrix`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from fhir_server.cli_options import data_dir as _data_dir
from fhir_server.cli_options import mongodb_uri as _mongodb_uri
from fhir_server.cli_options import settings as _settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
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
