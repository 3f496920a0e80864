"""The static files as they are sent."""

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest

from cookie_consent.endpoints.assets import Assets, Later
from cookie_consent.endpoints.static_files import static_files


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
    content = static_files()["banner.js"]
    assets = Assets("/a", {"banner.js": content})
    answer = assets.response(assets.urls["banner.js"].removeprefix("/a/"), accepted)
    assert answer is not None
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    body = bytes(answer.body)
    assert (gzip.decompress(body) if packed else body) == content
    assert answer.headers["content-length"] == str(len(body))


def test_names_and_digests_are_those_of_what_is_served() -> None:
    forms = {form: Assets("/a", static_files(form)) for form in ("minified", "plain")}
    for name in static_files():
        urls = {form: assets.urls[name] for form, assets in forms.items()}
        assert urls["minified"] != urls["plain"]
        for form, assets in forms.items():
            answer = assets.response(urls[form].removeprefix("/a/"))
            assert answer is not None
            digests = [base64.b64decode(digest.partition("-")[2]) for digest in assets.digests(urls[form])]
            assert digests == [hashlib.new(kind, answer.body).digest() for kind in ("sha256", "sha384", "sha512")]
            assert hashlib.sha256(answer.body).hexdigest().startswith(urls[form].split(".")[1])


def test_a_file_for_later_is_made_once_at_the_first_request() -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        return b"{}"

    later = Later("known.json", "0123456789abcdef", make)
    assets = Assets("/a", {"banner.js": b"x"}, later=(later,))
    other = Assets("/a", {"banner.js": b"y"})
    other.include(assets)
    assert later.name == "known.0123456789ab.json"
    assert not made
    for one in (assets, other):
        response = one.response(later.name)
        assert response is not None
        assert response.body == b"{}"
        assert response.headers["content-type"] == "application/json"
    assert assets.digests(f"/a/{later.name}")
    assert made == [1]
