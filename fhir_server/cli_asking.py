"""The commands that ask what others see, and why: `explain`, `simulate`, `replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from fhir_server.cli_options import data_dir as with_data_dir
from fhir_server.cli_options import mongodb_uri as with_mongodb_uri
from fhir_server.cli_options import settings as read_settings
from fhir_server.consent.requester import Kind, Purpose

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _about(command: _Command) -> _Command:
    """Add the options that describe the caller who is asked about."""
    kinds, purposes = [kind.value for kind in Kind], [purpose.value for purpose in Purpose]
    for option in reversed(
        (
            click.option("--kind", type=click.Choice(kinds), help="What the caller is."),
            click.option("--purpose", type=click.Choice(purposes), help="Why they ask."),
            click.option("--rpps", default="", help="RPPS number of the practitioner."),
            click.option("--profession", default="", help="TRE_G15 code, such as G15_10 or 10."),
            click.option("--organization", default="", help="FINESS number of the organisation."),
            click.option(
                "--link",
                type=click.Choice(["care-team", "attending"]),
                help="Suppose that the record ties them to itself.",
            ),
            click.option("--at", default="", help="Day or instant to decide for.  [default: now]"),
            click.option(
                "--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        )
    ):
        command = option(command)
    return command


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what a question may raise into a line of the console."""
    from fhir_server.console.simulate import SupposedConsentError
    from fhir_server.fhir.errors import BadRequest, FhirError
    from fhir_server.identity.keys import KeyFileError
    from fhir_server.identity.receipts import ReceiptError
    from fhir_server.store.mongo.connect import ConfigurationError

    try:
        yield
    except BadRequest as error:
        raise click.UsageError(str(error)) from None
    except (FhirError, ConfigurationError, KeyFileError, ReceiptError) as error:
        raise click.ClickException(str(error)) from None
    except SupposedConsentError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        if error.filename is None:  # not of a file that was named: a reader who went away
            raise
        raise click.ClickException(f"`{error.filename}`: {error.strerror}") from None


@click.command()
@click.argument("ref", metavar="TYPE/ID")
@_about
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the signed receipt to this file.",
)
@with_data_dir
@with_mongodb_uri
def explain(
    ref: str,
    lang: str,
    as_json: bool,
    receipt: Path | None,
    data_dir: Path | None,
    mongodb_uri: str | None,
    **asked: str | None,
) -> None:
    """Say why a caller knows TYPE/ID, or does not (expliquer).

    Of a Patient, the whole record is explained. Without a caller, the trusted system is.
    """
    from fhir_server.console.explain import explained

    told = {name: text or "" for name, text in asked.items()}
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)
    with _one_line():
        for line in explained(settings, ref, told, lang=lang, as_json=as_json, receipt=receipt):
            click.echo(line)


@click.command()
@click.argument("patient")
@_about
@click.option(
    "--consent",
    "consents",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of a Consent to suppose; may be given again.",
)
@click.option("--withdraw", multiple=True, help="Consent/ID to leave out; may be given again.")
@click.option("--mask", multiple=True, help="TYPE/ID to suppose masked; may be given again.")
@click.option("--unmask", multiple=True, help="TYPE/ID no longer masked; may be given again.")
@click.option(
    "--limit",
    type=click.IntRange(0, 1000),
    default=100,
    show_default=True,
    help="Resources gained, and lost, to name; all are counted.",
)
@with_data_dir
@with_mongodb_uri
def simulate(
    patient: str,
    lang: str,
    as_json: bool,
    consents: tuple[Path, ...],
    at: str,
    limit: int,
    data_dir: Path | None,
    mongodb_uri: str | None,
    **given: Any,
) -> None:
    """Say what Consents or masks would change in the record of PATIENT (simuler).

    Nothing is stored. Without a caller: a pharmacist, a nurse, the regulator of the centre 15.
    """
    from fhir_server.console.simulate import simulated

    change: dict[str, Any] = {name: given.pop(name) for name in ("withdraw", "mask", "unmask")}
    change |= {"at": [at] if at else [], "_limit": [str(limit)]}
    settings = read_settings(data_dir=data_dir, mongodb_uri=mongodb_uri)
    with _one_line():
        for line in simulated(
            settings, patient, given, change, consents, lang=lang, as_json=as_json
        ):
            click.echo(line)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--lang", type=click.Choice(["fr", "en"]), default="fr", show_default=True, help="Language."
)
@with_data_dir
@with_mongodb_uri
def replay(file: Path, lang: str, **given: Any) -> None:
    """Verify the decision receipts of FILE, and decide again (rejouer).

    Exit 0 when everything comes out the same from the stored history, 1 otherwise.
    """
    from fhir_server.console.replay import replayed

    with _one_line():
        same = replayed(read_settings(**given), file, click.echo, lang=lang)
    raise click.exceptions.Exit(0 if same else 1)
