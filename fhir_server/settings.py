"""Every setting, with its default and one line for the table of `docs/settings.md`.

Each is also an environment variable: `FHIR_SERVER_` and the name in capitals. Run
`python -m fhir_server.settings` to print the table.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fhir_server.data import mappings_dir

PREFIX = "FHIR_SERVER_"


class Settings(BaseSettings):
    """The settings of one server. Immutable; `Settings()` reads the environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port to listen on.")
    base_url: str = Field(
        default="",
        description="Public address of the FHIR base, such as `https://dmp.example/fhir`. "
        "Empty: made of host and port.",
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="Directory of the installation: embedded MongoDB, signing key, lock.",
    )
    mongodb_uri: str | None = Field(
        default=None,
        repr=False,  # it may hold a password
        description="A MongoDB replica set or sharded cluster, 6.0 or later. "
        "Unset: an embedded MongoDB in the data directory.",
    )
    database: str = Field(
        default="fhir", pattern=r"^[A-Za-z0-9_-]{1,38}$", description="Name of the database."
    )
    mongod: Path | None = Field(
        default=None,
        description="Program of the embedded MongoDB. Unset: looked for on PATH, then in "
        "the package of the extra `embedded`.",
    )
    mongodb_cache_gb: float = Field(
        default=0.5, ge=0.25, le=1024, description="Cache of the embedded MongoDB, in GiB."
    )
    server: Literal["granian", "gunicorn"] = Field(
        default="granian", description="HTTP server to run."
    )
    workers: int = Field(default=2, ge=1, le=256, description="Processes that answer requests.")
    threads: int = Field(
        default=32,
        ge=1,
        le=512,
        description="Requests that one worker answers at the same time. A client that sends its "
        "body slowly holds one.",
    )
    backlog: int = Field(
        default=1024, ge=128, le=65535, description="Connections that may wait to be accepted."
    )
    auth: Literal["smart", "off"] = Field(
        default="smart",
        description="`off`: a request without a token is the trusted system. Loopback only.",
    )
    demo: bool = Field(default=False, description="Load the demonstration records on first use.")
    max_body_bytes: int = Field(
        default=20 * 1024 * 1024,
        ge=1024,
        description="Largest request body, in bytes; over it, 413.",
    )
    max_binary_bytes: int = Field(
        default=200 * 1024 * 1024,
        ge=1024,
        description="Largest content of a Binary sent in its own content type, in bytes; over it, "
        "413.",
    )
    max_bundle_entries: int = Field(
        default=5000,
        ge=1,
        le=100_000,
        description="Most entries in a batch or transaction; over it, 413.",
    )
    page_size: int = Field(
        default=20, ge=1, description="Matches on a search page without `_count`."
    )
    max_page_size: int = Field(default=1000, ge=1, description="Most matches on a search page.")
    hop_limit: int = Field(
        default=5000,
        ge=1,
        description="Most resources that one hop of a chained search may pass through.",
    )
    include_limit: int = Field(
        default=1000,
        ge=1,
        description="Most resources that a search page includes besides its matches; it says when "
        "there were more.",
    )
    parameter_seconds: float = Field(
        default=1.0,
        ge=0.05,
        le=60,
        description="Seconds within which every worker knows a SearchParameter that was written; "
        "the same on all nodes.",
    )
    rule_set: str = Field(
        default="original",
        description="Rules where the sources disagree: an id of `mappings/rulesets.json`. "
        "`law-2026`: the law as read in 2026.",
    )
    authorization_lifetime_days: int | None = Field(
        default=None,
        ge=1,
        description="Days that an authorisation lasts unless it says less (rule R21). "
        "Unset: those of the rule set, 365.",
    )
    break_glass_minutes: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="Minutes that an emergency session lasts once it is opened (rule R63).",
    )
    emergency_alert: int = Field(
        default=5,
        ge=1,
        description="Break-glasses of one professional in 24 hours; those above count as unusual in "
        "the metrics, and are reviewed first.",
    )
    update_create: Literal["trusted", "own", "off"] = Field(
        default="trusted",
        description="Who may create by PUT, under an id of their choice. `own`: besides the "
        "trusted system, who may create, under ids that begin with their number, as "
        "`rpps-10000000001-` or `finess-750000001-`. `off`: nobody.",
    )
    professional_consents: Literal["on", "off"] = Field(
        default="off",
        description="`on`: a professional may record the consent that the patient gives them at a "
        "consultation, naming the record by its INS (rules R17, R18, R21).",
    )
    require_if_match: Literal["on", "off"] = Field(
        default="off",
        description="`on`: an update, patch or delete of what exists needs `If-Match`; without "
        "it, 428.",
    )
    compression: Literal["on", "padded", "off"] = Field(
        default="on",
        description="Send gzip to who accepts it. `padded`: by a random length more, for when "
        "tokens travel in cookies.",
    )
    rate_limit: Literal["on", "off"] = Field(
        default="on", description="Limit requests per caller; over it, 429."
    )
    rate_limit_per_minute: int = Field(
        default=300_000,
        ge=1,
        description="Requests a minute of one caller: the subject of a token in its software, or "
        "an address without a token.",
    )
    rate_limit_refused_per_minute: int = Field(
        default=600,
        ge=1,
        description="Requests a minute of one address that are refused for their token.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks of proxies whose `X-Forwarded-For` is believed, such as "
        "`10.0.0.0/8,::1`. Unset: the address is the peer's.",
    )
    timezone: str = Field(
        default="Europe/Paris",
        description="Zone of dates that are sent without one, such as `2024-03-31`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity of what is logged."
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"`{value}` is not a time zone such as `Europe/Paris`") from error
        return value

    @field_validator("rule_set")
    @classmethod
    def _is_a_rule_set(cls, value: str) -> str:
        listed = mappings_dir().joinpath("rulesets.json").read_text(encoding="utf-8")
        known = [entry["id"] for entry in json.loads(listed)]
        if value not in known:
            raise ValueError(f"`{value}` is no rule set; one of: {', '.join(known)}")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (
            urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc
        ):
            raise ValueError(f"`{value}` is not an http or https address")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in filter(None, value.split(",")):
            try:
                ipaddress.ip_network(network.strip(), strict=False)
            except ValueError as error:
                raise ValueError(f"`{network}` is not a network such as `10.0.0.0/8`") from error
        return value

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        # INVARIANT: a server that trusts whoever has no token is never reachable from elsewhere.
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                f"auth off is for loopback addresses only, not `{self.host}`: "
                "listen on 127.0.0.1, or use auth smart"
            )
        if self.page_size > self.max_page_size:
            raise ValueError("page_size must not be over max_page_size")
        return self

    @property
    def root_url(self) -> str:
        """Return the address of the server itself, without a slash at the end."""
        return self.fhir_url.removesuffix("/fhir")

    @property
    def fhir_url(self) -> str:
        """Return the public address of the FHIR base, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}/fhir"

    def as_environment(self) -> dict[str, str]:
        """Return the variables that make `Settings()` equal to this in another process."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {PREFIX + name.upper(): _text(value) for name, value in values if value is not None}


def read(given: Mapping[str, Any]) -> Settings:
    """Return the settings of the environment, with those of `given` that are not None on top.

    Raises `ValueError` with one line that names the option or variable at fault.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        words = first["msg"].removeprefix("Value error, ")
        name = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: {words[:1].lower()}{words[1:]}" if name else words) from None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def table() -> str:
    """Return the settings as the Markdown of `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Generated by `python -m fhir_server.settings > docs/settings.md`.",
        "",
        "| setting | variable | values | default | what it does |",
        "|---|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default in (None, "") else f"`{_text(field.default)}`"
        variable = f"`{PREFIX}{name.upper()}`"
        lines.append(
            f"| `{name}` | {variable} | {_values(field.annotation)} | {default} "
            f"| {field.description} |"
        )
    return "\n".join(lines) + "\n"


def _values(annotation: Any) -> str:
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return " · ".join(f"`{choice}`" for choice in choices)
    kinds = [kind for kind in choices or (annotation,) if kind is not type(None)]
    words = {int: "integer", float: "number", bool: "`true` · `false`", str: "text", Path: "path"}
    return " · ".join(words[kind] for kind in kinds)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


if __name__ == "__main__":
    print(table(), end="")
