"""Addresses of sites as people type them."""

from __future__ import annotations

import re

import pytest

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.given import given


@pytest.mark.parametrize(
    ("text", "address", "is_assumed"),
    [
        ("shop.example", "https://shop.example/", True),
        ("shop.example/a?b=c", "https://shop.example/a?b=c", True),
        ("Shop.Example:443", "https://shop.example/", True),
        ("shop.example:8000", "http://shop.example:8000/", True),
        ("localhost", "http://localhost/", True),
        ("shop.localhost", "http://shop.localhost/", True),
        ("127.0.0.1:5000/a", "http://127.0.0.1:5000/a", True),
        ("127.9.9.9", "http://127.9.9.9/", True),
        ("[::1]", "http://[::1]/", True),
        ("10.0.0.1", "https://10.0.0.1/", True),
        ("admin:pw@shop.example:8443", "https://shop.example:8443/", True),  # credentials are sent encrypted
        ("admin@shop.example:8000", "https://shop.example:8000/", True),
        ("admin:pw@localhost:8000", "http://localhost:8000/", True),
        ("http://admin:pw@shop.example:8000", "http://shop.example:8000/", False),
        (" http://localhost:8000#top ", "http://localhost:8000/", False),
        ("https://localhost", "https://localhost/", False),
        ("HTTPS://shop.example", "https://shop.example/", False),
    ],
)
def test_a_scheme_is_assumed_where_none_is_typed(text: str, address: str, *, is_assumed: bool) -> None:
    found = given(text)
    assert (str(found.address), found.is_assumed) == (address, is_assumed)


@pytest.mark.parametrize("text", ["https://a:b%40c@shop.example/", "a:b%40c@shop.example"])
def test_credentials_are_kept_out_of_the_address(text: str) -> None:
    found = given(text)
    assert str(found.address) == "https://shop.example/"
    assert (found.user, found.password) == ("a", "b@c")
    assert "b" not in repr(found).replace("shop.example", "")
    assert found.basic == "Basic YTpiQGM="
    assert found.opened("https://shop.example/x") == "https://a:b%40c@shop.example/x"


@pytest.mark.parametrize("other", ["http://shop.example/", "https://www.shop.example/", "https://shop.example:8443/"])
def test_credentials_are_for_the_typed_origin_alone(other: str) -> None:
    assert given("https://a:b@shop.example/").opened(other) == other


@pytest.mark.parametrize(
    "text",
    ["", "/", ".", "./scan", "ftp://shop.example", "https://", "file:///etc/passwd", "http://[", "http://x:y", "a b"],
)
def test_what_is_no_site(text: str) -> None:
    with pytest.raises(ConfigurationError, match="write it like https"):
        given(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://me:secret@shop.example/",
        "https://user:xx/secret@host.example",
        "https://u:a@secret b/secret@x:y@h.example:z",
    ],
)
def test_an_error_shows_no_password(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        given(text)
    assert "secret" not in str(raised.value)
    assert not re.search(r"user|xx|x:y", str(raised.value))
    assert ".example" in str(raised.value)
