"""``cookie-consent log``: export the records, and print a visitor's receipt."""

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

from cookie_consent.cli.log import copied_id, open_log, tell_of_spools
from cookie_consent.cli.options import LedgerOption, OutputOption, PolicyOption, PrefixOption, SinceOption, UntilOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.cli.output import ReaderGoneError, data_output, writer
from cookie_consent.endpoints.receipts.kantara import kantara_receipt
from cookie_consent.errors import ConfigurationError, PolicyError
from cookie_consent.ledger import ACTIONS, CHANNELS, RecordFilter
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.policy import DEFAULT_PREFIX, checked_prefix, find_policy, policy_in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from cookie_consent.ledger import Ledger
    from cookie_consent.ledger.exports.stream import Piece
    from cookie_consent.policy import Policy

__all__ = ["EXPORT_COMMANDS"]

_BETWEEN_LINES = 10.0  # seconds


class ExportFormat(StrEnum):
    """What ``log export`` writes."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ISO27560 = "iso27560"
    SEALED = "sealed"


class Partition(StrEnum):
    """How Parquet is partitioned."""

    MONTH = "month"


Many = list[str] | None


def export(
    *,
    output_format: Annotated[ExportFormat, typer.Option("--format", help="The file format.")] = ExportFormat.CSV,
    since: SinceOption = None,
    until: UntilOption = None,
    subject: Annotated[Many, typer.Option(help="Only records of this consent id; can be repeated.")] = None,
    category: Annotated[
        Many, typer.Option(metavar="ID", help="Only records that grant or refuse this category; can be repeated.")
    ] = None,
    action: Annotated[
        Many, typer.Option(help=f"Only this action, one of {', '.join(ACTIONS)}; can be repeated.")
    ] = None,
    channel: Annotated[
        Many, typer.Option(help=f"Only this channel, one of {', '.join(CHANNELS)}; can be repeated.")
    ] = None,
    policy_version: Annotated[
        Many,
        typer.Option(metavar="VERSION", help="Only records made under this version of the policy; can be repeated."),
    ] = None,
    region: Annotated[Many, typer.Option(help="Only records from this region; can be repeated.")] = None,
    output: OutputOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted export. Not for a single Parquet file.")
    ] = False,
    partition: Annotated[
        Partition | None, typer.Option(help="Write Parquet into a folder, one file per month.")
    ] = None,
    policy: PolicyOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    ledger: LedgerOption = None,
) -> None:
    """Export the records, oldest first. In CSV, a cell that looks like a formula is prefixed with an apostrophe.

    "iso27560" writes ISO/IEC TS 27560 consent records as JSON-LD, completed from the policy. "sealed" writes everything
    that is sealed, for `log verify --export`.
    """
    lists = {"subject": _forms(subject), "category": category, "action": action, "channel": channel, "region": region}
    pairs = [(name, value) for name, values in lists.items() for value in values or ()]
    pairs += [("policy-version", value) for value in policy_version or ()]
    pairs += [(name, value) for name, value in (("since", since), ("until", until)) if value is not None]
    where = RecordFilter.parse(pairs)
    if output_format is ExportFormat.SEALED and (pairs or resume or partition is not None):
        raise ConfigurationError(
            "a sealed export always covers the whole log; leave out --resume, --partition and all filters"
        )
    target = None if output in {None, "-"} else output
    if target is None and (resume or partition is not None):
        raise ConfigurationError("name the file or folder to write with -o")
    if target is None and output_format is ExportFormat.PARQUET and sys.stdout.isatty():
        raise ConfigurationError("Parquet cannot be printed on a terminal; name the file to write with -o")
    declared = _declared(policy, output_format)
    checked_prefix(prefix)
    place = find_output(target) if target is not None and partition is None else None
    log = open_log(ledger)
    tell_of_spools(log)
    gc.disable()  # an export makes no cycles, and looking for them takes a tenth of the time
    try:
        if output_format is ExportFormat.SEALED:
            with writer(place) as stream:
                log.export_sealed(stream)
            return
        nothing = "" if resume else "no record matches" if pairs else "the log has no records yet"
        with _progress(log, where, nothing) as told:
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
            typer.echo(f"interrupted; continue with the same command and --resume ({shown})", err=True)
        raise
    finally:
        gc.enable()
        log.close()


def _declared(policy: Path | None, output_format: ExportFormat) -> Policy | None:
    """Return the policy that the export is completed from, and say so if records are exported without."""
    if output_format is ExportFormat.SEALED:
        return None
    if output_format is ExportFormat.ISO27560:
        return policy_in_force(policy)
    if policy is None and find_policy() is None:
        typer.echo('there is no policy file, so the column "expires" is left out; give one with --policy', err=True)
        return None
    try:
        return policy_in_force(policy)
    except PolicyError as error:  # the records are the site's evidence, whatever the file says today
        typer.echo(f'{error}\nthe policy cannot be read, so the column "expires" is left out', err=True)
        return None


def receipt(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The consent id of the visitor.")],
    *,
    policy: PolicyOption = None,
    prefix: PrefixOption = DEFAULT_PREFIX,
    ledger: LedgerOption = None,
) -> None:
    """Print a visitor's consent receipt (Kantara Consent Receipt 1.1.0). Exits with status 1 if they have no record."""
    declared = policy_in_force(policy)
    checked_prefix(prefix)
    log = open_log(ledger)
    tell_of_spools(log)
    made = kantara_receipt(log, declared, subject, prefix=prefix)
    if made is None:
        made = kantara_receipt(log, declared, copied_id(subject), prefix=prefix)
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


def _forms(subjects: Many) -> list[str]:
    """Return the ids as they were written, and as the log writes them."""
    return [form for text in subjects or () for form in dict.fromkeys((text, copied_id(text)))]


@contextmanager
def _progress(log: Ledger, where: RecordFilter, nothing: str) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on a terminal, or a line now and then elsewhere; yield the function that advances it.

    Without a single record it says ``nothing`` in the end.
    """
    done = 0
    with _bar(log, where) if sys.stderr.isatty() else _lines() as shown:

        def tell(count: int) -> None:
            nonlocal done
            done += count
            shown(done)

        yield tell
    if not done and nothing:
        typer.echo(nothing, err=True)


@contextmanager
def _bar(log: Ledger, where: RecordFilter) -> Iterator[Callable[[int], object]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=log.count(where=where))
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def _lines() -> Iterator[Callable[[int], object]]:
    due = time.monotonic() + _BETWEEN_LINES

    def tell(done: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _BETWEEN_LINES
            typer.echo(f"{done} records", err=True)

    yield tell


EXPORT_COMMANDS = (export, receipt)
"""The commands to add to ``log``."""
