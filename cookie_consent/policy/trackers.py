"""Names that are spelt like those of services that need consent."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from cookie_consent.policy import name_table
from cookie_consent.policy.cookie_prefix import without_prefix
from cookie_consent.policy.name_pattern import NamePattern, without_runs
from cookie_consent.policy.name_table import NameTable
from cookie_consent.policy.registry import registry
from cookie_consent.policy.spelling import spelt

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_like_tracker", "words"]

_NEEDED = frozenset({"session", "login"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST = 256
"""No more characters of a name are looked at."""
_TELLING = 4
"""A beginning of so many letters and digits is a name of its own, and not a mere syllable."""


def words(name: str) -> list[str]:
    """Return the words of a name in lower case: ``["cart", "id"]`` of ``cart_id``, ``CART-ID`` and ``cartId2``."""
    return [word.lower() for word in _WORD.findall(name[:_LONGEST])]


def is_like_tracker(name: str) -> bool:
    """Return whether the registry has a name like this one for anything that needs consent.

    The name may be written in another way, or stand within a longer one. Of a name that is as common as ``session_id``,
    only just that name counts. Nothing but a hint may rest on this: many names that it finds are harmless.
    """
    return _trackers().finds(without_prefix(name[:_LONGEST]))


class _Trackers:
    """What the registry knows of names that are neither for the session nor for signing in."""

    def __init__(self) -> None:
        found = list(_named())
        needing = [name for name, category in found if category not in _NEEDED]
        common = {word for name, category in found if category in _NEEDED for word in words(without_runs(name))}
        patterns = list(map(NamePattern, needing))
        self._table = NameTable(name_table.arranged((name, 0) for name in needing), looks_through=True)
        self._spelt = {spelt(pattern.text) for pattern in patterns if pattern.prefix == pattern.text}
        starts = {spelt(pattern.prefix) for pattern in patterns if pattern.prefix != pattern.text}
        self._starts = tuple(start for start in starts if len(start) >= _TELLING)
        self._words = {word for name in needing for word in words(without_runs(name)) if len(word) > 1} - common
        self._ids = [
            text
            for service_id in registry().ids
            if registry()[service_id].category not in _NEEDED and len(text := spelt(service_id)) > _TELLING
        ]

    def finds(self, name: str) -> bool:
        if self._table.find(name) is not None:
            return True
        text = spelt(name)
        if text in self._spelt or text.startswith(self._starts):
            return True
        return not self._words.isdisjoint(words(name)) or any(service_id in text for service_id in self._ids)


@cache
def _trackers() -> _Trackers:
    return _Trackers()


def _named() -> Iterator[tuple[str, str]]:
    """Yield the patterns for cookies and storage, each with its category."""
    for service in registry().values():
        yield from ((rule.name, rule.category or service.category) for rule in service.cookies)
        yield from ((rule.name, service.category) for rule in service.storage)
