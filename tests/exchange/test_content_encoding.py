from __future__ import annotations

from cookie_consent.exchange.content_encoding import coding_for, is_readable


def test_codings_that_are_nested_too_deeply_are_not_decoded() -> None:
    """Each takes memory, and a header has room for thousands."""
    assert coding_for(", ".join(["gzip"] * 8)) is not None
    assert coding_for(", ".join(["gzip"] * 9)) is None
    assert not is_readable(", ".join(["br"] * 20_000))
