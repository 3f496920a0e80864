"""Hints: what they say, that they never name a tracker as necessary, and that no input breaks them."""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.policy import parse_policy, registry
from cookie_consent.policy.hints import cookie_hints, host_hints, storage_hints
from cookie_consent.policy.trackers import is_like_tracker, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.policy.hints import Party

DAY = 86_400
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
EXAMPLES = {"hex": "0a", "digit": "1", "alnum": "a1", "upper": "A", "lower": "a", "base64url": "a1"}


def of(name: str, value: str = "", lifetime: float | None = None) -> list[tuple[str, str | None]]:
    return [(hint.text, hint.category) for hint in cookie_hints(name, value=value, lifetime=lifetime)]


NAMES = [
    ("acme_csrf", "CSRF", "session"),
    ("XSRF-ACME", "CSRF", "session"),
    ("__Host-acmeCsrfToken", "CSRF", "session"),
    ("acme_session", "session", "session"),
    ("acme.sid", "session", "session"),
    ("ACMESESSIONID", "session", "session"),
    ("acme_cart", "basket", "session"),
    ("acmeBasket", "basket", "session"),
    ("acme_consent", "choice about cookies", "session"),
    ("acme_remember_me", "sign-in", "login"),
    ("acmeLocale", "language", "preferences"),
    ("acme-currency", "currency", "preferences"),
    ("acme_theme", "setting", "preferences"),
    ("acme_ab_7", "experiment", "analytics"),
    ("acme_exp", "experiment", "analytics"),
    ("acme_visitor", "counting visitors", "analytics"),
    ("acme_utm_source", "came from", "advertising"),
    ("acme_gclid", "came from", "advertising"),
    ("acme_token", "token", None),
]


@pytest.mark.parametrize(("name", "words", "category"), NAMES)
def test_names_say_something(name: str, words: str, category: str | None) -> None:
    assert [found for text, found in of(name) if words in text] == [category]


@pytest.mark.parametrize(
    "name", ["", "a", "expires", "assess", "obsession", "Cartography", "euclid", "_", "x1", "slang"]
)
def test_names_that_say_nothing(name: str) -> None:
    assert of(name) == []


VALUES = [
    ("GA1.2.1234567890.1234567890", None, "measuring visitors", "analytics"),
    ("GS1.1.1234567890.1.0.1234567890.0", None, "measuring visitors", "analytics"),
    ("fb.1.1596403881668.1116446470", None, "measuring visitors", "analytics"),  # as other pixels write it, too
    (f"{b64encode(b'{}').decode()}.x", None, None, None),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", None, "JSON Web Token", None),
    (b64encode(b'{"user": 1}').decode(), None, 'JSON, with the keys "user"', None),
    ("%7B%22user%22%3A1%7D", None, 'JSON, with the keys "user"', None),
    ('{"a\\u001b[1m": 1}', None, r"\u001B[1m", None),  # a key that would change the terminal
    ("1764240000", None, "moment", None),
    ("1764240000123", None, "moment", None),
    ("EUR", None, "currency", "preferences"),
    ("de", None, "language", "preferences"),
    ("pt-BR", None, "language", "preferences"),
    ("zz", None, None, None),
    ("EURO", None, None, None),
    (UUID, None, "an identifier", None),
    (UUID, 395 * DAY, "an identifier that lasts 13 months: likely counts visitors; find out who sets it", None),
    ("9f86d081884c7d659a2feaa0c55ad015", 365 * DAY, "an identifier that lasts 12 months", None),
    ("9f86d081884c7d659a2feaa0c55ad015", 31 * DAY, "an identifier that lasts 31 days", None),
    ("9f86d081884c7d659a2feaa0c55ad015", 60, None, None),  # gone in a minute
    ("aaaaaaaaaaaaaaaa1", 365 * DAY, None, None),  # long, but not random
    ("a-sentence-of-words-only", 365 * DAY, None, None),
]


@pytest.mark.parametrize(("value", "lifetime", "words", "category"), VALUES)
def test_values_say_something(value: str, lifetime: float | None, words: str | None, category: str | None) -> None:
    found = of("x", value, lifetime)
    assert [each for text, each in found if words is not None and words in text] == ([category] if words else [])
    assert words is not None or found == []


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("acme_session", {"lifetime": 395.0 * DAY}),  # no visit lasts so long
        ("acme_session", {"party": "third"}),
        ("acme_session", {"value": "GA1.2.1234567890.1234567890"}),
        ("visitor_session", {}),
        ("ad_sid", {}),
        ("utm_session", {}),
    ],
)
def test_what_speaks_against_it_is_heard(name: str, more: dict[str, object]) -> None:
    assert {hint.category for hint in cookie_hints(name, **more)}.isdisjoint({"session", "login"})  # type: ignore[arg-type]
    if name == "acme_session":
        assert cookie_hints(name)[0].category == "session"


def example(pattern: str) -> str:
    """Return a name that a pattern of the registry matches."""

    def run(found: re.Match[str]) -> str:
        if found[0] == "*":
            return "x1"
        length = int(found[2] or 4)
        return UUID if found[1] == "uuid" else (EXAMPLES[found[1]] * length)[:length]

    return re.sub(r"\*|\{(\w+)(?::(\d+)(?:-\d+)?)?\}", run, pattern)


def spellings(name: str) -> Iterator[str]:
    """Yield a name in the spellings of somebody who would like it to be taken for another one."""
    yield from (name, name.upper(), name.lower(), name.swapcase(), name.title())
    yield from (name.replace("_", "-"), name.replace("-", "_"), name.replace("_", "."), name.replace("_", ""))
    yield from (f"__Host-{name}", f"__Secure-{name}", f"__host-{name}", f"_{name}_", f" {name} ")


def test_no_tracker_is_ever_called_necessary() -> None:
    """Of the whole registry: whatever needs consent is never hinted to be for the session or for signing in."""
    needing = [name for name, category, _ in registry().names() if category not in {"session", "login"}]
    assert len(needing) > 50
    wrong = [
        (name, spelling)
        for name in needing
        for spelling in spellings(example(name))
        for hint in (*cookie_hints(spelling), *storage_hints(spelling))
        if hint.category in {"session", "login"}
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "known", ["_ga", "_gid", "_fbp", "_gcl_au", "hubspotutk", "_hjid", "mp_abc_mixpanel", "_uetsid"]
)
@pytest.mark.parametrize("form", ["{}_session", "{}_csrf", "session_{}", "my_{}_sid", "{}-login", "CART-{}", "{}.Auth"])
def test_a_word_of_the_session_beside_a_trackers_name_changes_nothing(known: str, form: str) -> None:
    found = cookie_hints(form.format(known))
    assert {hint.category for hint in found}.isdisjoint({"session", "login"})
    assert is_like_tracker(form.format(known))
    assert of(form.format("acme")), "the form alone would be hinted at"


def test_names_of_the_session_are_no_trackers() -> None:
    for name in ("acme_session", "acme_csrf", "acme_sid", "acme_cart"):
        assert not is_like_tracker(name)


def test_a_cookie_of_another_site_is_declared_with_its_domain() -> None:
    hint = cookie_hints("acme_visitor", party="third", domain="tracker.example")[0]
    assert tomllib.loads(hint.lines)["cookies"][0]["domain"] == "tracker.example"


def test_a_key_of_storage_belongs_to_a_service() -> None:
    (hint,) = storage_hints("acme:theme")
    assert hint.lines.splitlines()[1] == '# storage = ["acme:theme"]'


def test_words() -> None:
    assert words("cart_id") == words("CART-ID") == words("cartId2") == words("3cart.id") == ["cart", "id"]
    assert words("XSRFToken") == ["xsrf", "token"]
    assert words("Ünïcode\ud800") == ["n", "code"]


def test_a_category_that_the_policy_lacks_is_not_named() -> None:
    (hint,) = cookie_hints("acme_theme", categories={"session"})
    assert hint.category is None
    assert 'category = "unclassified"' in hint.lines


def test_hosts() -> None:
    assert [hint.category for hint in host_hints("stats.acme.example")] == ["analytics"]
    assert [hint.category for hint in host_hints("ads-eu.acme.example")] == ["advertising"]
    assert [hint.category for hint in host_hints("cdn.acme.example")] == [None]
    assert host_hints("acme.media") == host_hints("") == ()  # a domain's last label says nothing


# Whatever comes.

PIECES = st.sampled_from([
    "csrf", "session", "sid", "_", "-", "*", "{", "}", "{hex:32}", '"', "'", "\\", "\n", "[x]", "]", "#", "=", "%22",
    "\u2028", "\ud800", "\x1b[1m", "é", "GA1.2.", "eyJ", "1764240000", "9" * 5000, UUID, "[[cookies]]",
])  # fmt: skip
TEXTS = st.text(max_size=30) | st.lists(PIECES, max_size=6).map("".join)
LIFETIMES = st.none() | st.floats() | st.sampled_from([0.0, -1.0, 1e300, 34_560_000.0])


DOMAINS = st.none() | TEXTS | st.just("tracker.example")


@given(name=TEXTS, value=TEXTS, lifetime=LIFETIMES, party=st.sampled_from([None, "first", "third"]), domain=DOMAINS)
def test_no_input_breaks_out_of_the_lines(
    name: str, value: str, lifetime: float | None, party: Party | None, domain: str | None
) -> None:
    hints = [*cookie_hints(name, value=value, lifetime=lifetime, party=party, domain=domain)]
    hints += [*storage_hints(name), *host_hints(name)]
    for hint in hints:
        assert hint.text.isprintable()
        assert hint.lines.isascii()
        declared = tomllib.loads(hint.lines)
        if "cookies" in declared:
            (rule,) = declared["cookies"]
            assert set(rule) <= {"name", "category", "max_age", "domain"}
            assert rule.get("domain") == domain
            assert rule["name"] == name
            assert rule["category"] == (hint.category or "unclassified")
            parse_policy({"version": "1", **declared}, source="test")
        else:
            assert declared == {}


@pytest.mark.parametrize("name", ["s*", "sess{hex:32}", "*session*", "a{b", "session}"])
def test_a_name_that_would_be_a_pattern_is_not_declared(name: str) -> None:
    """As a rule it would declare other cookies besides."""
    for hint in (*cookie_hints(name, value=UUID), *storage_hints(name)):
        assert tomllib.loads(hint.lines) == {}
        assert json.dumps(name) in hint.lines


@pytest.mark.parametrize(
    "piece", ["a", "aA", "_", "eyJ", "{", '{"a":', "1", "[", "%", "%7B", "A1-", "GA1.", "session_"]
)
def test_long_input_takes_no_longer_than_short(piece: str) -> None:
    """A megabyte of it: with quadratic time nobody would wait for the end."""
    long = piece * (1_000_000 // len(piece))
    for hint in (*cookie_hints(long, value=long, lifetime=395.0 * DAY), *storage_hints(long), *host_hints(long)):
        assert len(hint.text) + len(hint.lines) < 2000
