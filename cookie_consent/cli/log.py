"""``cookie-consent log``: the group of commands, ``show`` and ``migrate``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.ledger import ConsentRecord


__all__ = [
    "copied_id",
    "log_app",
    "open_log",
    "read_text",
    "tell_of_spools",
]

_LONGEST_FILE = 64 * 1024 * 1024
log_app = typer.Typer(no_args_is_help=True, help="Export, show, count and prove the choices on record.")


@log_app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="ID-OR-SUBJECT", help="The id of a record, or a consent id.")],
    *,
    notice: Annotated[bool, typer.Option("--notice", help="Also print the notice that the visitor was shown.")] = False,
    output_format: FormatOption = OutputFormat.TABLE,
    ledger: LedgerOption = None,
) -> None:
    """Show one record, or all records of one visitor. Exits with status 1 if there are none."""
    log = open_log(ledger)
    records = _found(log, key) or _found(log, copied_id(key))
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
            typer.echo("no notice on record: the choice did not come from the banner or the preferences page", err=True)
    if not records:
        typer.echo(f"no record and no visitor has the id {key}", err=True)
        raise typer.Exit(1)


@log_app.command()
def migrate(*, ledger: LedgerOption = None) -> None:
    """Upgrade the tables of a log to this release, or create them in an empty PostgreSQL database.

    A server upgrades an SQLite log by itself.
    """
    log = Ledger(ledger)
    before, after = log.migrate()
    log.close()
    how = " already" if before == after else f", migrated from {before}" if before else ", newly created"
    typer.echo(f"the log has schema {after}{how}")


def _found(log: Ledger, key: str) -> list[ConsentRecord]:
    one = log.record(key)
    return [one] if one is not None else list(log.records(subject=key))


def copied_id(text: str) -> str:
    """Return an id as the log writes it. People copy ids from letters, with spaces around them and in capitals."""
    return text.strip().lower()


def open_log(url: str | None) -> Ledger:
    """Return the log. Raises ``LedgerError`` if it does not exist."""
    log = Ledger(url)
    log.open(create=False)
    return log


def tell_of_spools(log: Ledger) -> None:
    """Warn on standard error about choices that are still in a spool and therefore missing from the output."""
    for spool in log.waiting():
        typer.echo(
            f"{spool.choices} more {'choice waits' if spool.choices == 1 else 'choices wait'} in {spool.path}; "
            "a running server moves them into the log once it can be written again",
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
