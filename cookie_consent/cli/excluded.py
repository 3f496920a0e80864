"""What commands say of the paths that a policy leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cookie_consent.policy import Policy

__all__ = ["excluded", "tell_excluded"]


def excluded(policy: Policy) -> dict[str, list[str]]:
    """Return the patterns by the table that they stand in, for JSON."""
    return {"gate": list(policy.gate.exclude), "banner": list(policy.banner.exclude)}


def tell_excluded(policy: Policy) -> None:
    """Print what is left out; nothing where nothing is."""
    if policy.gate.exclude:
        typer.echo(f"left out, so that nothing is held there: {' '.join(policy.gate.exclude)}")
    if policy.banner.exclude:
        typer.echo(f"gated, without the banner: {' '.join(policy.banner.exclude)}")
