"""``cookie-consent log``: write the records out, all of them or those of one visitor."""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cookie_consent.cli.log import open_log, tell_of_spools
from cookie_consent.cli.options import LedgerOption, OutputOption, PolicyOption, PrefixOption, SinceOption, UntilOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.cli.output import ReaderGoneError, data_output, writer
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import ACTIONS, CHANNELS, RecordFilter
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.policy import DEFAULT_PREFIX, checked_prefix, load_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from cookie_consent.ledger import Ledger
    from cookie_consent.ledger.exports.stream import Piece

__all__ = ["EXPORT_COMMANDS"]

_BETWEEN_LINES = 10.0


class ExportFormat(StrEnum):
    """What ``log export`` writes."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ISO27560 = "iso27560"
    SEALED = "sealed"


class Partition(StrEnum):
    """By what Parquet is parted."""

    MONTH = "month"


Many = list[str] | None


def export(
    *,
    output_format: Annotated[ExportFormat, typer.Option("--format", help="The file format.")] = ExportFormat.CSV,
    since: SinceOption = None,
    until: UntilOption = None,
    subject: Annotated[Many, typer.Option(help="Only the records of this consent id; may be repeated.")] = None,
    category: Annotated[
        Many, typer.Option(metavar="ID", help="Only records that grant or refuse this category; may be repeated.")
    ] = None,
    action: Annotated[Many, typer.Option(help=f"Only these, of {', '.join(ACTIONS)}; may be repeated.")] = None,
    channel: Annotated[Many, typer.Option(help=f"Only these, of {', '.join(CHANNELS)}; may be repeated.")] = None,
    policy_version: Annotated[Many, typer.Option(metavar="VERSION", help="Only of this; may be repeated.")] = None,
    region: Annotated[Many, typer.Option(help="Only of this region; may be repeated.")] = None,
    output: OutputOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an export that was cut off; not with a single Parquet file.")
    ] = False,
    partition: Annotated[
        Partition | None, typer.Option(help="Write Parquet into a folder, with a file for each month.")
    ] = None,
    policy: PolicyOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    ledger: LedgerOption = None,
) -> None:
    """Write the records out, oldest first. In CSV, a cell that looks like a formula gets an apostrophe in front.

    The format "iso27560" is JSON-LD of ISO/IEC TS 27560 consent records, with what the policy says. The format "sealed"
    has all that was sealed, with what `log verify --export` needs to compare it with checkpoints.
    """
    lists = {"subject": subject, "category": category, "action": action, "channel": channel, "region": region}
    pairs = [(name, value) for name, values in lists.items() for value in values or ()]
    pairs += [("policy-version", value) for value in policy_version or ()]
    pairs += [(name, value) for name, value in (("since", since), ("until", until)) if value is not None]
    where = RecordFilter.parse(pairs)
    if output_format is ExportFormat.SEALED and (pairs or resume or partition is not None):
        raise ConfigurationError("a sealed export is of the whole log; leave --resume, --partition and all filters out")
    target = None if output in {None, "-"} else output
    if target is None and (resume or partition is not None):
        raise ConfigurationError("name the file, or folder, to write with -o")
    if target is None and output_format is ExportFormat.PARQUET and sys.stdout.isatty():
        raise ConfigurationError("Parquet is nothing for a terminal; name the file to write with -o")
    declared = load_policy(policy) if output_format is ExportFormat.ISO27560 else None
    checked_prefix(prefix)
    place = find_output(target) if target is not None and partition is None else None
    log = open_log(ledger)
    tell_of_spools(log)
    gc.disable()  # there are no cycles in what is written, and to look for them takes a tenth of the time
    try:
        if output_format is ExportFormat.SEALED:
            with writer(place) as stream:
                log.export_sealed(stream)
            return
        with _progress(log, where) as told:
            if target is not None:
                parted = partition.value if partition is not None else None
                log.export_file(
                    target, output_format.value, where=where, policy=declared, resume=resume, partition=parted,
                    progress=told, prefix=prefix,
                )  # fmt: skip
            else:
                _print(log.export(output_format.value, where=where, policy=declared, prefix=prefix), told)
    except BrokenPipeError:
        raise ReaderGoneError from None
    except KeyboardInterrupt:
        is_link = place is not None and target is not None and Path(target).is_symlink()
        part = Path(f"{place.path if is_link and place is not None else target}.part")
        if target is not None and part.exists():
            shown = part.relative_to(Path.cwd()) if part.is_relative_to(Path.cwd()) else part
            typer.echo(f"cut off; go on with the same command and --resume ({shown})", err=True)
        raise
    finally:
        gc.enable()
        log.close()


def receipt(
    subject: Annotated[str, typer.Argument(help="The consent id of the visitor.")],
    *,
    policy: PolicyOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    ledger: LedgerOption = None,
) -> None:
    """Print the consent receipt of a visitor's last choice (Kantara 1.1.0). Exits with status 1 if there is none."""
    declared = load_policy(policy)
    checked_prefix(prefix)
    log = open_log(ledger)
    tell_of_spools(log)
    made = kantara_receipt(log, declared, subject, prefix=prefix)
    log.close()
    if made is None:
        typer.echo(f"no visitor has the id {subject}", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(made, ensure_ascii=False, indent=2))


def _print(exported: Generator[Piece], told: Callable[[int], object]) -> None:
    with data_output() as stream, closing(exported) as pieces:
        for piece in pieces:
            stream.write(piece.data)
            told(piece.records)


@contextmanager
def _progress(log: Ledger, where: RecordFilter) -> Iterator[Callable[[int], object]]:
    """Show a bar on a terminal, and elsewhere a line from time to time; give what moves it."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("records", total=log.count(where=where))
            yield lambda count: bar.advance(task, count)
        return
    done, due = 0, time.monotonic() + _BETWEEN_LINES

    def tell(count: int) -> None:
        nonlocal done, due
        done += count
        if time.monotonic() >= due:
            due = time.monotonic() + _BETWEEN_LINES
            typer.echo(f"{done} records", err=True)

    yield tell


EXPORT_COMMANDS = (export, receipt)
"""To be added to ``log``."""
