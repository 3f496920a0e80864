from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.gate import CookieGate, CookieUrl
from cookie_consent.gate.cookies.card_numbers import has_card_number
from cookie_consent.gate.cookies.deletion import MAXIMUM_BYTES, MAXIMUM_HEADERS, deletions
from cookie_consent.policy import CookieOptions, CookieRule, Policy
from cookie_consent.policy.classifier import Classifier

RULES = (
    CookieRule(name="sid", category="session"),
    CookieRule(name="remember", category="login", max_age=86_400),
    CookieRule(name="theme", category="preferences", path="/app"),
    CookieRule(name="stat_*", category="analytics", max_age=3600),
)
OWN = ConsentCookie(["k" * 32], CookieOptions())


def gate(*granted: str, unknown: str = "session") -> CookieGate:
    policy = Policy.model_validate({"version": "1", "cookies": RULES, "unknown_cookies": unknown})
    return CookieGate(Classifier(policy), Consent(policy=policy, granted=frozenset(granted) | {"session"}), OWN)


@pytest.mark.parametrize(
    ("granted", "header", "sent"),
    [
        ([], "sid=1; Path=/; Max-Age=60", "sid=1; Path=/"),  # a session cookie is always one
        ([], "sid=1; EXPIRES=Wed, 01 Jan 2031 00:00:00 GMT; HttpOnly", "sid=1; HttpOnly"),
        ([], "sid=; Max-Age=0; Path=/", "sid=; Max-Age=0; Path=/"),  # deleting is always allowed
        ([], "stat_1=1; Max-Age=60", None),
        ([], "stat_1=; Max-Age=0", "stat_1=; Max-Age=0"),
        ([], "stat_1=; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "stat_1=; Expires=Thu, 01-Jan-1970 00:00:00 GMT"),
        (["analytics"], "stat_1=1; Max-Age=60", "stat_1=1; Max-Age=60"),
        (["analytics"], "stat_1=1; Max-Age=9999; Path=/", "stat_1=1; Path=/; Max-Age=3600"),  # capped
        (["analytics"], "stat_1=1; Expires=Wed, 01 Jan 2121 00:00:00 GMT", "stat_1=1; Max-Age=3600"),
        (["analytics"], "stat_1=1; Expires=soon", "stat_1=1"),  # a date that nobody can read
        (["analytics"], "stat_1=1", "stat_1=1"),
        ([], "remember=1; Max-Age=60; HttpOnly", "remember=1; HttpOnly"),  # kept until the browser closes
        (["login"], "remember=1; Max-Age=60; HttpOnly", "remember=1; Max-Age=60; HttpOnly"),
        ([], "other=1; Max-Age=60", "other=1"),
        ([], "nonsense", "nonsense"),
        ([], "sid=4111111111111111", None),  # a payment-card number
        ([], "cookie_consent=forged", None),  # only this package sets its own
        ([], "__Host-cookie_consent=forged; Secure; Path=/", None),
    ],
)
def test_set_cookie(granted: list[str], header: str, sent: str | None) -> None:
    assert gate(*granted).response(header) == sent


def test_what_the_gate_asks_is_no_question_of_the_applications(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookie_consent.logs._logged", set())
    policy = Policy(version="1")
    consent = Consent(policy=policy, granted=frozenset({"session"}), offered=frozenset())
    gate_ = CookieGate(Classifier(policy), consent, OWN)
    assert gate_.response("session=1; Max-Age=60") == "session=1"  # of the registry, and lasts with *login* only
    assert not caplog.messages


@pytest.mark.parametrize(("rule", "kept"), [("session", True), ("allow", True), ("ask", False), ("block", False)])
def test_undeclared_cookies_follow_the_policy(rule: str, kept: bool) -> None:  # noqa: FBT001
    assert (gate(unknown=rule).response("other=1; Max-Age=60") is not None) is kept
    assert (gate("unclassified", unknown=rule).response("other=1") is not None) is (rule != "block")
    persists = gate("unclassified", unknown=rule).response("other=1; Max-Age=60") == "other=1; Max-Age=60"
    assert persists is (rule != "block")
    assert (gate(unknown=rule).response("other=1; Max-Age=60") == "other=1; Max-Age=60") is (rule == "allow")


@pytest.mark.parametrize(
    ("header", "seen", "refused"),
    [
        ("sid=1; other=2", "sid=1; other=2", []),
        ("sid=1;other=2", "sid=1;other=2", []),  # untouched, byte for byte
        ("sid=1; stat_a=2; theme=3", "sid=1", ["stat_a", "theme"]),
        ("stat_a=2; stat_a=3", "", ["stat_a"]),
        ("cookie_consent=x; sid=1", "sid=1", []),  # the application has the consent in its scope
        ("remember=1", "remember=1", []),
        ("", "", []),
        (";;; ;", ";;; ;", []),
        ("=x; sid", "=x; sid", []),
    ],
)
def test_request_cookies(header: str, seen: str, refused: list[str]) -> None:
    cookies = gate()
    assert cookies.request(header) == seen
    assert cookies.refused == refused


END = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def test_deletions_cover_host_parents_paths_and_partitions() -> None:
    cookies = gate()
    cookies.request("theme=1")
    assert cookies.deletions(CookieUrl(host="www.shop.example")) == [
        f"theme=; {END}; Path={path}{domain}"
        for domain in ("", "; Domain=www.shop.example", "; Domain=shop.example")
        for path in ("/", "/app")
    ]
    headers, complete = deletions([("stat_1", "/")], CookieUrl(host="127.0.0.1", path="/a/b", secure=True))
    assert complete
    paths = ["/", "/a", "/a/", "/a/b"]
    assert headers == [f"stat_1=; {END}; Path={path}; Secure" for path in paths] + [
        f"stat_1=; {END}; Path={path}; Secure; SameSite=None; Partitioned" for path in paths
    ]
    assert deletions([("__host-x", "/app")], CookieUrl(host="a.example"))[0] == [f"__host-x=; {END}; Path=/; Secure"]
    assert deletions([("__Host-Http-x", "/")], CookieUrl(host="a.example"))[0] == [
        f"__Host-Http-x=; {END}; Path=/; Secure; HttpOnly"
    ]
    assert deletions([("=x", "/")], CookieUrl(host="localhost"))[0] == [f"=x; {END}; Path=/"]


@pytest.mark.parametrize("name", ["a;b", "a\r\nX: y", "a\x00"])
def test_no_header_is_made_of_an_unsafe_name(name: str) -> None:
    assert deletions([(name, "/")], CookieUrl(host="a.example")) == ([], True)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("a.example\r\nX: y", "/"),
        ("a;b", "/"),
        ("[::1]", "/"),
        ("10.0.0.1", "/"),
        ("..", "/"),
        ("", "/"),
        ("localhost", '/a;b/"c"/d,e'),
        ("localhost", "/a b"),
        ("localhost", "/\x01"),
    ],
)
def test_a_hostile_place_leaves_the_plain_deletion(host: str, path: str) -> None:
    assert deletions([("a", "/")], CookieUrl(host=host, path=path))[0] == [f"a=; {END}; Path=/"]


def test_deletions_are_bounded_and_come_to_all_in_the_end() -> None:
    names = [(f"n{at}", "/app") for at in range(60)]
    url = CookieUrl(host="a.b.c.shop.example", path="/x/y/z", secure=True)
    seen = set()
    for _ in range(400):
        headers, complete = deletions(names, url)
        assert not complete
        assert len(headers) <= MAXIMUM_HEADERS
        assert sum(map(len, headers)) <= MAXIMUM_BYTES
        seen |= {header.partition("=")[0] for header in headers if "Path=/app" in header and "Domain" not in header}
    assert seen == {name for name, _ in names}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4111111111111111", True),
        ("4111-1111-1111-1111", True),
        ("card=5500 0000 0000 0004;", True),
        ("378282246310005", True),
        ("4111111111111112", False),  # the check digit is wrong
        ("1732440000000", False),  # an epoch time
        ("41111111111111111111111", False),  # longer than any card number
        ("GA1.1.444332211.1700000000", False),
    ],
)
def test_card_numbers(value: str, expected: bool) -> None:  # noqa: FBT001
    assert has_card_number(value) is expected


@given(st.text(max_size=300))
def test_any_header_is_survived(header: str) -> None:
    cookies = gate()
    sent = cookies.response(header)
    assert sent is None or "Max-Age=3600" not in sent
    assert isinstance(cookies.request(header), str)
