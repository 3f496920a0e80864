from __future__ import annotations

from cookie_consent.rewriter.cache import GenerationalCache


def test_what_was_asked_for_recently_is_kept() -> None:
    memory: GenerationalCache[str, int] = GenerationalCache(10_000)
    memory.put("often", 1, 500)
    memory.put("once", 2, 500)
    for number in range(100):
        memory.put(f"{number}", number, 500)
        assert memory.get("often") == 1
    assert memory.get("once") is memory.get("0") is None
    assert memory.get("99") == 99


def test_no_more_is_kept_than_its_size() -> None:
    memory: GenerationalCache[int, bytes] = GenerationalCache(10_000)
    for number in range(100):
        memory.put(number, b"x" * 500, 500)
    kept = sum(len(memory.get(number) or b"") for number in range(100))
    assert 2000 < kept <= 10_000


def test_the_latest_value_counts() -> None:
    memory: GenerationalCache[str, int] = GenerationalCache(10_000)
    for number in range(3):
        memory.put("key", number, 1)
    assert memory.get("key") == 2
