"""``cookie-consent log``: export, show and count what the ledger holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.filter import moment_named

if TYPE_CHECKING:
    from datetime import datetime


__all__ = [
    "FormatOption",
    "LedgerOption",
    "OutputFormat",
    "PolicyOption",
    "SinceOption",
    "UntilOption",
    "log_app",
    "moment_of",
    "open_log",
    "read_text",
    "tell_of_spools",
]

_LONGEST_FILE = 64 * 1024 * 1024
log_app = typer.Typer(no_args_is_help=True, help="Export, show and count the choices on record.")


class OutputFormat(StrEnum):
    """What the other commands print."""

    TABLE = "table"
    JSON = "json"


LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The log, as sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE. "
        "Else CONSENT_LEDGER, else consent.db.",
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
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From this ISO 8601 date or time on; UTC unless it names a zone."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Up to this time, which is itself left out; a date is its midnight.")
]
FormatOption = Annotated[OutputFormat, typer.Option("--format", help="How to print it.")]


@log_app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="ID-OR-SUBJECT", help="The id of a record, or a consent id.")],
    *,
    notice: Annotated[bool, typer.Option("--notice", help="Print the notice that was shown as well.")] = False,
    output_format: FormatOption = OutputFormat.TABLE,
    ledger: LedgerOption = None,
) -> None:
    """Show one record, or all the records of one visitor. Ends with 1 if there is none."""
    log = open_log(ledger)
    one = log.record(key)
    records = [one] if one is not None else list(log.records(subject=key))
    erasures = {record.id: log.erasure_of(record.id) for record in records if not record.subject}
    notices = [log.notice(name) for name in dict.fromkeys(record.notice for record in records if record.notice)]
    log.close()
    texts = [text for text in notices if text is not None] if notice else []
    if output_format is OutputFormat.JSON:
        document: dict[str, Any] = {
            "records": [record.as_dict() for record in records],
            "notices": [asdict(text) for text in texts],
        }
        document["erasures"] = {name: event.as_dict() for name, event in erasures.items() if event is not None}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for record in records:
            for name, value in record.as_dict().items():
                shown = " ".join(value) if isinstance(value, list) else "" if value is None else value
                typer.echo(f"{name:<18} {shown}".rstrip())
            if (event := erasures.get(record.id)) is not None:
                typer.echo(f"{'erased':<18} {event.as_dict()['at']} by event {event.id}")
            typer.echo()
        for text in texts:
            typer.echo(f"notice {text.hash} ({text.language}, policy {text.policy_version})\n\n{text.text}")
        if notice and records and not texts:
            typer.echo(
                "no notice is on record: the choice did not come from the banner or the preferences page", err=True
            )
    if not records:
        typer.echo(f"no record and no visitor has the id {key}", err=True)
        raise typer.Exit(1)


@log_app.command()
def migrate(*, ledger: LedgerOption = None) -> None:
    """Bring the tables of a log up to date with this release, or make them in an empty PostgreSQL database.

    A server does so for an SQLite file by itself.
    """
    log = Ledger(ledger)
    before, after = log.migrate()
    log.close()
    how = " already" if before == after else f", migrated from {before}" if before else ", made anew"
    typer.echo(f"the log has schema {after}{how}")


def open_log(url: str | None) -> Ledger:
    """Return the log, which must be there."""
    log = Ledger(url)
    log.open(create=False)
    return log


def tell_of_spools(log: Ledger) -> None:
    """Say on standard error what is not in the log yet, so that no count is taken for the whole."""
    for spool in log.waiting():
        typer.echo(
            f"{spool.choices} more {'choice waits' if spool.choices == 1 else 'choices wait'} in {spool.path}; "
            "a running server brings them into the log when it can be written",
            err=True,
        )


def read_text(path: Path) -> str:
    """Return the text of a file. Raises ``ConfigurationError``."""
    try:
        with path.open("rb") as stream:
            return stream.read(_LONGEST_FILE).decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None


def moment_of(value: str | None, option: str) -> datetime | None:
    """Return the time that an option gives, in UTC unless it names a zone. Raises ``ConfigurationError``."""
    if value is None:
        return None
    return moment_named(value, option)
