from __future__ import annotations

import pytest

from cookie_consent.endpoints.token_bucket import TokenBucket


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3, at=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1.0) for _ in range(3)] == [True, True, False]
    assert bucket.take(1000.0)  # it holds no more than a burst
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]


def test_it_says_how_long_to_wait_for_how_much() -> None:
    bucket = TokenBucket(rate=2, burst=3, at=0.0)
    assert (bucket.wait(0.0), bucket.wait(0.0, 3)) == (0, 0)
    bucket.spend()
    assert bucket.wait(0.0, 3) == pytest.approx(0.5)
    assert (bucket.wait(0.5, 3), bucket.at) == (0, 0.5)
