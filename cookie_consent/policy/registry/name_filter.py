"""A Bloom filter of names, by which the guard tells in a page whether the registry may know a name."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from cookie_consent.policy.name_pattern import NamePattern

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["name_filter"]

_BITS = 20
"""Bits for each key. A name is looked up some 20 times, and about one unknown name in 500 is taken for a known one."""
_HASHES = 8
_PRIME = 16_777_619
_SEEDS = 2_166_136_261, 3_339_675_911
_MASK = 0xFFFFFFFF


def name_filter(patterns: Iterable[str]) -> dict[str, Any]:
    """Return a filter of patterns, which have a literal beginning: bits in base64, their number, and lengths to try.

    Its keys are ``=`` and the name, or ``^`` and the literal beginning of a pattern with wildcards. ``judge.js`` reads
    it.
    """
    keys, lengths = set(), set()
    for text in patterns:
        prefix = NamePattern(text).prefix
        if prefix == text:
            keys.add(f"={text}")
        else:
            keys.add(f"^{prefix}")
            lengths.add(len(prefix.encode("utf-16-le")) // 2)  # as JavaScript counts
    size = max(len(keys) * _BITS // 8, 1) * 8
    bits = bytearray(size // 8)
    for key in keys:
        first, step = (_hash(key, seed) for seed in _SEEDS)
        for number in range(_HASHES):
            at = (first + number * step) % size
            bits[at >> 3] |= 1 << (at & 7)
    return {"size": size, "hashes": _HASHES, "lengths": sorted(lengths), "bits": b64encode(bits).decode("ascii")}


def _hash(text: str, seed: int) -> int:
    """Return the FNV-1a hash of a text in UTF-16, which is what JavaScript has, mixed once more."""
    value = seed
    data = text.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(data), 2):
        value = (value ^ (data[at] | data[at + 1] << 8)) * _PRIME & _MASK
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    return value ^ value >> 13
