from __future__ import annotations

import pytest

from cookie_consent.scanner.browser.addresses import is_followed, is_same_site, stack_of

SITES = [
    ("https://shop.example.com/a", "https://example.com/", True),
    ("http://example.com/", "https://www.example.com/", True),
    ("https://example.org/", "https://example.com/", False),
    ("https://a.github.io/", "https://b.github.io/", False),  # a suffix at which anybody gets a name
    ("http://localhost:8000/a", "http://localhost:8000/", True),
    ("http://localhost:8001/", "http://localhost:8000/", False),
    ("http://127.0.0.1/", "http://127.0.0.1:80/", True),
    ("http://127.0.0.2/", "http://127.0.0.1/", False),
    ("javascript:alert(1)", "https://example.com/", False),
    ("wss://example.com/", "https://example.com/", False),
    ("http://[", "https://example.com/", False),
]


@pytest.mark.parametrize(("page", "site", "expected"), SITES)
def test_pages_of_the_site(page: str, site: str, *, expected: bool) -> None:
    assert is_same_site(page, site) is expected
    assert is_followed(page, site) is expected


@pytest.mark.parametrize("path", ["item/5/delete", "index.php?action=logout", "userlogout", "unsubscribe", "a.pdf"])
def test_links_that_may_change_something_are_not_followed(path: str) -> None:
    assert not is_followed(f"https://example.com/{path}", "https://example.com/")


STACK = """Error
    at Object.set (<anonymous>:10:5)
    at track (https://t.example/a.js?v=(1):12:34)
    at async https://t.example/a.js?v=(1):99:1
    at new Thing (https://shop.example:8443/app.js:7:1)
    at eval (eval at load (https://shop.example/e.js:1:1), <anonymous>:1:1)"""


def test_scripts_of_a_stack() -> None:
    assert stack_of(STACK) == (
        ("https://t.example/a.js?v=(1)", "https://shop.example:8443/app.js", "https://shop.example/e.js"),
        12,
    )
    assert stack_of("x" * 100_000) == ((), 0)
