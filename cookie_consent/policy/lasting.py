"""How long what a policy declares may last in a browser."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

from cookie_consent.policy.model import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy.policy import Policy

__all__ = [
    "SESSION",
    "LastingRule",
    "home_of",
    "lasts",
    "longest",
    "needs_consent",
    "or_open",
    "other_categories",
    "step_of",
]

_DAY = 86_400
_STEPS = (0, _DAY, 7 * _DAY, 31 * _DAY, 93 * _DAY, 186 * _DAY, 397 * _DAY, 731 * _DAY)
"""In seconds."""

SESSION = 0.0
"""The lifetime of what ends with the browser."""


class LastingRule(Protocol):
    """What says how long a cookie may last, such as a ``CookieRule``."""

    @property
    def category(self) -> str | None:
        """Its category, if it has one of its own."""

    @property
    def party(self) -> str:
        """Whose domain it belongs to: ``first`` or ``third``."""

    @property
    def max_age(self) -> int | None:
        """Its longest lifetime in seconds."""

    @property
    def persist(self) -> str | None:
        """The category that lets it outlive the browser session."""


def lasts(policy: Policy, rule: LastingRule, home: str) -> float:
    """Return the longest time that the gate lets a cookie last, in seconds. It does not see what other hosts set."""
    category = policy.category(home)
    is_own = rule.party == "first"
    if is_own and home == "session" and rule.persist is None:
        return SESSION
    caps = [rule.max_age, category.max_age if is_own and category is not None else None]
    return min(map(or_open, caps))


def step_of(lifetime: float) -> int:
    """Return the step of a lifetime in seconds, from 0 for what ends with the browser to 8 for more than two years.

    A lifetime that grows within its step is taken for the same. The last step is open: beyond two years nobody is
    asked.
    """
    return bisect_left(_STEPS, lifetime)


def longest(policy: Policy, rules: Iterable[LastingRule], default: str) -> float:
    """Return the longest lifetime of those cookies that need consent, in seconds.

    ``default`` is the category of cookies that name none.
    """
    homes = ((rule, home_of(policy, rule.category or default)) for rule in rules)
    return max(
        (lasts(policy, rule, home) for rule, home in homes if needs_consent(policy, rule, home)), default=SESSION
    )


def needs_consent(policy: Policy, rule: LastingRule, home: str) -> bool:
    """Return whether a cookie of the category ``home`` needs consent, or needs it to outlive the browser's session."""
    return not policy.required_ids >= {home, rule.persist or home}


def other_categories(
    policy: Policy, cookies: Iterable[tuple[str, LastingRule]], default: str
) -> dict[str, frozenset[str]]:
    """Return, by name, the optional categories that a service's cookies need to be set, or to last, beside its own.

    ``default`` is the category of the service. Cookies without any are left out, and so are those that other hosts set,
    which the gate does not see.
    """
    own = {home_of(policy, default)} | policy.required_ids
    found: dict[str, frozenset[str]] = {}
    for cookie, rule in cookies:
        if rule.party == "first":
            needed = {home_of(policy, name) for name in (rule.category or default, rule.persist) if name} - own
            if needed:
                found[cookie] = found.get(cookie, frozenset()) | needed
    return found


def home_of(policy: Policy, category_id: str) -> str:
    """Return the category that counts: one that the policy has removed is unclassified."""
    return category_id if policy.category(category_id) is not None else UNCLASSIFIED


def or_open(seconds: int | None) -> float:
    """Return a limit in seconds; infinity for none."""
    return math.inf if seconds is None else seconds
