"""Merkle trees: hashes and proofs (RFC 6962, section 2.1), and their verification (RFC 9162, 2.1.3 and 2.1.4)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["EMPTY_ROOT", "HASH_SIZE", "MerkleTree", "leaf_hash", "node_hash", "verify_consistency", "verify_inclusion"]

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (32 bytes)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (32 bytes)."""
    return sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """A tree that gets its complete subtrees from ``node(level, index)``.

    That is the hash over the leaves from ``index * 2**level`` to before ``(index + 1) * 2**level``.
    """

    def __init__(self, node: Callable[[int, int], bytes]) -> None:
        self._node = node

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the proof that leaf ``index`` is in the tree of ``size`` leaves. Raises ``ValueError`` if not."""
        if not 0 <= index < size:
            raise ValueError(f"there is no leaf {index} in a tree of {size}")
        proof = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of ``new`` leaves extends that of ``old``. Raises ``ValueError`` if not."""
        if not 0 < old <= new:
            raise ValueError(f"a tree of {new} leaves cannot be shown to extend one of {old}")
        proof = []
        start, end = 0, new
        whole = True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        return proof[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """Return the hash over leaves, where ``start`` is a valid start of a subtree."""
        parts = []
        while start < end:
            level = (end - start).bit_length() - 1
            parts.append(self._node(level, start >> level))
            start += 1 << level
        value = parts.pop()
        while parts:
            value = node_hash(parts.pop(), value)
        return value


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``proof`` shows that the leaf with hash ``leaf`` is at ``index`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, value = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = node_hash(other, value)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, other)
        at, last = at >> 1, last >> 1
    return last == 0 and value == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Return whether ``proof`` shows that the newer tree extends the older one (RFC 9162, 2.1.4.2).

    Every tree extends the empty tree and itself, with an empty proof.
    """
    if old == new:
        return old >= 0 and not proof and old_root == new_root
    if old == 0:
        return new > 0 and not proof and old_root == EMPTY_ROOT
    if not 0 < old < new or not proof:
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, other)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
