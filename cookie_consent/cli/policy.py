"""``cookie-consent policy``: policies as visitors meet them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cookie_consent.cli.options import FormatOption, OutputFormat
from cookie_consent.policy import Policy, changes, load_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Change

__all__ = ["policy_app"]

_BUILT_IN = "-"
_MEANINGS = {
    "version": "label: {old} → {new}",
    "effective": "date from which it applies: {old} → {new}",
    "asked-again": "choices made before {new} no longer count; until now: {old}",
    "controller": "another controller: {old} → {new}",
    "category-added": "new category",
    "category-offered": "category is offered from now on: something is declared in it",
    "category-emptied": "category is not offered any more: nothing is declared in it",
    "purpose-added": "new purpose: {new}",
    "purpose-removed": "purpose is gone: {old}",
    "category-removed": "category is gone",
    "category-optional": "was always on, is now a choice",
    "category-required": "was a choice, is now always on",
    "service-added": "new service, in {new}",
    "service-removed": "service is gone; it was in {old}",
    "service-moved": "service moves from {old} to {new}",
    "service-ahead": "service loads before visitors have chosen from now on",
    "service-held": "service no longer loads before visitors have chosen",
    "cookie-added": "new cookie; lifetime: {new}",
    "cookie-removed": "cookie is gone; its lifetime was: {old}",
    "cookie-moved": "cookie moves from {old} to {new}",
    "storage-added": "new entry in the browser's storage",
    "storage-removed": "entry in the browser's storage is gone",
    "longer": "lasts longer: {old} → {new}",
    "shorter": "lasts shorter: {old} → {new}",
    "text": "text: {old} → {new}",
}

policy_app = typer.Typer(no_args_is_help=True, help="Compare policies.")


@policy_app.callback()
def policy_group() -> None:
    """Keep ``diff`` a command of a group: typer makes the only command of an application the application itself."""


@policy_app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A policy file; - is the built-in policy.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The policy file that follows; - is the built-in policy.")],
    *,
    output_format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Show what changes for visitors between two policy files, and what of it an earlier consent does not cover.

    Exits with status 1 if anything changes for visitors. The last line says who is asked again.
    """
    before, after = _policy(old), _policy(new)
    found = changes(before, after)
    if output_format is OutputFormat.JSON:
        told = {"old": old, "new": new, "ask_again_since": after.ask_again_since and str(after.ask_again_since)}
        typer.echo(json.dumps({**told, "changes": [vars(change) for change in found]}, indent=2, ensure_ascii=False))
    else:
        asking = [change for change in found if change.asks]
        _tell("not covered by an earlier consent, so visitors have to be asked:", asking)
        _tell("asks nobody:", [change for change in found if not change.asks])
        typer.echo(_asked(after, asking))
    if found:
        raise typer.Exit(1)


def _policy(name: str) -> Policy:
    return Policy(version="default") if name == _BUILT_IN else load_policy(name)


def _tell(head: str, found: Iterable[Change]) -> None:
    lines = [f"  {change.subject}: {_meaning(change)}" for change in found]
    if lines:
        typer.echo("\n".join([head, *lines]))


def _meaning(change: Change) -> str:
    shown = {"old": change.old or "nothing", "new": change.new or "nothing"}
    return _MEANINGS[change.kind].format(**shown)


def _asked(policy: Policy, asking: list[Change]) -> str:
    """Return who is asked again when the new policy follows the old one."""
    if any(change.kind == "asked-again" for change in asking):
        return f"whoever chose before {policy.ask_again_since} is asked again about everything (ask_again_since)"
    if any(change.kind == "controller" for change in asking):
        return "everybody is asked again about everything: the controller is another one"
    if any(change.subject.startswith(("categories.", "cookies.")) for change in asking):
        return "everybody is asked again; until they answer, all that is not listed above stays as they chose it"
    if asking:
        return "whoever agreed to a category is asked about what is new in it; until then that is held"
    return "nobody is asked again"
