"""``check``: which policy is in force, and which one is announced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from cookie_consent.policy import changes, instant, moment_text

if TYPE_CHECKING:
    from cookie_consent.policy import Policy

__all__ = ["announced", "tell_revision", "warnings"]


def announced(policy: Policy) -> dict[str, object] | None:
    """Return what is announced, ready for JSON; None for nothing."""
    following = policy.next
    if following is None or following.effective is None:
        return None
    return {
        "version": following.version,
        "effective": following.effective.isoformat(),
        "changes": [vars(change) for change in changes(policy, following)],
    }


def warnings(loaded: Policy, in_force: Policy) -> list[str]:
    """Return what is to be put right about the dates of a policy, of which ``in_force`` is in force now."""
    if in_force is not loaded:
        return [
            f"version {in_force.version} is in force, and the policy before it is no longer used: rename "
            "consent.next.toml to consent.toml, or move what [next] holds to the top"
        ]
    effective = in_force.effective
    if effective is not None and instant(effective) > datetime.now(UTC):
        return [
            f"effective is {moment_text(effective)}, but there is no policy before this one, so it applies now; to "
            "announce it, keep the present policy, and save this one beside it as consent.next.toml"
        ]
    return []


def tell_revision(loaded: Policy, in_force: Policy) -> None:
    """Print what is announced, and the warnings."""
    following = in_force.next
    if following is not None and following.effective is not None:
        found = [change for change in changes(in_force, following) if change.kind not in {"version", "effective"}]
        asking = sum(change.asks for change in found)
        typer.echo(
            f"announced: version {following.version}, in force from {moment_text(following.effective)}; {len(found)} "
            f"changes, {asking} of them not covered by an earlier consent (cookie-consent policy diff shows them)"
        )
    for warning in warnings(loaded, in_force):
        typer.echo(f"warning: {warning}")
