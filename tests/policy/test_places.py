"""The selectors of places. A browser reads those that are accepted in ``tests/browser/test_places.py``."""

from __future__ import annotations

import pytest

from cookie_consent.errors import PolicyError
from cookie_consent.policy import parse_policy

ACCEPTED = [
    ".g-recaptcha",
    "#map",
    "[data-sitekey]",
    "gmp-map",
    "div.a.b#c",
    "[data-x='a b']",
    '[data-x="a"]',
    "[data-x^=a]",
    "div.a > span .b",
    "-x",
    ".größe",
]
REFUSED = [
    "",
    " ",
    "#1",
    ".",
    "a,b",
    "a:hover",
    ":is(a",
    "[a",
    "[a=]",
    "[a='b]",
    "[a=1]",
    ">a",
    "a >",
    "a > > b",
    "a\nb",
    "a{}",
    "a</script>",
    "\\61",
    "x" * 101,
]


def places(selector: str) -> tuple[str, ...]:
    service = {"name": "A", "category": "preferences", "hosts": ["a.example"], "places": [selector]}
    return parse_policy({"version": "1", "services": {"a": service}}, source="test").services[0].places


@pytest.mark.parametrize("selector", ACCEPTED)
def test_a_selector_says_where_content_goes(selector: str) -> None:
    assert places(selector) == (selector,)


@pytest.mark.parametrize("selector", REFUSED)
def test_what_is_no_simple_selector_is_refused(selector: str) -> None:
    with pytest.raises(PolicyError, match=r"services\.a\.places\.0"):
        places(selector)
