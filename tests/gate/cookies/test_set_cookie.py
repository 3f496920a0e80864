"""Cookies are read as browsers read them: nothing passes by being read differently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.gate import CookieGate, gated_cookies
from cookie_consent.gate.cookies.dates import parse_cookie_date
from cookie_consent.gate.cookies.gate import MAXIMUM_COOKIES
from cookie_consent.gate.cookies.set_cookie import parse_set_cookie
from cookie_consent.policy import CookieOptions, Policy, parse_policy
from cookie_consent.policy.classifier import Classifier

RULES = [
    {"name": "sid", "category": "session"},
    {"name": "stat", "category": "analytics", "max_age": "1h"},
    {"name": "count", "category": "analytics"},
    {"name": "forever", "category": "analytics", "max_age": "2y"},
    {"name": "theme", "category": "preferences"},
    {"name": "remember", "category": "login"},
]
POLICY = parse_policy({"version": "1", "cookies": RULES}, source="test")
OWN = ConsentCookie(["k" * 32], CookieOptions())
LONG = "x" * 1025
MONTHS_13 = 13 * 2_629_800


def gate(*granted: str, policy: Policy = POLICY) -> CookieGate:
    return CookieGate(Classifier(policy), Consent(policy=policy, granted=frozenset({"session", *granted})), OWN)


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        (" stat = 1 ", None),  # white space around the name does not count
        ("\tstat\t=1", None),
        ("stat\xa0=1", None),  # another name to browsers, but servers strip it
        ("stat\x0b=1", None),  # a control character: browsers ignore the cookie
        ("sid=1\x00", None),
        ("sid=1; Path=/\x07", None),
        ("=stat=1", None),  # without a name; sent back as "stat=1", which a server reads as the cookie stat
        ("stat", None),  # without a name; sent back as "stat"
        ("=stat", None),
        ("stat=", None),
        ('stat="a;b"', None),  # quotes do not protect a semicolon
        ("=", None),  # neither name nor value
        ("", None),
        (";Path=/", None),
        ("STAT=1", "STAT=1"),  # names have case
        ("sid=" + "x" * 4093, "sid=" + "x" * 4093),  # 4,096 bytes of name and value
        ("sid=" + "x" * 4094, None),
        ("sid=a, stat=1", None),  # folded: whoever splits it would set stat
        ("sid=a; Path=/,stat=1; Path=/", None),
        ("sid=a; Expires=Wed, 01 Jan 2031 00:00:00 GMT, stat=1", None),
        ("sid=a, b=c", "sid=a, b=c"),  # a comma in a value
        ("sid=a,cookie_consent=forged", None),
        ("__Secure-x=1", None),  # browsers refuse it without Secure
        ("__secure-x=1; secure", "__secure-x=1; secure"),  # prefixes have no case
        ("__Host-x=1; Secure; Path=/", "__Host-x=1; Secure; Path=/"),
        ("__HOST-x=1; Secure", None),
        ("__Host-x=1; Secure; Path=/; Domain=a.example", None),
        ("__Host-x=1; Secure; Path=/a; Path=/", "__Host-x=1; Secure; Path=/a; Path=/"),  # the last counts
        ("__Http-x=1; Secure", None),
        ("__Http-x=1; Secure; HttpOnly", "__Http-x=1; Secure; HttpOnly"),
        ("__Host-Http-x=1; Secure; HttpOnly", None),
        ("__Host-Http-x=1; Secure; HttpOnly; Path=/", "__Host-Http-x=1; Secure; HttpOnly; Path=/"),
        ("=__Host-x=1; Secure; Path=/", None),  # a nameless cookie that would pose as one with a prefix
        ("__host-cookie_consent=1; Secure; Path=/", None),  # ours
        ("=cookie_consent=1", None),
        (" cookie_consent=1", None),
        ("sid=1; Partitioned; Secure; Max-Age=9", "sid=1; Partitioned; Secure"),  # what is not the lifetime stays
        ("sid=1; max-age = 9 ;SameSite=None", "sid=1;SameSite=None"),
        ("sid=1; Max-Age\xa0=9", "sid=1"),  # some might take it for one
        (f"sid=1; Path=/{LONG}; Max-Age=9", f"sid=1; Path=/{LONG}"),
        ("theme=; Max-Age=0", "theme=; Max-Age=0"),  # deleting is always allowed
        (
            "theme=1; Max-Age=-5; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
            "theme=1; Max-Age=-5; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
        ),
        ("theme=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", None),  # Max-Age counts: it sets
        ("theme=1; Max-Age=0; Max-Age=60", None),  # the last counts
        ("theme=; Max-Age=0; Max-Age=x", "theme=; Max-Age=0; Max-Age=x"),  # what is no number does not
        ("theme=1; Max-Age=-", None),
        (f"theme=1; Max-Age=0{LONG.replace('x', '0')}", None),  # longer than an attribute may be: ignored
    ],
)
def test_before_consent(header: str, sent: str | None) -> None:
    assert gate().response(header) == sent


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        ("count=1; Max-Age=34186000", "count=1; Max-Age=34186000"),
        ("count=1; Max-Age=63072000", f"count=1; Max-Age={MONTHS_13}"),  # the category's cap
        ("forever=1; Max-Age=63072000", f"forever=1; Max-Age={MONTHS_13}"),  # the lower of both
        ("stat=1; Max-Age=7200", "stat=1; Max-Age=3600"),
        ("stat=1; Max-Age=" + "9" * 900, "stat=1; Max-Age=3600"),
        ("stat=1; Expires=Fri, 31-Dec-99 23:59:59 GMT", "stat=1; Expires=Fri, 31-Dec-99 23:59:59 GMT"),  # 1999: deletes
        ("stat=1; Expires=31 dec 2099 23:59:59", "stat=1; Max-Age=3600"),
        ("stat=1; Expires=31 Feb 2099 23:59:59", "stat=1"),  # no date: browsers ignore it, and so it goes
        ("stat=1; Max-Age=60; Max-Age=+9999999", "stat=1; Max-Age=60"),  # only some browsers read the second
        (
            "stat=1; Max-Age=60; Expires=Wed, 01 Jan 2121 00:00:00 GMT",
            "stat=1; Max-Age=60; Expires=Wed, 01 Jan 2121 00:00:00 GMT",
        ),
        ("theme=1; Max-Age=63072000", "theme=1; Max-Age=63072000"),  # no cap is declared
    ],
)
def test_lifetimes_with_consent(header: str, sent: str) -> None:
    assert gate("analytics", "preferences").response(header) == sent


def test_a_date_of_a_moment_ago_ends_on_every_clock() -> None:
    moment = format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)
    assert gate().response(f"theme=1; Expires={moment}; Path=/") == "theme=1; Path=/; Max-Age=0"


def test_the_policy_changes_the_category_s_cap() -> None:
    document = {"version": "1", "cookies": RULES, "categories": {"analytics": {"max_age": "30d"}}}
    capped = gate("analytics", policy=parse_policy(document, source="test"))
    assert capped.response("count=1; Max-Age=34186000") == f"count=1; Max-Age={30 * 86_400}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", (1970, 1, 1)),
        ("Thu, 01-Jan-70 00:00:00 GMT", (1970, 1, 1)),
        ("Thu Jan  1 00:00:00 2069", (2069, 1, 1)),
        ("1 January 69 0:0:0", (2069, 1, 1)),
        ("00:00:00 1 jan 2031 PST", (2031, 1, 1)),  # zones are not read
        ("Mon, 01 Jan 2031 00:00:00 +0100", (2031, 1, 1)),
        ("1 jan 2031 00:00:00x", (2031, 1, 1)),
        ("1 jan 1600 00:00:00", None),
        ("32 jan 2031 00:00:00", None),
        ("29 feb 2031 00:00:00", None),
        ("1 jan 2031 24:00:00", None),
        ("1 jan 2031 00:00:60", None),
        ("1 jan 2031", None),
        ("1 jan 20311 00:00:00", None),
        ("2031-01-01T00:00:00Z", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_dates(text: str, moment: tuple[int, int, int] | None) -> None:
    assert parse_cookie_date(text) == (datetime(*moment, tzinfo=UTC) if moment is not None else None)


@pytest.mark.parametrize(
    ("header", "seen", "refused"),
    [
        ("stat", "", ["=stat"]),  # servers may take it for a name
        ("=stat=1; sid=2", "sid=2", ["=stat"]),
        ("stat\xa0=1", "", ["stat\xa0"]),
        ("\t stat =1;sid=2", "sid=2", ["stat"]),
        ("__host-cookie_consent=x; cookie_consent = y;cookie_consent", "", []),
        ('sid="a; stat=1"', 'sid="a', ["stat"]),
    ],
)
def test_request_cookies(header: str, seen: str, refused: list[str]) -> None:
    cookies = gate()
    assert cookies.request(header) == seen
    assert cookies.refused == refused


def test_several_request_headers_count_together() -> None:
    cookies = gate()
    assert cookies.request("sid=1") == "sid=1"
    assert cookies.request("; ".join(["sid=1"] * 1000)).count("sid") == MAXIMUM_COOKIES - 1
    assert cookies.request("sid=2") == ""


class Broken(Classifier):
    def cookie(self, name: str) -> Any:
        raise RuntimeError(name)


def test_what_fails_drops_the_cookie_and_nothing_else() -> None:
    cookies = CookieGate(Broken(POLICY), Consent(policy=POLICY, granted=frozenset({"session"})), OWN)
    assert cookies.request("sid=1") == ""
    headers = [(b"a", b"b"), (b"Set-Cookie", b"sid=1"), (b"c", b"d")]
    assert gated_cookies(headers, cookies) == [(b"a", b"b"), (b"c", b"d")]


def test_a_drop_is_told_with_its_reason_and_without_the_value() -> None:
    cookies = gate()
    for header in ("theme=hush", "sid=4111111111111111", "sid=hush\x01", "sid=hush, stat=hush", "cookie_consent=hush"):
        assert cookies.response(header) is None
    assert [(event.name, event.reason) for event in cookies.events] == [
        ("theme", "refused"),
        ("sid", "card-number"),
        ("sid", "malformed"),
        ("stat", "folded"),
        ("cookie_consent", "reserved"),
    ]
    assert "hush" not in str(cookies.events)


def _stored(header: str) -> dict[str, object]:
    """Return what a browser keeps of the header, by a second reading of the rules (RFC 6265bis, section 5.6)."""
    pair, _, rest = header.partition(";")
    name, value = pair.split("=", 1) if "=" in pair else ("", pair)
    lasts = False
    for part in rest.split(";"):
        key = part.split("=", 1)[0].strip(" \t").lower()
        lasts = lasts or key in {"max-age", "expires"}
    return {"name": name.strip(" \t"), "value": value.strip(" \t"), "lasts": lasts}


PIECES = st.sampled_from(
    [
        "stat",
        "sid",
        "=",
        ";",
        ",",
        " ",
        "\t",
        '"',
        "Max-Age",
        "Expires",
        "Path",
        "/",
        "60",
        "0",
        "-",
        "\xa0",
        "theme",
        "Wed, 01 Jan 2031 00:00:00 GMT",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_nothing_refused_is_ever_stored(header: str) -> None:
    sent = gate().response(header)
    if sent is None:
        return
    stored = _stored(sent)
    name = stored["name"] or str(stored["value"]).partition("=")[0].rstrip(" \t")
    lifetime = parse_set_cookie(sent).lifetime(datetime.now(UTC))
    assert name not in {"stat", "theme"} or (lifetime is not None and lifetime <= 0)
    assert name != "sid" or not stored["lasts"] or (lifetime is not None and lifetime <= 0)
