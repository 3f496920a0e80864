"""Bloom filters by which the guard tells in a page whether the registry may know a name or a host."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from cookie_consent.policy.name_pattern import NamePattern

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["host_keys", "may_have", "name_filter"]

_EXACT = 8, 6
"""Bits for each key, and hashes: about one in 50 unknown names is taken for a known one."""
_PREFIXES = 16, 8
"""The same for prefixes. A name is looked up some 20 times, which adds about one in 100."""
_PRIME = 16_777_619
_SEEDS = 2_166_136_261, 3_339_675_911
_MASK = 0xFFFFFFFF


def name_filter(awaited: Iterable[str], lasting: Iterable[str] = (), hosts: Iterable[str] = ()) -> dict[str, Any]:
    """Return filters of patterns for names, which have a literal beginning, and of host patterns, for ``judge.js``.

    ``exact`` has ``=`` and the name, or ``~`` for those that are ``lasting``, and ``@`` and what ``host_keys`` has.
    ``prefixes`` has ``^`` (``%``) and the literal beginning of a pattern with wildcards, of which ``lengths`` has the
    lengths to try.
    """
    exact = {f"@{key}" for key in host_keys(hosts)}
    prefixes, lengths = set(), set()
    for texts, name_mark, prefix_mark in ((awaited, "=", "^"), (lasting, "~", "%")):
        for text in texts:
            prefix = NamePattern(text).prefix
            if prefix == text:
                exact.add(name_mark + text)
            else:
                prefixes.add(prefix_mark + prefix)
                lengths.add(len(prefix.encode("utf-16-le")) // 2)  # as JavaScript counts
    return {"exact": _bloom(exact, *_EXACT), "prefixes": _bloom(prefixes, *_PREFIXES), "lengths": sorted(lengths)}


def may_have(found: dict[str, Any], name: str, *, name_mark: str = "=", prefix_mark: str = "^") -> bool:
    """Return whether filters that ``name_filter`` has made may have a name, as ``judge.js`` does."""
    starts = (f"{prefix_mark}{name[:length]}" for length in found["lengths"] if length <= len(name))
    return _has(found["exact"], f"{name_mark}{name}") or any(_has(found["prefixes"], start) for start in starts)


def host_keys(patterns: Iterable[str]) -> set[str]:
    """Return what the filter has of host patterns: the last two labels, if a pattern is about that domain, else three.

    So the filter stays small, and of domains whose hosts belong to many, such as ``cloudfront.net``, it has those that
    are known. It depends on the patterns alone, not on a list of public suffixes, which changes by itself.
    """
    domains = {pattern.partition("/")[0].removeprefix("*.") for pattern in patterns}

    def key(domain: str) -> str:
        labels = domain.split(".")
        end = ".".join(labels[-2:])
        return end if end in domains else ".".join(labels[-3:])

    return set(map(key, domains))


def _bloom(keys: Iterable[str], bits_each: int, hashes: int) -> dict[str, Any]:
    """Return a filter: its bits in base64, and their number."""
    all_keys = list(keys)
    size = max(len(all_keys) * bits_each // 8, 1) * 8
    bits = bytearray(size // 8)
    for key in all_keys:
        for at in _places(key, size, hashes):
            bits[at >> 3] |= 1 << (at & 7)
    return {"size": size, "hashes": hashes, "bits": b64encode(bits).decode("ascii")}


def _has(bloom: dict[str, Any], key: str) -> bool:
    bits = b64decode(bloom["bits"])
    return all(bits[at >> 3] >> (at & 7) & 1 for at in _places(key, bloom["size"], bloom["hashes"]))


def _places(key: str, size: int, hashes: int) -> list[int]:
    first, step = (_hash(key, seed) for seed in _SEEDS)
    return [(first + number * step) % size for number in range(hashes)]


def _hash(text: str, seed: int) -> int:
    """Return the FNV-1a hash of a text in UTF-16, which is what JavaScript has, mixed once more."""
    value = seed
    data = text.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(data), 2):
        value = (value ^ (data[at] | data[at + 1] << 8)) * _PRIME & _MASK
    value = (value ^ value >> 16) * 0x85EBCA6B & _MASK
    return value ^ value >> 13
