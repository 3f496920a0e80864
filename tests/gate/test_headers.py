from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent import Consent
from cookie_consent.gate import ADDRESS_HEADERS, TagGate
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier

DECLARED = Policy.model_validate({"version": "1", "first_party": ["cdn.example"]})


def gated(name: str, value: str) -> str | None:
    gate = TagGate(Classifier(DECLARED), Consent(policy=DECLARED, granted=frozenset({"session"})), "page.example")
    return ADDRESS_HEADERS[name](value, gate.hold_address)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("</a.css>; rel=preload", "</a.css>; rel=preload"),
        ("<https://x.test/a>; rel=preload; as=script", None),
        ('</a>; title="x, <y>", <//x.test/b>; rel=preconnect, </c>', '</a>; title="x, <y>", </c>'),
        ("garbage", None),
        ("</a>, garbage <https://x.test/>", None),
        ('</a>; rel=preload; as=image; imagesrcset="/b 1x, https://x.test/c 2x"', None),
        ("<>; rel=preload; as=image; ImageSrcset=https://x.test/c", None),
        (
            '</a>; rel=preload; as=image; imagesrcset="/b 1x, /c 2x"',
            '</a>; rel=preload; as=image; imagesrcset="/b 1x, /c 2x"',
        ),
        # what names another page, and makes no browser fetch it
        ("<https://x.test/a>; rel=canonical", "<https://x.test/a>; rel=canonical"),
        ('<https://x.test/>; rel="https://api.w.org/"', '<https://x.test/>; rel="https://api.w.org/"'),
        (
            '<https://x.test/?p=1>; rel="Shortlink  prev"; title="a"',
            '<https://x.test/?p=1>; rel="Shortlink  prev"; title="a"',
        ),
        ("<https://x.test/de>; rel=alternate; hreflang=de", "<https://x.test/de>; rel=alternate; hreflang=de"),
        # what may not be that in every browser
        ('<https://x.test/a>; rel="canonical preconnect"', None),
        ('<https://x.test/a>; rel="alternate stylesheet"', None),
        ("<https://x.test/a>; rel=canonical; rel=preconnect", None),
        ("<https://x.test/a>; rel=preconnect; REL=canonical", None),
        ('<https://x.test/a>; title="; rel=canonical"; rel=preconnect', None),
        ("<https://x.test/a>; title='; rel=canonical'; rel=preconnect", None),
        ('<https://x.test/a>; rel="pre\\connect"', None),
        ("<https://x.test/a>; rel*=utf-8''preconnect; rel=canonical", None),
        ("<https://x.test/a>; rel", None),
        ('<https://x.test/a>; rel=""', None),
        ("<https://x.test/a>; rel=next", None),
        ("<https://x.test/a> rel=canonical", None),
        ("<https://x.test/a>", None),
    ],
)
def test_link(value: str, kept: str | None) -> None:
    assert gated("link", value) == kept


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("5", True),
        ("0; url=/next", True),
        ("0;URL='https://x.test/'", False),
        ("0, //x.test", False),
        ("1 url=//x.test", False),
    ],
)
def test_refresh(value: str, passes: bool) -> None:  # noqa: FBT001
    assert gated("refresh", value) == (value if passes else None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('a="/r", b="https://x.test/r", c="https://cdn.example/r"; p=1', 'a="/r", c="https://cdn.example/r"; p=1'),
        ('a="https://x.test/r"', None),
        ('a="https://x.test/r', None),
        ("a=1", None),
        (r'a="//x.test/\"b"', None),
    ],
)
def test_reporting_endpoints(value: str, kept: str | None) -> None:
    assert gated("reporting-endpoints", value) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('{"max_age": 9, "endpoints": [{"url": "/r"}]}', '{"max_age": 9, "endpoints": [{"url": "/r"}]}'),
        (
            '{"group":"a","max_age":9,"endpoints":[{"url":"https://x.test"},{"url":"/r"}]}, {"max_age":0}',
            '{"group": "a", "max_age": 9, "endpoints": [{"url": "/r"}]}, {"max_age": 0}',
        ),
        (  # a browser remembers the group, until it is told to forget it
            '{"group":"a","max_age":9,"endpoints":[{"url":"https://x.test"}]}',
            '{"group": "a", "max_age": 0, "endpoints": []}',
        ),
        ("{", None),
        ("[[[", None),
        ("1, null", None),
        ('{"endpoints": [1, {"url": 2}]}', '{"endpoints": [{"url": 2}]}'),
    ],
)
def test_report_to(value: str, kept: str | None) -> None:
    assert gated("report-to", value) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("default-src 'self'; report-uri /r", "default-src 'self'; report-uri /r"),
        ("img-src https://x.test", "img-src https://x.test"),
        ("img-src *;REPORT-URI https://x.test/r  /own ; a", "img-src *;REPORT-URI /own; a"),
        ("img-src *; report-uri //x.test", "img-src *;"),
        ("img-src a, script-src b; report-uri //x.test", "img-src a, script-src b;"),
        ("report-uri https://x.test/a", None),
    ],
)
def test_policies(value: str, kept: str | None) -> None:
    for name in ("content-security-policy", "content-security-policy-report-only"):
        assert gated(name, value) == kept


@given(st.sampled_from(sorted(ADDRESS_HEADERS)), st.text(st.characters(codec="latin-1")))
def test_no_value_raises(name: str, value: str) -> None:
    kept = gated(name, value)
    assert kept is None or isinstance(kept, str)
