"""``cookie-consent report``: what the gates observed that the policy does not declare."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cookie_consent.cli.excluded import excluded, tell_excluded
from cookie_consent.cli.options import LedgerOption, PolicyOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.endpoints.reports import policy_lines
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.policy import load_policy
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.endpoints.reports import Finding

__all__ = ["report"]


class ReportFormat(StrEnum):
    """What ``report`` prints."""

    TEXT = "text"
    JSON = "json"


def report(
    *,
    output_format: Annotated[ReportFormat, typer.Option("--format", help="The output format.")] = ReportFormat.TEXT,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only what was observed on or after this day.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all findings after printing them.")] = False,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Show undeclared hosts and cookies, and policy lines to declare them. Exits with status 1 if there are any."""
    first = _day(since)
    declared = load_policy(policy)
    log = Ledger(ledger)
    log.open(create=False)
    store = ReportStore(log)
    classifier = Classifier(declared)
    found = store.read(since=first)
    still_open = [finding for finding in found if finding.is_open(classifier)]
    refused = [finding for finding in found if finding.observation.reason == "refused"]
    own = [finding for finding in found if finding.is_own(classifier)]
    lines = policy_lines(still_open, declared)
    if output_format is ReportFormat.JSON:
        document = {
            "findings": [finding.as_dict() for finding in still_open],
            "refused": [finding.as_dict() for finding in refused],
            "own": [finding.as_dict() for finding in own],
            "policy": lines,
            "excluded": excluded(declared),
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(still_open, refused, own, lines)
        tell_excluded(declared)
    if clear:
        store.clear()
    log.close()
    if still_open:
        raise typer.Exit(1)


def _print(still_open: Sequence[Finding], refused: Sequence[Finding], own: Sequence[Finding], lines: str) -> None:
    console = Console()
    if still_open:
        console.print(_table("Undeclared hosts and cookies", still_open))
        typer.echo(f"\n# To declare them, add to the policy file and fill in the categories:\n\n{lines}")
    else:
        typer.echo("no undeclared hosts or cookies were observed")
    if refused:
        console.print()
        console.print(_table("Declared, and held without consent", refused))
    if own:
        console.print()
        console.print(_table("First party by their domain", own))


def _table(title: str, findings: Sequence[Finding]) -> Table:
    table = Table("kind", "name", "directive", "why", "pages", "count", "first", "last", title=title)
    for finding in findings:
        seen = finding.observation
        why = f"{seen.reason}: {seen.service}" if seen.service else seen.reason
        pages = "\n".join(finding.paths)
        days = (finding.first.isoformat(), finding.last.isoformat())
        table.add_row(seen.kind, escape(seen.name), seen.directive, why, escape(pages), str(finding.count), *days)
    return table


def _day(value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ConfigurationError(f"--since {value!r} is not a day; write 2026-11-24") from None
