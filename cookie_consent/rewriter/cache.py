"""A bounded cache."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["GenerationalCache"]

Key = TypeVar("Key")
Value = TypeVar("Value")

_OVERHEAD = 256
"""The approximate number of bytes that an entry takes besides its content."""


class GenerationalCache(Generic[Key, Value]):
    """A mapping of at most ``size`` bytes that drops what has not been used for longest. Threads may share it."""

    # There are two generations. When the newer one is full, the older one is dropped; an entry that is used moves to
    # the newer one. Unlike a list in order of use, this costs nothing on a hit in the newer one, the usual case.

    def __init__(self, size: int) -> None:
        self._limit = size // 2
        self._size = 0
        self._newer: dict[Key, tuple[Value, int]] = {}
        self._older: dict[Key, tuple[Value, int]] = {}

    def get(self, key: Key) -> Value | None:
        """Return the cached value, or None."""
        found = self._newer.get(key)
        if found is None:
            found = self._older.get(key)
            if found is None:
                return None
            self._put(key, *found)
        return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Cache ``value``; ``size`` is its size in bytes together with the key."""
        self._put(key, value, size + _OVERHEAD)

    def _put(self, key: Key, value: Value, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            self._older, self._newer, self._size = self._newer, {}, size
        self._newer[key] = (value, size)
