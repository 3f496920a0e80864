"""Who stored something under the site's own name: the site itself, or a script or host of somebody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED, registry
from cookie_consent.policy.classifier import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cookie_consent.scanner.model import Initiator

__all__ = ["Setters"]

_HARMLESS = frozenset({"login", "preferences"})


class Setters:
    """Judges what is stored by who stored it, since any script may use the name of a framework's session.

    ``owner`` says what an address belongs to: None for the site itself. ``required`` are the categories that need no
    consent.
    """

    def __init__(self, owner: Callable[[str], Verdict | None], required: Iterable[str]) -> None:
        self._owner = owner
        self._required = frozenset(required)

    def foreign(self, initiators: Sequence[Initiator]) -> list[Verdict]:
        """Return what those belong to who stored something; nothing if one was the site, or if nobody is known."""
        setters = [self._setter(one) for one in initiators]
        return [setter for setter in setters if setter is not None] if None not in setters else []

    def judged(self, found: Verdict, foreign: Sequence[Verdict]) -> Verdict:
        """Return the verdict on what was stored under a name for which ``found`` is the verdict.

        A name makes nothing necessary that others than the site have stored, unless it is a name of their own or the
        policy says so in its own words.
        """
        if found.category not in self._required or not foreign or _is_written(found):
            return found
        if found.service is not None and all(setter.service == found.service for setter in foreign):
            return found
        (setter, *others) = foreign
        is_one = all(other.service == setter.service for other in others)
        if is_one and setter.known and setter.category not in self._required:
            return replace(setter, reason=f"{found.reason}, but who set it is another: {setter.reason}", basis="setter")
        who = " and ".join(dict.fromkeys(setter.reason for setter in foreign))
        return Verdict(category=UNCLASSIFIED, reason=f"{found.reason}, but the site has not set it: {who}")

    def is_tracker(self, verdict: Verdict) -> bool:
        """Return whether something is known to measure or advertise."""
        return verdict.known and verdict.category not in self._required | _HARMLESS

    def _setter(self, initiator: Initiator) -> Verdict | None:
        """Return what the setter belongs to; None for the site, and where nobody knows.

        Of several scripts that were running the innermost counts. But a known tracker does first, and a library from a
        known host works for the site's script that has called it.
        """
        addresses = dict.fromkeys(filter(None, (initiator.address, *initiator.stack)))
        owners = [self._owner(address) for address in addresses]
        tracker = next((owner for owner in owners if owner is not None and self.is_tracker(owner)), None)
        if tracker is not None:
            return tracker
        innermost = owners[0] if owners else None
        return None if innermost is None or (innermost.known and None in owners) else innermost


def _is_written(found: Verdict) -> bool:
    """Return whether the site's owner has written the rule, rather than taken it over with a service's name."""
    if found.source != "policy":
        return False
    known = registry().get(found.service) if found.service is not None else None
    return known is None or (found.rule is not None and found.rule not in known.cookies)
