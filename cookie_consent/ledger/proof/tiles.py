"""The hashes of a Merkle tree in tiles of 256, as in C2SP tlog-tiles."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from cookie_consent.ledger.proof.merkle import HASH_SIZE, MerkleTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["TILE_HEIGHT", "TILE_WIDTH", "TiledTree", "fold"]

TILE_HEIGHT = 8
_PAIR = 2 * HASH_SIZE
TILE_WIDTH = 1 << TILE_HEIGHT


class TiledTree(MerkleTree):
    """A tree of ``size`` leaves to which leaves can be appended. ``changed`` has the tiles to save.

    ``load(level, number)`` returns a tile: the hashes from ``number * 256`` on of the tree's level ``8 * level``. It
    raises ``KeyError`` if there is none. A tile that is too short raises ``ValueError``.
    """

    def __init__(self, size: int, load: Callable[[int, int], bytes]) -> None:
        super().__init__(self._complete)
        self.size = size
        self.changed: dict[tuple[int, int], bytearray] = {}
        self._load = load
        self._read: dict[tuple[int, int], bytes] = {}

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes."""
        for leaf in leaves:
            self._add(0, self.size, leaf)
            self.size += 1

    def _add(self, level: int, index: int, value: bytes) -> None:
        number, offset = divmod(index, TILE_WIDTH)
        tile = self.changed.get((level, number))
        if tile is None:
            old = self._tile(level, number)[: offset * HASH_SIZE] if offset else b""
            tile = self.changed[level, number] = bytearray(old)
        if len(tile) != offset * HASH_SIZE:
            raise ValueError(f"tile {number} of level {level} is damaged")
        tile += value
        if offset == TILE_WIDTH - 1:
            self._add(level + 1, number, fold(tile))

    def _complete(self, level: int, index: int) -> bytes:
        above, within = divmod(level, TILE_HEIGHT)
        number, offset = divmod(index << within, TILE_WIDTH)
        end = (offset + (1 << within)) * HASH_SIZE
        tile = self._tile(above, number)
        if len(tile) < end:
            raise ValueError(f"tile {number} of level {above} is damaged")
        return fold(tile[offset * HASH_SIZE : end])

    def _tile(self, level: int, number: int) -> bytes | bytearray:
        key = (level, number)
        if key in self.changed:
            return self.changed[key]
        if key not in self._read:
            if len(self._read) > 64:  # bounded, however many proofs are made
                self._read.clear()
            self._read[key] = self._load(level, number)
        return self._read[key]


def fold(hashes: bytes | bytearray) -> bytes:
    """Return the root over concatenated hashes, whose number is a power of two."""
    row = bytes(hashes)
    while len(row) > HASH_SIZE:  # ``node_hash`` of each pair
        row = b"".join([sha256(b"\x01" + row[at : at + _PAIR]).digest() for at in range(0, len(row), _PAIR)])
    return row
