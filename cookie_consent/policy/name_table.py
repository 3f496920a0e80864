"""``NameTable``: finds the pattern for the name of a cookie or of a storage key among thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from cookie_consent.policy.cookie_prefix import without_prefix
from cookie_consent.policy.name_pattern import NamePattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["NameTable", "arranged"]

_Ranked: TypeAlias = "tuple[tuple[tuple[int, int, int, int], int], NamePattern | None, int]"
"""The rank and the place of a pattern, the pattern (None if its prefix says it all), and its number."""
_Best: TypeAlias = "tuple[tuple[tuple[int, int, int, int], int], int] | None"


def arranged(patterns: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """Arrange valid patterns, each with a number, in the way that ``NameTable`` takes. It can be written as JSON.

    A look-up returns the number. Of equal patterns the first precedes.
    """
    exact: dict[str, list[int]] = {}
    prefixes: dict[str, list[tuple[str, int]]] = {}
    suffixes: dict[str, list[tuple[str, int]]] = {}
    rest: list[tuple[str, int]] = []
    for text, number in patterns:
        pattern = NamePattern(text)
        if pattern.prefix == text:
            exact.setdefault(text, []).append(number)
        elif pattern.prefix:
            prefixes.setdefault(pattern.prefix, []).append((text, number))
        elif pattern.suffix:
            suffixes.setdefault(pattern.suffix[::-1], []).append((text, number))
        else:
            rest.append((text, number))
    return {"exact": exact, "prefixes": prefixes, "suffixes": suffixes, "rest": rest}


class NameTable:
    """Looks names up in what ``arranged`` returns. An exact pattern wins, then the one with most literal characters.

    The time does not grow with the number of patterns, except those that have wildcards at both ends. With
    ``looks_through``, prefixes such as ``__Host-`` are looked through: ``sid`` matches ``__Host-sid`` too, unless
    there is a rule for just that name.
    """

    def __init__(self, arrangement: Mapping[str, Any], *, looks_through: bool) -> None:
        self._looks_through = looks_through
        self._exact: Mapping[str, Sequence[int]] = arrangement["exact"]
        self._prefixes = _Affixes(arrangement["prefixes"], is_suffix=False) if arrangement["prefixes"] else None
        self._suffixes = _Affixes(arrangement["suffixes"], is_suffix=True) if arrangement["suffixes"] else None
        self._rest = _ranked(arrangement["rest"])

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefixes is not None or self._suffixes is not None or self._rest)

    def find(self, name: str, accepts: Callable[[int], bool] | None = None) -> int | None:
        """Return the number of the pattern that matches the name best, or None.

        Those whose number ``accepts`` refuses do not count.
        """
        bare = without_prefix(name) if self._looks_through and name.startswith("__") else name
        names = (name,) if bare == name else (name, bare)
        for text in names:
            found = self._exact.get(text)
            if found is not None:
                for number in found:
                    if accepts is None or accepts(number):
                        return number
        best: _Best = None
        for text in names:
            if self._prefixes is not None:
                best = self._prefixes.find(text, text, best, accepts)
            if self._suffixes is not None:
                best = self._suffixes.find(text[::-1], text, best, accepts)
            if self._rest:
                best = _better(self._rest, text, best, accepts)
        return best[1] if best is not None else None

    def all(self, name: str) -> list[int]:
        """Return the numbers of all patterns that match the name, the best first."""
        found: list[int] = []
        while (number := self.find(name, lambda number: number not in found)) is not None:
            found.append(number)
        return found


class _Affixes:
    """Patterns by the literal characters at their beginning, or at their end, which are then reversed."""

    def __init__(self, patterns: Mapping[str, Iterable[tuple[str, int]]], *, is_suffix: bool) -> None:
        self._patterns = patterns
        self._is_suffix = is_suffix
        self._ready: dict[str, list[_Ranked]] = {}
        # Which lengths to try, by the first two characters. Most names begin as no pattern does.
        lengths: dict[str, set[int]] = {}
        for affix in patterns:
            lengths.setdefault(affix[:2], set()).add(len(affix))
        singles = {start for start in lengths if len(start) == 1}
        self._lengths = {
            start: tuple(sorted(found | {1} if start[0] in singles else found, reverse=True))
            for start, found in lengths.items()
        }

    def find(self, affix: str, name: str, best: _Best, accepts: Callable[[int], bool] | None) -> _Best:
        """Return what is better: ``best``, or the best pattern for ``name``, which begins with ``affix``."""
        lengths = self._lengths.get(affix[:2]) or self._lengths.get(affix[:1], ())
        for length in lengths:
            start = affix[:length]
            if start in self._patterns:
                ranked = self._ready.get(start)
                if ranked is None:
                    ranked = self._ready[start] = _ranked(self._patterns[start], has_prefix=not self._is_suffix)
                best = _better(ranked, name, best, accepts)
        return best


def _ranked(patterns: Iterable[tuple[str, int]], *, has_prefix: bool = False) -> list[_Ranked]:
    def ranked() -> Iterator[_Ranked]:
        for text, number in patterns:
            pattern = NamePattern(text)
            yield (pattern.rank, number), None if has_prefix and pattern.is_prefix else pattern, number

    return sorted(ranked(), key=lambda entry: entry[0])


def _better(ranked: list[_Ranked], name: str, best: _Best, accepts: Callable[[int], bool] | None) -> _Best:
    for key, pattern, number in ranked:
        if best is not None and best[0] <= key:
            break
        if (pattern is None or pattern.matches(name)) and (accepts is None or accepts(number)):
            return key, number
    return best
