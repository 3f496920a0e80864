"""``cookie-consent report``: what the gates observed that the policy does not declare."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from cookie_consent.cli.advanced import advanced, tell_advanced
from cookie_consent.cli.excluded import excluded, tell_excluded
from cookie_consent.cli.findings import section
from cookie_consent.cli.options import LedgerOption, PolicyOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.cli.policy_patch import policy_at, write_patch
from cookie_consent.endpoints.reports import policy_lines
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.policy import policy_in_force
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cookie_consent.endpoints.reports import Finding

__all__ = ["report"]

_OTHERS = {
    "breaks": "May break before a choice: where their scripts are held, the site's fail",
    "refused": "Declared, and held without consent",
    "own": "First party by their domain",
}
"""What is shown besides, with its title."""


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
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="FILE",
            help="Add the lines to this policy file, and make it if it is missing. Known services are declared; what "
            "only the site can know is added as comments.",
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all findings after printing them.")] = False,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Show what the policy does not declare, and lines that declare it. Exits with status 1 if there is anything."""
    if write is not None and policy is not None:
        raise ConfigurationError("--write names the policy file; leave --policy out")
    first = _day(since)
    declared = policy_in_force(policy) if write is None else policy_at(write)
    log = Ledger(ledger)
    log.open(create=False)
    store = ReportStore(log)
    found = store.read(since=first)
    diff = ""
    if write is not None:
        declared, diff = write_patch(write, found, declared)
    classifier = Classifier(declared)
    parts = {
        "findings": [finding for finding in found if finding.is_open(classifier)],
        "breaks": [finding for finding in found if finding.breaks(classifier)],
        "refused": [finding for finding in found if finding.observation.reason == "refused"],
        "own": [finding for finding in found if finding.is_own(classifier)],
    }
    lines = policy_lines(parts["findings"], declared)
    if output_format is ReportFormat.JSON:
        document = {
            **{name: [finding.as_dict() for finding in findings] for name, findings in parts.items()},
            "policy": lines,
            "excluded": excluded(declared),
            "advanced": advanced(declared),
            **({"written": diff} if write is not None else {}),
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        if write is not None:
            typer.echo(f"{diff or f'there is nothing to add to {write}'}\n")
        _print(parts, None if write is not None else lines)
        tell_excluded(declared)
        tell_advanced(declared)
    if clear:
        store.clear()
    log.close()
    if parts["findings"]:
        raise typer.Exit(1)


def _print(parts: Mapping[str, Sequence[Finding]], lines: str | None) -> None:
    if parts["findings"]:
        typer.echo(section("Undeclared hosts, snippets and cookies", parts["findings"]))
        if lines is not None:
            typer.echo(f"\n# To declare them, add to the policy file and fill in the categories:\n\n{lines}")
    else:
        typer.echo("no undeclared hosts, snippets or cookies were observed")
    for name, title in _OTHERS.items():
        if parts[name]:
            typer.echo(f"\n{section(title, parts[name])}")


def _day(value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ConfigurationError(f"--since {value!r} is not a day; write 2026-11-24") from None
