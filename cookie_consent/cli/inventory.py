"""``cookie-consent inventory``: what the site's own pages were found to use, and whether notices name it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from cookie_consent.cli.log import open_log
from cookie_consent.cli.options import FormatOption, LedgerOption, OutputFormat, PolicyOption
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.ledger.schema import moment
from cookie_consent.policy import Inventory, policy_in_force

if TYPE_CHECKING:
    from collections.abc import Iterator
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

    It is what the policy does not declare: known services, categories of known cookies, and undeclared hosts that two
    paths have loaded. A notice that visitors have answered changes once a day at most.
    """
    if context.invoked_subcommand is not None:
        return
    log, _, found = _opened(policy, ledger)
    log.close()
    rows = list(_rows(found))
    if output_format is OutputFormat.JSON:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif not rows:
        typer.echo("nothing was found beside what the policy declares")
    for row in rows if output_format is OutputFormat.TABLE else ():
        state = "named" if row["named"] else f"named from {row['named_from'][:16].replace('T', ' ')} UTC on"
        typer.echo(f"{row['since'][:10]} {row['kind']:<8} {row['name']:<32} {state}")


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


def _rows(found: Inventory) -> Iterator[dict[str, Any]]:
    waiting, named = set(found.waiting), {*found.undeclared, *found.categories}
    due = datetime.fromtimestamp(found.due, UTC).isoformat() if found.due is not None else None
    for event in found.events:
        if event in waiting or (event.kind in {"service", "host", "category"} and event.name in named):
            yield {
                "kind": event.kind,
                "name": event.name,
                "since": moment(event.at).isoformat(),
                "named": event not in waiting,
                "named_from": due if event in waiting else None,
            }
