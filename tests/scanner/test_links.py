from __future__ import annotations

import json

import pytest

from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.scanner import links
from cookie_consent.scanner.as_dict import written
from cookie_consent.scanner.links import LONGEST, Site, is_left_alone, kind_of, parsed
from cookie_consent.scanner.model import ScannedPage
from cookie_consent.scanner.reader import PageReader, make_classifier
from cookie_consent.scanner.visit import Visit

BASE = "https://shop.example/d/p?q"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("a", "https://shop.example/d/a"),
        ("/a", "https://shop.example/a"),
        ("?x", "https://shop.example/d/p?x"),
        ("#f", "https://shop.example/d/p?q"),
        ("//Other.Test:443/A", "https://other.test/A"),
        ("http:/\\other.test\\a", "http://other.test/a"),
        (" \t/a\n/b ", "https://shop.example/a/b"),
        ("https://user:pw@shop.example/", "https://shop.example/"),
        ("https://bücher.example/ü?ü=ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC=%C3%BC"),
        ("https://shop.example./", "https://shop.example/"),
        ("/a/../b/./c/..", "https://shop.example/b/"),
        ("wss://shop.example/s", "https://shop.example/s"),
        ("https://[::1]:8000/", "https://[::1]:8000/"),
        ("/a b", "https://shop.example/a%20b"),
        ("/%41%2f", "https://shop.example/%41%2f"),
        ("mailto:a@b.example", None),
        ("javascript:x()", None),
        ("data:text/html,x", None),
        ("https://[::1", None),
        ("https://a:99999/", None),
        ("https://a b/", None),
        ("https://a%00b/", None),
    ],
)
def test_addresses_are_read_as_browsers_read_them(written: str, address: str | None) -> None:
    found = parsed(written, BASE)
    assert (str(found) if found is not None else None) == address


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("/p?a=1&b=2", "/p?b=2&a=1", True),
        ("http://shop.example/p", "https://shop.example/p", True),
        ("/p?utm_source=x&gclid=y", "/p", True),
        ("/p;jsessionid=0123?sid=1&PHPSESSID=2", "/p", True),
        ("/(S(abc))/p", "/p", True),
        ("/p?a=1", "/p?a=2", False),
        ("/p", "/P", False),
        ("/p?side=1", "/p", False),
        ("/p", "https://shop.example:8443/p", False),
    ],
)
def test_pages_are_told_apart_without_sessions_and_campaigns(first: str, second: str, is_same: bool) -> None:  # noqa: FBT001
    one, other = parsed(first, BASE), parsed(second, BASE)
    assert one is not None
    assert other is not None
    assert (one.key == other.key) is is_same


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("/product/1", "/product/lamp", True),
        ("/2026/11/27/", "/2025/1/3/", True),
        ("/u/5f2b8c9d0e1a/x", "/u/0a1b2c3d4e5f/x", True),
        ("/?page=1&sort=a", "/?sort=b&page=2", True),
        ("/?page=1", "/?q=1", False),
        ("/blog/a", "/shop/a", False),
        ("https://a.shop.example/x", "https://b.shop.example/x", False),
    ],
)
def test_pages_of_one_template_are_of_one_kind(first: str, second: str, is_same: bool) -> None:  # noqa: FBT001
    one, other = parsed(first, BASE), parsed(second, BASE)
    assert one is not None
    assert other is not None
    assert (kind_of(one) == kind_of(other)) is is_same


@pytest.mark.parametrize(
    ("written", "is_left"),
    [
        ("/logout", True),
        ("/userlogout.php", True),
        ("/user/sign-off", True),
        ("/?do=Delete", True),
        ("/a/b/a/b/a/b/a/b", True),
        ("/x" * 13, True),
        ("/photo.JPG", True),
        ("/sitemap.xml", True),
        ("/blog/how-to-log-in", False),
        ("/deleted-scenes", False),
        ("/v1.2/page", False),
        ("/index.php", False),
    ],
)
def test_what_may_act_or_never_ends_is_left_alone(written: str, is_left: bool) -> None:  # noqa: FBT001
    address = parsed(written, BASE)
    assert address is not None
    assert is_left_alone(address) is is_left


@pytest.mark.parametrize(
    ("start", "other", "is_same"),
    [
        ("https://www.shop.example/", "http://api.shop.example:8080/", True),
        ("https://shop.co.uk/", "https://other.co.uk/", False),
        ("https://a.github.io/", "https://b.github.io/", False),
        ("http://localhost:8000/", "http://localhost:8000/a", True),
        ("http://localhost:8000/", "http://localhost:8001/", False),
        ("http://10.0.0.1/", "http://10.0.0.2/", False),
    ],
)
def test_the_site_is_the_registrable_domain_or_else_one_host(start: str, other: str, is_same: bool) -> None:  # noqa: FBT001
    first, second = parsed(start), parsed(other)
    assert first is not None
    assert second is not None
    assert Site(first).has(second) is is_same


def test_a_long_base_and_its_links_fill_no_memory() -> None:
    base = "https://shop.example/" + "b" * 15_000 + "/"
    before = links._cached.cache_info().currsize
    for number in range(100):
        assert parsed(f"a{number}", base) is not None
    assert links._cached.cache_info().currsize == before
    address = parsed("https://shop.example/")
    assert address is not None
    visit = Visit(page=ScannedPage(address=str(address)))
    reader = PageReader(address, Site(address), visit, make_classifier(None))
    reader.begin(content_type_of(b"text/html;charset=utf-8"))
    long = "".join(f"<a href='/{number}/{'c' * 15_000}'>x</a>" for number in range(50))
    sheet = f"<link rel=stylesheet href='/{'d' * 15_000}.css'>"
    reader.feed(f"<base href='{base}'><a href='near'>x</a>{long}{sheet}".encode(), final=True)
    assert visit.links == ["https://shop.example/near"]
    assert len(visit.skipped) == 50
    assert all(len(each) <= LONGEST for each in (*visit.skipped, *visit.sheets))
    assert len(json.dumps(written(visit))) < 200_000
