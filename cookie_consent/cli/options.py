"""The options that several commands have."""

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
    "SinceOption",
    "UntilOption",
    "moment_of",
]


class OutputFormat(StrEnum):
    """How commands print a table."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[OutputFormat, typer.Option("--format", help="How to print it.")]
LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The log, as sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE. "
        "Else CONSENT_LEDGER, else consent.db.",
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="PATH", help="The file, device or pipe to write to; - is standard output, as without."
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The policy file. Else CONSENT_POLICY, else consent.toml here, else this folder's pyproject.toml.",
    ),
]
PrefixOption = Annotated[
    str,
    typer.Option(
        "--prefix", metavar="PATH", envvar="CONSENT_PREFIX", help="The site's `prefix`, below which its pages stand."
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From this ISO 8601 date or time on; UTC unless it names a zone."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Up to this time, which is itself left out; a date is its midnight.")
]


def moment_of(value: str | None, option: str) -> datetime | None:
    """Return the time that an option gives, in UTC unless it names a zone. Raises ``ConfigurationError``."""
    if value is None:
        return None
    return moment_named(value, option)
