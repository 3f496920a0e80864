"""``cookie-consent log``: erase and prune records, record offline choices, admit late records."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cookie_consent.cli.log import copied_id, open_log, read_text, tell_of_spools
from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat, PolicyOption, moment_of
from cookie_consent.cli.wording import counted
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.ledger.offline import OTHER_CHANNELS, notice_of
from cookie_consent.policy import parse_duration, policy_in_force

if TYPE_CHECKING:
    from cookie_consent.ledger import Channel

__all__ = ["RIGHTS_COMMANDS"]


def erase(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The consent id of the visitor.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    ledger: LedgerOption = None,
) -> None:
    """Permanently remove what identifies a visitor from their records. Exits with status 1 if they have none.

    What they chose and when is kept. The log can still be verified, and the erasure is itself recorded.
    """
    log = open_log(ledger)
    tell_of_spools(log)
    found = _count(log, subject)
    if not found:
        subject = copied_id(subject)
        found = _count(log, subject)
    if not found:
        log.close()
        typer.echo(f"no visitor has the id {subject}", err=True)
        raise typer.Exit(1)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError("this cannot be undone; add --yes to confirm")
        typer.confirm(f"Erase {counted(found, 'record')} of {subject}? This cannot be undone.", abort=True)
    erased = log.erase(subject)
    log.close()
    typer.echo(f"erased {counted(erased, 'record')}; backups and exports are unchanged")


def prune(
    *,
    older_than: Annotated[
        str | None, typer.Option(metavar="DURATION", help="The age, such as 3y; the policy's `retention` by default.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Delete records made before this time instead.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the records without deleting them.")] = False,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Permanently delete old records. The log can still be verified, and the deletion is itself recorded."""
    limit = _limit(older_than, before, policy)
    log = open_log(ledger)
    tell_of_spools(log)
    if dry_run:
        count = log.count(until=limit)
        are = "is" if count == 1 else "are"
        typer.echo(f"{counted(count, 'record')} {are} from before {limit:%Y-%m-%d %H:%M} UTC; nothing was deleted")
        log.close()
        return
    done = log.prune(limit)
    log.close()
    typer.echo(f"deleted {counted(done.deleted, 'record')} from before {limit:%Y-%m-%d %H:%M} UTC")
    if done.unsealed:
        are = "is" if done.unsealed == 1 else "are"
        typer.echo(
            f"{done.unsealed} more {are} old enough but not sealed; run `cookie-consent log seal` first", err=True
        )


def record(
    *,
    channel: Annotated[str, typer.Option(help=f"How the choice was made: {', '.join(OTHER_CHANNELS)}.")],
    subject: Annotated[str | None, typer.Option(help="The consent id of the visitor; a new one by default.")] = None,
    grant: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A category or service to grant; can be repeated.")
    ] = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="A category or service to refuse; can be repeated. Categories not named are refused."
        ),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When the choice was made; now by default.")] = None,
    notice: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The text that was read out or printed on the form.")
    ] = None,
    language: Annotated[str, typer.Option(help="The language of the notice.")] = "en",
    note: Annotated[str, typer.Option(help="What else is to be kept, such as who took the call.")] = "",
    policy: PolicyOption = None,
    output_format: FormatOption = OutputFormat.TABLE,
    ledger: LedgerOption = None,
) -> None:
    """Record a choice made by phone, on paper or in person, and print the ids of the record and the visitor."""
    if not grant and not refuse:
        raise ConfigurationError("name what was granted or refused: --grant analytics, or --refuse analytics")
    declared = policy_in_force(policy)
    shown = notice_of(read_text(notice), language=language, policy=declared) if notice is not None else None
    log = Ledger(ledger)
    made = log.enter(
        declared,
        channel=cast("Channel", channel),  # ``enter`` checks it
        granted=grant or (),
        refused=refuse or (),
        subject=subject,
        at=moment_of(at, "--at"),
        notice=shown,
        note=note,
    )
    log.close()
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(made.as_dict(), ensure_ascii=False, indent=2))
    else:
        typer.echo(f"record  {made.id}\nsubject {made.subject}\naction  {made.action}")


def admit(
    records: Annotated[list[str], typer.Argument(metavar="ID…", help="The ids of the records that `log seal` names.")],
    *,
    ledger: LedgerOption = None,
) -> None:
    """Vouch for late records, such as those imported from another log, so that they can be signed.

    This is recorded as an event, which is signed too.
    """
    log = open_log(ledger)
    count = log.admit(records)
    log.close()
    typer.echo(f"admitted {counted(count, 'record')}")


def _count(log: Ledger, subject: str) -> int:
    return sum(1 for _ in log.records(subject=subject)) if subject else 0


def _limit(older_than: str | None, before: str | None, policy: Path | None) -> datetime:
    if older_than is not None and before is not None:
        raise ConfigurationError("give --older-than or --before, not both")
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
        kept = policy_in_force(policy).retention
        if kept is None:
            raise ConfigurationError('set retention = "3y" in the policy, or give --older-than')
        seconds = kept
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds)
    except OverflowError:
        raise ConfigurationError("no record can be that old; give a shorter age") from None


RIGHTS_COMMANDS = (erase, prune, record, admit)
"""The commands to add to ``log``."""
