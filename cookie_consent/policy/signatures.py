"""``Signatures``: finds the marks of services in inline scripts."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Signatures", "arranged"]

_FRAGMENT = 5
"""The length of what signatures share."""


def arranged(signatures: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    """Arrange signatures, each with a number, in the way that ``Signatures`` takes. It can be written as JSON.

    Many share a fragment, such as ``.com/``. Only in a script that holds it are they searched for. Of equal signatures
    the first counts.
    """
    numbers: dict[str, int] = {}
    for signature, number in signatures:
        numbers.setdefault(signature, number)
    counts = Counter(chain.from_iterable(map(_fragments, numbers)))
    groups: dict[str, dict[str, int]] = {}
    for signature, number in numbers.items():
        shared = max(_fragments(signature), key=counts.__getitem__)
        groups.setdefault(shared, {})[signature] = number
    return groups


class Signatures:
    """Searches for what ``arranged`` returns. Where one lies within another that is found, only the longer one counts.

    Those whose number ``accepts`` refuses do not count.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, int]], accepts: Callable[[int], bool] | None = None) -> None:
        self._groups = groups
        self._accepts = accepts

    def _counts(self, number: int) -> bool:
        return self._accepts is None or self._accepts(number)

    def find(self, text: str) -> list[int]:
        """Return the numbers of the signatures in ``text``, in the order in which they first occur."""
        numbers: dict[str, int] = {}
        for fragment, signatures in self._groups.items():
            if fragment in text:
                there = {signature: number for signature, number in signatures.items() if signature in text}
                numbers |= {mark: number for mark, number in there.items() if self._counts(number)}
        found = list(numbers)
        if len(found) > 1:
            found = [signature for signature in found if _stands_alone(signature, found, text)]
            found.sort(key=text.find)
        return [numbers[signature] for signature in found]


def _fragments(signature: str) -> list[str]:
    """Return the runs of characters in ``signature``, each once; a short one is a run of its own."""
    starts = range(max(len(signature) - _FRAGMENT + 1, 1))
    return list(dict.fromkeys(signature[start : start + _FRAGMENT] for start in starts))


def _stands_alone(signature: str, found: Sequence[str], text: str) -> bool:
    """Say whether ``signature`` occurs in ``text`` outside of longer signatures."""
    for other in found:
        if signature != other and signature in other:
            text = text.replace(other, "\0")
    return signature in text
