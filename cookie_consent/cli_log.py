"""``cookie-consent log``: export, show and count what the ledger holds."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import FORMATS, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from cookie_consent.ledger import ConsentRecord

__all__ = [
    "FormatOption",
    "LedgerOption",
    "OutputFormat",
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


class ExportFormat(StrEnum):
    """What ``log export`` writes."""

    CSV = "csv"
    JSONL = "jsonl"
    SEALED = "sealed"


class OutputFormat(StrEnum):
    """What the other commands print."""

    TABLE = "table"
    JSON = "json"


LedgerOption = Annotated[
    str | None,
    typer.Option("--ledger", metavar="URL", help="The log, as sqlite:///PATH. Else CONSENT_LEDGER, else consent.db."),
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
def export(
    *,
    output_format: Annotated[ExportFormat, typer.Option("--format", help="The file format.")] = ExportFormat.CSV,
    since: SinceOption = None,
    until: UntilOption = None,
    subject: Annotated[str | None, typer.Option(help="Only the records of this consent id.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; else standard output.")
    ] = None,
    ledger: LedgerOption = None,
) -> None:
    """Write the records out, oldest first. In CSV, a cell that looks like a formula gets an apostrophe in front.

    The format "sealed" has all that was sealed, with what `log verify --export` needs to compare it with checkpoints.
    """
    if output_format is ExportFormat.SEALED and (since, until, subject) != (None, None, None):
        raise ConfigurationError("a sealed export is of the whole log; leave --since, --until and --subject out")
    log = open_log(ledger)
    tell_of_spools(log)
    if output_format is ExportFormat.SEALED:
        with _writer(output) as stream:
            log.export_sealed(stream)
        log.close()
        return
    begin, end = moment_of(since, "--since"), moment_of(until, "--until")
    records = log.records(since=begin, until=end, subject=subject)
    total = log.count(since=begin, until=end) if subject is None and sys.stderr.isatty() else None
    with _writer(output) as stream:
        FORMATS[output_format.value](_with_progress(records, total), stream)
    log.close()


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
    """Bring the tables of a log up to date with this release. A server does so for an SQLite file by itself."""
    log = Ledger(ledger)
    before, after = log.migrate()
    log.close()
    typer.echo(f"the log has schema {after}" + (f", migrated from {before}" if before != after else " already"))


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
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ConfigurationError(
            f"{option} {value!r} is not a time; write 2026-11-24 or 2026-11-24T12:30:00Z"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _with_progress(records: Iterable[ConsentRecord], total: int | None) -> Iterator[ConsentRecord]:
    if total is None:
        yield from records
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(records, total=total, description="records")


@contextmanager
def _writer(output: Path | None) -> Iterator[TextIO]:
    """Give a stream whose content stands under the file's name only when it is whole."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        handle, name = tempfile.mkstemp(dir=output.absolute().parent, prefix=f".{output.name}.")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
