"""Options shared by several commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cookie_consent.ledger.filter import moment_named

if TYPE_CHECKING:
    from datetime import datetime


__all__ = [
    "FormatOption",
    "LedgerOption",
    "OutputFormat",
    "OutputOption",
    "PolicyOption",
    "PrefixOption",
    "SetupOption",
    "SinceOption",
    "UntilOption",
    "moment_of",
]


class OutputFormat(StrEnum):
    """How commands print a table."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[OutputFormat, typer.Option("--format", help="The output format.")]
LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The log, as sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE. "
        "Defaults to CONSENT_LEDGER, then to consent.db.",
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="The file, device or pipe to write to; - or nothing is standard output."
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The policy file. By default CONSENT_POLICY, consent.toml or pyproject.toml of the current folder.",
    ),
]
PrefixOption = Annotated[
    str,
    typer.Option(
        "--prefix", metavar="PATH", envvar="CONSENT_PREFIX", help="The site's `prefix`, the path of its consent pages."
    ),
]
SetupOption = Annotated[
    Path | None,
    typer.Option("--setup", metavar="FILE", help="A Python file whose setup(page) signs in; needs --browser."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From this ISO 8601 date or time on; UTC unless it has a time zone."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Before this date or time; a date means its midnight.")
]


def moment_of(value: str | None, option: str) -> datetime | None:
    """Parse the time given in an option; UTC unless it has a time zone. Raises ``ConfigurationError``."""
    if value is None:
        return None
    return moment_named(value, option)
