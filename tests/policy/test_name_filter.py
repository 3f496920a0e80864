"""The filter of names that the guard has. That it is read alike in a browser, the tests in ``tests/js`` show."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from cookie_consent.policy.registry.name_filter import _SEEDS, _hash, name_filter


def has(found: dict[str, Any], key: str) -> bool:
    bits = b64decode(found["bits"])
    first, step = (_hash(key, seed) for seed in _SEEDS)
    places = [(first + number * step) % found["size"] for number in range(found["hashes"])]
    return all(bits[place >> 3] >> (place & 7) & 1 for place in places)


def may_be_known(found: dict[str, Any], name: str) -> bool:
    starts = (f"^{name[:length]}" for length in found["lengths"] if length <= len(name))
    return has(found, f"={name}") or any(has(found, start) for start in starts)


def test_every_name_is_found_and_few_others_are() -> None:
    exact = [f"cookie_{number}" for number in range(1500)]
    patterns = [f"{'abcdefghij'[number % 10] * (number % 7 + 1)}{number}_*" for number in range(500)]
    found = name_filter([*exact, *patterns, "ru{hex:4}"])
    assert all(may_be_known(found, name) for name in exact)
    assert all(may_be_known(found, pattern.replace("*", "x")) for pattern in patterns)
    assert may_be_known(found, "ru0a0a")
    others = [f"other-{number}-name" for number in range(5000)]
    assert sum(may_be_known(found, name) for name in others) < 50
    assert len(found["bits"]) < 7000  # bytes in the script, at 2,001 names


def test_without_names_nothing_is_known() -> None:
    assert not may_be_known(name_filter([]), "_ga")
