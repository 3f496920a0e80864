"""The static files as they are sent."""

from __future__ import annotations

import gzip

import pytest

from cookie_consent.endpoints.assets import Assets, static_folder


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP", True),
        ("gzip;q=0.5, identity", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzip;q=1.0", True),
        ("x-gzip2", False),
        ("gzipped", False),
        ("br", False),
    ],
)
def test_gzip_where_it_is_taken(accepted: str, *, packed: bool) -> None:
    assets = Assets("/a")
    content = (static_folder() / "banner.js").read_bytes()
    answer = assets.response(assets.urls["banner.js"].removeprefix("/a/"), accepted)
    assert answer is not None
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    body = bytes(answer.body)
    assert (gzip.decompress(body) if packed else body) == content
    assert answer.headers["content-length"] == str(len(body))
