"""A memory of what was met lately."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Lately"]

Key = TypeVar("Key")
Value = TypeVar("Value")

_OVERHEAD = 256
"""Bytes that an entry takes beside what is in it, about."""


class Lately(Generic[Key, Value]):
    """A mapping that holds ``size`` bytes at the most, those that were asked for or put lately. Threads may share it.

    It has two halves. When the newer one is full the older one is forgotten; what is asked for moves to the newer one.
    So nothing has to be put in order when something is found, as it is nearly always.
    """

    def __init__(self, size: int) -> None:
        self._limit = size // 2
        self._size = 0
        self._newer: dict[Key, tuple[Value, int]] = {}
        self._older: dict[Key, tuple[Value, int]] = {}

    def get(self, key: Key) -> Value | None:
        """Return what was put last for the key, or None if that is forgotten."""
        found = self._newer.get(key)
        if found is None:
            found = self._older.get(key)
            if found is None:
                return None
            self._put(key, *found)
        return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Keep the value, which takes ``size`` bytes with its key."""
        self._put(key, value, size + _OVERHEAD)

    def _put(self, key: Key, value: Value, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            self._older, self._newer, self._size = self._newer, {}, size
        self._newer[key] = (value, size)
