"""``cookie-consent inventory``: what the site's own pages were found to use, and whether notices name it."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import typer

from cookie_consent.cli.log import open_log
from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat, PolicyOption
from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.endpoints.reports.watch import watched
from cookie_consent.ledger.inventory import InventoryStore, inventory_rows
from cookie_consent.policy import Inventory, policy_in_force
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.ledger import Ledger

__all__ = ["inventory_app"]

inventory_app = typer.Typer(help="Show what pages were found to use beside what the policy declares.")


@inventory_app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    *,
    output_format: FormatOption = OutputFormat.TABLE,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Print what the site's own answers were found to use, since when, and whether notices name it yet.

    It is what the policy does not declare: known services, categories of cookies, and undeclared hosts that two paths
    have loaded. A notice that visitors have answered changes once a day at most.

    Below stands what browsers and the gates have reported beside that, with lines that would declare it. Anybody can
    post a report, so no notice names anything for it.
    """
    if context.invoked_subcommand is not None:
        return
    log, _, found = _opened(policy, ledger)
    reported = watched(ReportStore(log).read(), Classifier(found.policy), {event.name for event in found.events})
    log.close()
    rows = list(inventory_rows(found))
    if output_format is OutputFormat.JSON:
        document = {"inventory": rows, "reported": [one.as_dict() for one in reported]}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo("nothing was found beside what the policy declares")
    for row in rows:
        state = "named" if row["named"] else f"named from {row['named_from'][:16].replace('T', ' ')} UTC on"
        typer.echo(f"{row['since'][:10]} {row['kind']:<8} {row['name']:<32} {state}")
    if reported:
        typer.echo("\nreported by browsers and gates; no notice names it for that:")
    for one in reported:
        times = f"{one.count} {'time' if one.count == 1 else 'times'}, last on {one.last}"
        of = f" ({one.service})" if one.service not in {"", one.name} else ""
        typer.echo(f"{one.first} {one.kind:<8} {one.name}{of}: {times}")
        typer.echo(textwrap.indent(one.lines, "    "))


@inventory_app.command()
def accept(*, policy: PolicyOption = None, ledger: LedgerOption = None) -> None:
    """Have notices name now what waits to be named. Running servers follow within a minute."""
    log, store, found = _opened(policy, ledger)
    waiting = found.waiting
    if waiting:
        found.accept()
        store.save(found.take_news())
    log.close()
    for event in waiting:
        typer.echo(f"named from now on: {event.kind} {event.name}")
    if not waiting:
        typer.echo("nothing waits to be named")


def _opened(policy_file: Path | None, url: str | None) -> tuple[Ledger, InventoryStore, Inventory]:
    policy = policy_in_force(policy_file)
    log = open_log(url)
    store, found = InventoryStore(log, policy.site), Inventory(policy)
    found.learn(store.read())
    return log, store, found
