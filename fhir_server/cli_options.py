"""Options that several commands of the console take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fhir_server.settings import Settings, read

_Command = TypeVar("_Command", bound=Callable[..., Any])


def data_dir(command: _Command) -> _Command:
    """Add the option that names the installation."""
    option = click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Directory of the installation.  [default: ./data]",
    )
    return option(command)


def mongodb_uri(command: _Command) -> _Command:
    """Add the option that names a database."""
    option = click.option(
        "--mongodb-uri", help="MongoDB replica set to use.  [default: an embedded one]"
    )
    return option(command)


def settings(**given: Any) -> Settings:
    """Return the settings that options and environment give; wrong ones are wrong usage."""
    try:
        return read(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
