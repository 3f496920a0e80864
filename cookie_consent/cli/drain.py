"""``cookie-consent log drain``: move choices from a JetStream stream into an SQL log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.stores.jetstream.url import is_jetstream, parse_jetstream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["drain"]

_LINE_EVERY = 5.0  # seconds


def drain(
    source: Annotated[
        str, typer.Option("--from", metavar="URL", envvar="CONSENT_LEDGER", help="The log, as nats://HOST/STREAM.")
    ],
    target: Annotated[
        str,
        typer.Option("--to", metavar="URL", envvar="CONSENT_LEDGER_READS", help="The SQL log, as sqlite:///PATH."),
    ],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Keep running until interrupted.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="The number of choices per transaction.")] = 1000,
    aside: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file for messages that cannot be read; STREAM.aside in the current folder by default.",
        ),
    ] = None,
) -> None:
    """Move choices from a JetStream stream into an SQL log, each once. Exits with status 1 if messages were set aside.

    A choice leaves the stream only once the SQL log has it. The command can be killed and restarted at any time, and
    several can run at once. It does not seal the log: use `log seal` for that.
    """
    if not is_jetstream(source):
        raise ConfigurationError("--from (or CONSENT_LEDGER) must be a log at nats://HOST:4222/STREAM")
    if is_jetstream(target):
        raise ConfigurationError("--to (or CONSENT_LEDGER_READS) must be an SQL log, such as sqlite:///consent.db")
    url = parse_jetstream(source)
    try:
        from cookie_consent.ledger.stores.jetstream.drain import Drain
    except ImportError:
        raise ConfigurationError(
            "a log at nats:// needs the package nats-py: pip install 'cookie-consent[nats]'"
        ) from None
    log = Ledger(target)
    log.open()
    console = Console(stderr=True)
    begin = time.monotonic()
    columns = (TextColumn("choices"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        report = _bar(progress) if console.is_terminal else _lines()
        moved = Drain(
            url, log, aside=aside if aside is not None else Path(f"{url.stream}.aside"), batch=batch, report=report
        )
        try:
            moved.run(follow=follow)
        except KeyboardInterrupt:
            if not follow:
                raise
        finally:
            log.close()
    done = moved.done
    typer.echo(f"moved {done.landed} choices in {time.monotonic() - begin:.1f} s")
    if done.set_aside:
        typer.echo(f"{done.set_aside} messages were set aside in {moved.aside}; keep that file with the log", err=True)
        raise typer.Exit(1)


def _bar(progress: Progress) -> Callable[[int, int], None]:
    task = progress.add_task("choices", total=None)

    def report(landed: int, waiting: int) -> None:
        progress.update(task, completed=landed, total=landed + waiting)

    return report


def _lines() -> Callable[[int, int], None]:
    told = time.monotonic()

    def report(landed: int, waiting: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_EVERY:
            told = time.monotonic()
            typer.echo(f"moved {landed} choices, {waiting} still in the stream", err=True)

    return report
