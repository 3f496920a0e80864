from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.endpoints.reports import parse_report
from cookie_consent.endpoints.reports.clean import clean_name, clean_path
from cookie_consent.errors import ReportError

CSP = "application/csp-report"
API = "application/reports+json"
JSON = "application/json"


def csp(**changed: Any) -> dict[str, Any]:
    report = {
        "document-uri": "https://shop.example/a/b?secret=1#x",
        "blocked-uri": "https://Tracker.Example:8443/pixel?id=7",
        "effective-directive": "img-src",
    }
    return {"csp-report": {**report, **{key.replace("_", "-"): value for key, value in changed.items()}}}


def api(**changed: Any) -> dict[str, Any]:
    body = {
        "documentURL": "https://shop.example/a/b?secret=1",
        "blockedURL": "https://tracker.example/pixel",
        "effectiveDirective": "script-src-elem",
    }
    return {"type": "csp-violation", "url": "https://shop.example/", "user_agent": "x", "body": {**body, **changed}}


def read(document: Any, kind: str) -> list[tuple[str, str, str, str]]:
    found = parse_report(json.dumps(document).encode(), kind, "shop.example")
    return [(entry.kind, entry.name, entry.directive, entry.page_path) for entry in found]


@pytest.mark.parametrize(
    ("document", "kind", "found"),
    [
        (csp(), CSP, [("host", "tracker.example", "img-src", "/a/b")]),
        (csp(), JSON, [("host", "tracker.example", "img-src", "/a/b")]),  # as Safari names it
        (
            csp(effective_directive="", violated_directive="img-src 'self'"),
            CSP,
            [("host", "tracker.example", "img-src", "/a/b")],
        ),
        (csp(effective_directive="<b>"), CSP, [("host", "tracker.example", "other", "/a/b")]),
        (csp(document_uri="https://other.example/"), CSP, []),  # another site's page
        (csp(document_uri="about:srcdoc"), CSP, []),
        (csp(document_uri="http://[::1"), CSP, []),  # no URL
        (csp(document_uri=7), CSP, []),
        (csp(blocked_uri="inline"), CSP, []),
        (csp(blocked_uri="eval"), CSP, []),
        (csp(blocked_uri="data"), CSP, []),
        (csp(blocked_uri="chrome-extension://abc/x.js"), CSP, []),
        (csp(source_file="moz-extension://abc/x.js"), CSP, []),  # an extension of the browser caused it
        (csp(blocked_uri="https://shop.example/x"), CSP, []),  # the site itself
        (csp(blocked_uri="wss://live.example/s"), CSP, [("host", "live.example", "img-src", "/a/b")]),
        ([api(), api(blockedURL="inline")], API, [("host", "tracker.example", "script-src-elem", "/a/b")]),
        ([{"type": "deprecation", "body": {}}, {"type": "csp-violation"}], API, []),
        ([api()] * 5000, API, [("host", "tracker.example", "script-src-elem", "/a/b")] * 100),  # bounded
        ({"path": "/a", "held": [{"kind": "cookie", "name": "_x"}]}, JSON, [("cookie", "_x", "script", "/a")]),
        (
            {"path": "/a", "held": [{"kind": "script-error", "name": "Code.Jquery.test."}]},
            JSON,
            [("host", "code.jquery.test", "script-error", "/a")],
        ),
        ({"path": "/a", "held": [{"kind": "script-error", "name": "shop.example"}]}, JSON, []),  # the page's own host
        ({"path": "/a", "held": []}, "Application/JSON; charset=utf-8", []),
    ],
)
def test_reports(document: Any, kind: str, found: list[tuple[str, str, str, str]]) -> None:
    assert read(document, kind) == found


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", CSP, 400),
        (b"[" * 100_000, CSP, 400),  # deeper than any report
        (b"9" * 10_000, CSP, 400),
        (b"\xff\xfe", CSP, 400),
        (b"null", CSP, 400),
        (b"{}", CSP, 400),
        (b'{"csp-report": []}', CSP, 400),
        (b"{}", API, 400),
        (b"[1]", API, 400),
        (b"{}", JSON, 400),
        (b'{"path": "a", "held": []}', JSON, 400),
        (b'{"path": "/a", "held": [{"kind": "call", "name": "x"}]}', JSON, 400),
        (b'{"path": "/a", "held": [{"kind": [], "name": "x"}]}', JSON, 400),
        (b'{"path": "/a", "held": [{"kind": "cookie", "name": ""}]}', JSON, 400),
        (b"{}", "text/plain", 415),  # what another site could post without asking
        (b"{}", "", 415),
    ],
)
def test_junk_is_refused(body: bytes, kind: str, status: int) -> None:
    with pytest.raises(ReportError) as caught:
        parse_report(body, kind, "shop.example")
    assert caught.value.status == status


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_is_read_or_refused(document: Any) -> None:
    for kind in (CSP, API, JSON):
        found = []
        with suppress(ReportError):
            found = parse_report(json.dumps(document).encode(), kind, "shop.example")
        assert len(found) <= 100


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/", "/"),
        ("/a/b?c=1#d", "/a/b"),
        ("/users/anna@mail.example/x", "/users/*/x"),
        ("/users/anna%40mail.example", "/users/*"),
        ("/orders/123456", "/orders/*"),
        ("/blog/2026/11", "/blog/2026/11"),
        ("/t/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "/t/*"),
        ("/reset/eyJhbGciOiJIUzI1NiJ9abcXYZ", "/reset/*"),
        ("/a/b/c/d/e/f/g", "/a/b/c/d/e/…"),
        ("/a;jsessionid=1/b", "/a"),
        ("/a%2fb", "/*"),  # a slash inside a segment
        ("/a\x00\u202eb", "/a\ufffd\ufffdb"),
    ],
)
def test_paths_carry_no_ids(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("_ga", "_ga"),
        ("_hjSessionUser_1234567", "_hjSessionUser_*"),
        ("a-123456-b-123456-c-123456", "a-*-b-*"),
        ("anna@mail.example", "*"),
        ("mp_0123456789abcdef0123456789abcdef_mixpanel", "mp_*_mixpanel"),
        ("x" * 500, "x" * 64),
        ("a\nb", "a\ufffdb"),
    ],
)
def test_names_carry_no_ids(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


@given(st.text(max_size=300))
def test_cleaning_is_bounded_and_stable(text: str) -> None:
    name, path = clean_name(text), clean_path("/" + text)
    assert len(name) <= 64
    assert len(path) <= 120
    assert (name + path).isprintable()
    assert name.count("*") <= 2
    assert "?" not in path
