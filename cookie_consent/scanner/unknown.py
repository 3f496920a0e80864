"""What something that a scan saw and nobody knows looks like, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.policy.hints import cookie_hints, host_hints, storage_hints
from cookie_consent.scanner.model import ObservedCookie

if TYPE_CHECKING:
    from cookie_consent.policy.hints import Hint
    from cookie_consent.scanner.verdicts import Judged

__all__ = ["hint_for"]


def hint_for(thing: Judged) -> str:
    """Return what it looks like and what to do about it; empty if its name and value tell nothing."""
    return "; ".join(dict.fromkeys(hint.text for hint in _hints(thing)))


def _hints(thing: Judged) -> tuple[Hint, ...]:
    if thing.verdict.known:
        return ()
    if thing.sort == "cookie":
        cookies = [one for one in thing.seen if isinstance(one, ObservedCookie)]
        lifetimes = [one.lifetime for one in cookies if one.lifetime is not None]
        return cookie_hints(
            thing.name,
            value=next((one.sample for one in cookies if one.sample), ""),
            lifetime=max(lifetimes, default=None),
            party="first" if thing.is_own else "third",
            domain=None if thing.is_own else thing.where,
        )
    if thing.sort == "storage":
        return storage_hints(thing.name)
    return host_hints(thing.name) if thing.sort == "host" else ()
