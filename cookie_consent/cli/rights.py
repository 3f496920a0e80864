"""``cookie-consent log``: erase, prune and enter records."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cookie_consent.cli.log import open_log, read_text, tell_of_spools
from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat, PolicyOption, moment_of
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.offline import OTHER_CHANNELS, notice_of
from cookie_consent.policy import load_policy, parse_duration

if TYPE_CHECKING:
    from cookie_consent.ledger import Channel

__all__ = ["RIGHTS_COMMANDS"]


def erase(
    subject: Annotated[str, typer.Argument(help="The consent id of the visitor.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ledger: LedgerOption = None,
) -> None:
    """Remove what identifies a visitor from all their records, for good. Exits with status 1 if there are none.

    What was chosen and when stays, the log can be verified as before, and the erasure is on record.
    """
    log = open_log(ledger)
    tell_of_spools(log)
    found = sum(1 for _ in log.records(subject=subject)) if subject else 0
    if not found:
        log.close()
        typer.echo(f"no visitor has the id {subject}", err=True)
        raise typer.Exit(1)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError("this cannot be undone; if it is meant, add --yes")
        typer.confirm(f"Erase {found} records of {subject}? This cannot be undone.", abort=True)
    erased = log.erase(subject)
    log.close()
    typer.echo(f"erased {erased} {'record' if erased == 1 else 'records'}; backups and exports are not reached")


def prune(
    *,
    older_than: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Such as 3y; else `retention` of the policy.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Delete what was made before this time instead.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Delete records by their age, for good. The log can be verified as before, and the deletion is on record."""
    limit = _limit(older_than, before, policy)
    log = open_log(ledger)
    tell_of_spools(log)
    if dry_run:
        typer.echo(f"{log.count(until=limit)} records are from before {limit:%Y-%m-%d %H:%M} UTC; nothing is deleted")
        log.close()
        return
    done = log.prune(limit)
    log.close()
    typer.echo(f"deleted {done.deleted} records from before {limit:%Y-%m-%d %H:%M} UTC")
    if done.unsealed:
        typer.echo(
            f"{done.unsealed} records are as old, but not sealed yet; seal them with `cookie-consent log seal` first",
            err=True,
        )


def record(
    *,
    channel: Annotated[str, typer.Option(help=f"How it was made: {', '.join(OTHER_CHANNELS)}.")],
    subject: Annotated[
        str | None, typer.Option(help="The consent id of the visitor; without it there is a new one.")
    ] = None,
    grant: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A category or service; may be repeated.")
    ] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A category or service; categories not named are refused.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When it was made; else now.")] = None,
    notice: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The text that was read out, or printed on the form.")
    ] = None,
    language: Annotated[str, typer.Option(help="The language of that text.")] = "en",
    policy: PolicyOption = None,
    output_format: FormatOption = OutputFormat.TABLE,
    ledger: LedgerOption = None,
) -> None:
    """Put a choice on record that was made by phone, on paper or in person; print the ids of record and visitor."""
    if not grant and not refuse:
        raise ConfigurationError("name what was granted or refused: --grant analytics, or --refuse analytics")
    declared = load_policy(policy)
    shown = notice_of(read_text(notice), language=language, policy=declared) if notice is not None else None
    log = Ledger(ledger)
    made = log.enter(
        declared,
        channel=cast("Channel", channel),  # checked there
        granted=grant or (),
        refused=refuse or (),
        subject=subject,
        at=moment_of(at, "--at"),
        notice=shown,
    )
    log.close()
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(made.as_dict(), ensure_ascii=False, indent=2))
    else:
        typer.echo(f"record  {made.id}\nsubject {made.subject}\naction  {made.action}")


def admit(
    records: Annotated[list[str], typer.Argument(metavar="ID…", help="The ids of records that `log seal` names.")],
    *,
    ledger: LedgerOption = None,
) -> None:
    """Vouch for records that came late, such as those of another log that were put in, so that they are signed.

    That somebody did so is on record, and part of what is signed.
    """
    log = open_log(ledger)
    count = log.admit(records)
    log.close()
    typer.echo(f"admitted {count} {'record' if count == 1 else 'records'}")


def _limit(older_than: str | None, before: str | None, policy: Path | None) -> datetime:
    if older_than is not None and before is not None:
        raise ConfigurationError("give either --older-than or --before")
    if before is not None:
        limit = moment_of(before, "--before")
        if limit is None or limit > datetime.now(UTC):
            raise ConfigurationError(f"--before {before} is in the future, and would delete everything")
        return limit
    if older_than is not None:
        try:
            seconds = parse_duration(older_than)
        except ValueError as error:
            raise ConfigurationError(f"--older-than {error}") from None
    else:
        kept = load_policy(policy).retention
        if kept is None:
            raise ConfigurationError('set retention = "3y" in the policy, or give --older-than')
        seconds = kept
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds)
    except OverflowError:
        raise ConfigurationError("nothing is as old as that") from None


RIGHTS_COMMANDS = (erase, prune, record, admit)
"""To be added to ``log``."""
