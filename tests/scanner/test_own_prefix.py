"""The addresses below the middleware's prefix."""

from __future__ import annotations

import pytest

from cookie_consent.scanner.links import parsed
from cookie_consent.scanner.own_prefix import OwnPrefixes, prefix_of

PAGE = "https://shop.test/a/b"


@pytest.mark.parametrize(
    ("endpoint", "prefix"),
    [
        ("/_consent/choices", "https://shop.test/_consent"),
        ("/mounted/_c/choices", "https://shop.test/mounted/_c"),
        ("https://shop.test/_consent/choices", "https://shop.test/_consent"),
        # It would rule out the whole site.
        ("/choices", ""),
        ("//choices", ""),
        ("/../choices", ""),
        # It is no banner of the middleware's.
        ("/_consent/else", ""),
        ("https://other.test/_consent/choices", ""),
        ("javascript:choices", ""),
        ("http://[/choices", ""),
    ],
)
def test_a_prefix_is_read_off_the_banner_of_the_page_itself(endpoint: str, prefix: str) -> None:
    assert prefix_of(endpoint, PAGE) == prefix


@pytest.mark.parametrize(
    ("address", "is_covered"),
    [
        ("https://shop.test/_consent", True),
        ("http://shop.test/_consent/preferences?return_to=%2F", True),
        ("https://shop.test/_consenting", False),
        ("https://shop.test/a/_consent/x", False),
        ("https://shop.test:8443/_consent/x", False),
        ("https://www.shop.test/_consent/x", False),
    ],
)
def test_what_is_below_the_prefix_is_covered(address: str, is_covered: bool) -> None:  # noqa: FBT001
    own = OwnPrefixes()
    assert own.add("https://shop.test/_consent")
    assert not own.add("https://shop.test/_consent")
    assert not own.add("")
    found = parsed(address)
    assert found is not None
    assert own.cover(found) is is_covered


def test_memory_is_bounded() -> None:
    own = OwnPrefixes()
    assert sum(own.add(f"https://shop.test/{number}") for number in range(100)) == 20
