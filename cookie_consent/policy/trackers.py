"""Names that are spelt like those of services that need consent."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from cookie_consent.policy import name_table
from cookie_consent.policy.cookie_prefix import without_prefix
from cookie_consent.policy.name_pattern import without_runs
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
_TELLING = 3
"""So many letters and digits are a name of their own, and not a mere syllable."""
_MOST_WORDS = 5
"""Names of so many words are looked for within longer ones."""
_MOST_TAILS = 16
_ORDINARY = 3
"""A word that so many services use is no mark of any of them."""


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
        found = list(registry().names())
        needing = [(name, service) for name, category, service in found if category not in _NEEDED]
        common = {word for name, category, _ in found if category in _NEEDED for word in words(without_runs(name))}
        spelled = (_spelled(name) for name, _ in needing)
        self._table = NameTable(name_table.arranged((name, 0) for name, _ in needing), looks_through=True)
        self._spelt = NameTable(
            name_table.arranged((name, 0) for name in spelled if len(name.replace("*", "")) >= _TELLING),
            looks_through=False,
        )
        users: dict[str, set[str]] = {}
        self._names: set[tuple[str, ...]] = set()
        for name, service in needing:
            parts = tuple(words(without_runs(name)))
            if not common.issuperset(parts):
                self._names.add(parts)
            for word in parts:
                users.setdefault(word, set()).add(service)
        self._words = {word for word, of in users.items() if len(word) > 1 and len(of) < _ORDINARY} - common
        ids = dict.fromkeys(spelt(service) for _, service in needing)
        self._ids = [text for text in ids if len(text) > _TELLING]

    def finds(self, name: str) -> bool:
        text = _spelled(name)
        if self._spelt.find(text) is not None or any(self._table.find(end) is not None for end in _tails(name)):
            return True
        parts = words(name)
        return (
            not self._words.isdisjoint(parts)
            or any(tuple(parts[at:end]) in self._names for at in range(len(parts)) for end in _ends(at, parts))
            or any(service in text for service in self._ids)
        )


def _spelled(name: str) -> str:
    """Return a name or a pattern without what differs between two spellings of it. Runs become ``*``."""
    bare = "*".join(map(_letters, without_runs(name).split("*")))
    return bare.removeprefix("host").removeprefix("secure")


def _letters(text: str) -> str:
    return spelt(text) if any(map(str.isalnum, text)) else ""


def _tails(name: str) -> Iterator[str]:
    """Yield a name, and its ends that begin with what is neither letter nor digit, as most trackers' names do."""
    yield name
    places = (at for at, character in enumerate(name) if at and not character.isalnum())
    yield from (name[at:] for at in islice(places, _MOST_TAILS))


def _ends(at: int, parts: list[str]) -> range:
    return range(at + 1, min(at + _MOST_WORDS, len(parts)) + 1)


@cache
def _trackers() -> _Trackers:
    return _Trackers()
