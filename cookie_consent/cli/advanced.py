"""What commands say of the services that load before visitors have chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cookie_consent.policy import Policy

__all__ = ["advanced", "tell_advanced"]


def advanced(policy: Policy) -> list[str]:
    """Return the ids of the services in advanced mode, for JSON."""
    return [service.id for service in policy.advanced]


def tell_advanced(policy: Policy) -> None:
    """Print which services are in advanced mode; nothing where none is."""
    if policy.advanced:
        typer.echo(f"loaded before consent, in advanced mode: {' '.join(advanced(policy))}")
