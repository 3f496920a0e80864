"""HAR files are read within bounds, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import Policy, parse_policy
from cookie_consent.scanner.har import parse_har
from cookie_consent.scanner.recording import recording

POLICY = Policy(version="1")


def har(*entries: Any, **log: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries, **log}}).encode()


def entry(url: str, *set_cookies: str, sent: str = "", **more: Any) -> dict[str, Any]:
    return {
        "startedDateTime": "2026-11-24T08:00:00.000Z",
        "request": {"url": url, "headers": [{"name": "cookie", "value": sent}] if sent else []},
        "response": {"headers": [{"name": "Set-Cookie", "value": line} for line in set_cookies]},
        **more,
    }


WRONG = [
    (b"", "is not JSON: Expecting value in line 1, column 1"),
    (b'{"log": {\n  "entries": [,]}}', "is not JSON: Expecting value in line 2, column 15"),
    (b'{"log": {"entries": [', "is not JSON"),  # cut off
    (b'{"log": "\xff"}', "is not UTF-8: byte 9"),
    (b"[" * 100_000, "is nested too deeply"),
    (b'{"log": ' + b"9" * 5000 + b"}", "cannot be read"),  # more digits than Python converts
    (b"[]", "no list log.entries"),
    (b'{"log": []}', "no list log.entries"),
    (b'{"log": {"entries": {}}}', "no list log.entries"),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_what_is_no_recording_is_refused_with_the_place(content: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_har(content, "a.har")
    assert str(caught.value).startswith("a.har ")
    assert words in str(caught.value)


def test_a_large_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.scanner.har.LARGEST_HAR", 10)
    with pytest.raises(ConfigurationError, match="is larger than"):
        parse_har(har(), "a.har")


def test_a_byte_order_mark_is_read_over() -> None:
    assert parse_har(b"\xef\xbb\xbf" + har(), "a.har").entries == ()


ENTRIES: list[Any] = [None, 1, [], {}, {"request": None}, {"request": {"url": 1}}, {"request": {"url": "data:,x"}}]


def test_entries_without_fields_survive() -> None:
    found = parse_har(har(*ENTRIES, {"request": {"url": "https://a.example/"}}), "a.har")
    assert [each.host for each in found.entries] == ["a.example"]
    assert found.left_out == len(ENTRIES)


def test_cookies_are_read_as_browsers_read_them() -> None:
    lines = ["a=1; Domain=.example.com; Max-Age=60", "b=2; Domain=other.example", "c=3\nd=4", "", "__Host-e=5"]
    (found,) = parse_har(har(entry("https://www.example.com/", *lines)), "a.har").entries
    assert [(cookie.name, cookie.domain, cookie.lifetime) for cookie in found.set_cookies] == [
        ("a", "example.com", 60),
        ("b", None, None),
        ("c", None, None),
        ("d", None, None),
        ("__Host-e", None, None),
    ]
    faults = {cookie.name: cookie.fault for cookie in found.set_cookies if cookie.fault}
    assert faults == {
        "b": "www.example.com may set none for other.example",
        "__Host-e": "its name has a prefix that needs Secure",
    }


def test_lifetimes_count_from_the_response() -> None:
    expires = "a=1; Expires=Tue, 24 Nov 2026 09:00:00 GMT"
    (found,) = parse_har(har(entry("https://a.example/", expires)), "a.har").entries
    assert found.set_cookies[0].lifetime == 3600


def test_cookies_stand_in_a_field_where_there_is_no_header() -> None:
    cookies = [{"name": "a", "value": "1", "domain": ".a.example", "expires": "2026-11-24T08:01:00Z"}, {"name": 1}, 2]
    (found,) = parse_har(har(entry("https://a.example/", response={"cookies": cookies})), "a.har").entries
    assert [(cookie.name, cookie.domain, cookie.lifetime) for cookie in found.set_cookies] == [("a", "a.example", 60)]


def test_the_first_page_is_the_first_that_is_named() -> None:
    entries = [entry("https://early.example/"), entry("https://shop.example/", pageref="p1")]
    assert parse_har(har(*entries, pages=[{"id": "p1"}]), "a.har").first_page == "shop.example"
    assert parse_har(har(*entries), "a.har").first_page == "early.example"
    assert parse_har(har(*entries, pages=[{"id": "none"}, 3]), "a.har").first_page == "early.example"
    assert parse_har(har(), "a.har").first_page is None


# What it shows.

TRACKER = {
    "name": "Tracker",
    "category": "advertising",
    "hosts": ["*.tracker.example"],
    "cookies": [{"name": "uid", "domain": "tracker.example"}, {"name": "t_first"}],
    "own": [{"path": "*/collect.gif", "query": ["tid"]}],
}
PAYMENT = {"name": "Payment", "category": "session", "hosts": ["pay.example"], "cookies": [{"name": "p_sid"}]}
SITE = parse_policy(
    {
        "version": "1",
        "services": {"tracker": TRACKER, "payment": PAYMENT},
        "cookies": [{"name": "shop_sid", "category": "session"}],
    },
    source="test",
)


def shown(*entries: dict[str, Any], site: str | None = None) -> dict[str, tuple[str, str | None, str, str | None]]:
    found = recording(parse_har(har(*entries), "a.har"), SITE, site)
    return {
        each.answer.name: (
            each.answer.verdict.category, each.answer.verdict.service, each.answer.verdict.basis, each.answer.party,
        )
        for each in found.all
    }  # fmt: skip


def test_it_says_what_each_belongs_to() -> None:
    found = shown(
        entry("https://www.shop.example/", "shop_sid=1", "odd=1; Domain=shop.example", "t_first=1"),
        entry("https://www.shop.example/x/collect.gif?tid=1"),
        entry("https://px.tracker.example/1", "uid=1", "novel=1", "shop_sid=1"),
        entry("https://nobody.example/", "uid=1", "shop_sid=1", "t_first=1"),
        entry("https://pay.example/", "p_sid=1", "p_novel=1"),
    )
    assert found["www.shop.example"] == ("session", None, "own-host", "first")
    assert found["www.shop.example/x/collect.gif"] == ("advertising", "tracker", "signature", "first")
    assert found["px.tracker.example"] == ("advertising", "tracker", "declared", "third")
    assert found["nobody.example"] == ("unclassified", None, "unknown", "third")
    assert found["odd"] == ("unclassified", None, "unknown", "first")


@pytest.mark.parametrize(
    ("host", "cookie", "category", "service"),
    [
        ("www.shop.example", "shop_sid", "session", None),
        ("www.shop.example", "t_first", "advertising", "tracker"),
        ("www.shop.example", "uid", "unclassified", None),  # a rule for another domain
        ("px.tracker.example", "uid", "advertising", "tracker"),
        ("px.tracker.example", "novel", "advertising", "tracker"),  # by who sets it
        ("px.tracker.example", "shop_sid", "advertising", "tracker"),  # not the site's cookie of that name
        ("px.tracker.example", "sessionid", "advertising", "tracker"),  # nor that of a framework
        ("nobody.example", "uid", "unclassified", None),
        ("nobody.example", "shop_sid", "unclassified", None),
        ("nobody.example", "sessionid", "unclassified", None),
        ("nobody.example", "t_first", "unclassified", None),
        ("pay.example", "p_sid", "session", "payment"),
        ("pay.example", "p_novel", "unclassified", "payment"),  # that it is needed says nothing of its cookies
        ("www.shop.example", "__Host-cookie_consent", "session", None),  # this package's own
        ("nobody.example", "cookie_consent", "unclassified", None),
    ],
)
@pytest.mark.parametrize("how", ["set", "sent"])
def test_a_cookie_is_judged_by_who_keeps_it(
    host: str, cookie: str, category: str, service: str | None, how: str
) -> None:
    line = f"{cookie}=1; Secure; Path=/" if how == "set" else ""
    asked = entry(f"https://{host}/", *([line] if line else []), sent="" if line else f"{cookie}=1")
    assert shown(entry("https://www.shop.example/"), asked)[cookie][:2] == (category, service)


def test_the_site_can_be_named() -> None:
    entries = [entry("https://elsewhere.example/"), entry("https://cdn.shop.example/x.js", "shop_sid=1")]
    assert shown(*entries)["shop_sid"][0] == "unclassified"
    assert shown(*entries, site="www.shop.example")["shop_sid"][0] == "session"
    assert shown(*entries, site="www.shop.example")["cdn.shop.example"][2] == "own-host"


def test_it_counts_and_puts_the_unknown_last() -> None:
    entries = [entry("https://a.shop.example/"), *([entry("https://nobody.example/")] * 5)]
    entries += [entry("https://px.tracker.example/", "uid=1; Max-Age=9", "uid=1; Max-Age=99")] * 3
    found = recording(parse_har(har(*entries), "a.har"), SITE)
    assert [(each.answer.name, each.count) for each in found.addresses] == [
        ("px.tracker.example", 3),
        ("a.shop.example", 1),
        ("nobody.example", 5),
    ]
    ((uid),) = found.cookies
    assert (uid.answer.lifetime, uid.count) == (99, 6)
    assert [(row.category, row.hosts, row.requests, row.cookies) for row in found.by_category()] == [
        ("advertising", 1, 3, 1),
        ("session", 1, 1, 0),
        ("unclassified", 1, 5, 0),
    ]
    assert not found.known


def test_what_is_deleted_is_not_set_and_what_was_set_is_not_sent() -> None:
    entries = [
        entry("https://shop.example/", "gone=1; Max-Age=0", "kept=1; Domain=shop.example"),
        entry("https://www.shop.example/", sent="kept=1; written=1"),
        entry("https://cdn.shop.example/", sent="written=1"),
    ]
    found = recording(parse_har(har(*entries), "a.har"), SITE)
    assert [each.answer.name for each in found.cookies] == ["kept"]
    assert [(each.answer.name, each.count) for each in found.sent] == [("written", 2)]


def test_bounds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.scanner.recording._MOST", 2)
    entries = [entry(f"https://h{number}.example/", f"c{number}=1") for number in range(5)]
    found = recording(parse_har(har(*entries), "a.har"), SITE)
    assert (len(found.addresses), len(found.cookies), found.more) == (2, 2, 6)
    assert not found.known


# Whatever comes.

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["https://a.example/", "a=b; Max-Age=9"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "response", "url", "headers", "cookies", "name", "value", "domain", "expires"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
URLS = st.text(max_size=20) | st.text(max_size=20).map("https://{}".format)
HEADERS = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["set-cookie", "cookie", 1]), "value": st.text()}))
SHAPED = st.fixed_dictionaries(
    {
        "request": st.fixed_dictionaries({"url": URLS, "headers": HEADERS}),
        "response": st.fixed_dictionaries({"headers": HEADERS}),
    },
    optional={"startedDateTime": st.text(max_size=30)},
)


@given(entries=st.lists(JSON | SHAPED, max_size=5), pages=JSON)
def test_no_recording_breaks_it(entries: list[Any], pages: Any) -> None:
    found = recording(parse_har(har(*entries, pages=pages), "a.har"), POLICY)
    assert found.requests + found.left_out == len(entries)
    json.dumps(found.as_dict())
