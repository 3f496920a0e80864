"""``cookie-consent log stats``: figures about the choices on record."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cookie_consent.cli.log import open_log, tell_of_spools
from cookie_consent.cli.options import LedgerOption, PolicyOption, SinceOption, UntilOption, moment_of
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import TABLES, make_table, whole_days, write_csv
from cookie_consent.policy import policy_in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from cookie_consent.ledger import LedgerStats, StatsTable

__all__ = ["STATS_COMMANDS"]


class StatsFormat(StrEnum):
    """What ``log stats`` prints."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class ByOption(StrEnum):
    """What the days are grouped by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class TableName(StrEnum):
    """The tables of ``TABLES``; a test compares the two."""

    DAYS = "days"
    CATEGORIES = "categories"
    LANGUAGES = "languages"
    POLICY_VERSIONS = "policy-versions"
    ACTIONS = "actions"
    CHANNELS = "channels"


def stats(
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    by: Annotated[ByOption, typer.Option(help="How to group the days; weeks start on Monday.")] = ByOption.DAY,
    output_format: Annotated[StatsFormat, typer.Option("--format", help="The output format.")] = StatsFormat.TABLE,
    table: Annotated[TableName | None, typer.Option(help="Only this table; required for CSV.")] = None,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count the whole log again, except days with pruned records.")
    ] = False,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Count the choices by day, category, language and policy version, in whole days (UTC)."""
    if output_format is StatsFormat.CSV and table is None:
        raise ConfigurationError(f"CSV holds one table; name it with --table: {', '.join(TableName)}")
    begin, end = moment_of(since, "--since"), moment_of(until, "--until")
    lifetime = policy_in_force(policy).cookie.max_age
    log = open_log(ledger)
    tell_of_spools(log)
    if recount:
        log.recount()
    with _progress() as progress:
        found = log.stats(since=begin, until=end, lifetime=lifetime, progress=progress)
    log.close()
    _tell_of_days(begin, end)
    names = [table.value.replace("-", "_")] if table is not None else list(TABLES)
    tables = [make_table(found, name, by=by.value) for name in names]
    if output_format is StatsFormat.CSV:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        write_csv(tables[0], sys.stdout)
    elif output_format is StatsFormat.JSON:
        document = _summary(found) if table is None else {}
        rows = {made.name: [dict(zip(made.columns, row, strict=True)) for row in made.rows] for made in tables}
        typer.echo(json.dumps({**document, "tables": rows}, ensure_ascii=False, indent=2))
    else:
        _print(found, tables, by)


def _summary(found: LedgerStats) -> dict[str, Any]:
    categories = found.categories()
    return {
        "since": found.since.isoformat() if found.since is not None else None,
        "until": found.until.isoformat() if found.until is not None else None,
        "total": found.total,
        "first_choices": found.first_choices,
        "withdrawals": found.withdrawals,
        "gpc": found.gpc,
        "lapsed": found.lapsed,
        "outcomes": found.outcomes,
        "actions": found.actions,
        "channels": found.channels,
        "policy_versions": found.policy_versions,
        "languages": found.languages,
        "granted": {name: share.granted for name, share in categories.items()},
        "days": dict(make_table(found, "days").pairs("start", "choices")),
        "refused": {name: share.refused for name, share in categories.items()},
        "acceptance": found.acceptance(),
    }


def _print(found: LedgerStats, tables: list[StatsTable], by: ByOption) -> None:
    console = Console()
    share = found.gpc / found.total if found.total else 0.0
    console.print(
        f"choices: {found.total}, of them first choices: {found.first_choices}; withdrawals: {found.withdrawals}; "
        f"by Global Privacy Control: {found.gpc} ({share:.1%}); lapsed consents: {found.lapsed}",
        soft_wrap=True,
    )
    for made in tables:
        shown = Table(
            title=made.name.replace("_", " ") if made.name != "days" else f"{by.value}s",
            title_justify="left",
            show_edge=False,  # so that the days fit into 80 columns
        )
        for at, column in enumerate(made.columns):
            is_number = bool(made.rows) and not isinstance(made.rows[0][at], str)
            shown.add_column(column.replace("_", " "), justify="right" if is_number else "left", overflow="fold")
        for row in made.rows:
            shown.add_row(*(f"{value:.1%}" if isinstance(value, float) else str(value) or "(none)" for value in row))
        console.print(shown)


def _tell_of_days(since: datetime | None, until: datetime | None) -> None:
    """Say on standard error which whole days were counted, if a given time lies within a day."""
    first, last = whole_days(since, until)
    for option, given, day in (("--since", since, first), ("--until", until, last)):
        if given is not None and day is not None and (given.date() != day or given.time().isoformat() != "00:00:00"):
            typer.echo(f"only whole days (UTC) are counted: {option} was taken as {day}", err=True)


@contextmanager
def _progress() -> Iterator[Callable[[int], object] | None]:
    """Show on a terminal how many records were counted; yield the function that advances it."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("counting new records"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("counting", total=None)
        yield lambda number: progress.advance(task, number)


STATS_COMMANDS = (stats,)
"""The commands to add to ``log``."""
