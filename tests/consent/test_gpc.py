"""Whether a request carries Global Privacy Control."""

from __future__ import annotations

import pytest

from cookie_consent.consent import ConsentCookie, ConsentReader
from cookie_consent.exchange.request import RequestFilter
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier

POLICY = Policy(version="1")
COOKIE = ConsentCookie(["x" * 40], POLICY.cookie)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ([("sec-gpc", "1")], True),
        ([("sec-gpc", "0")], False),
        ([("sec-gpc", "")], False),
        ([("sec-gpc", "10")], False),
        ([("sec-gpc", "?1")], False),  # a boolean of structured fields, which the standard does not use
        ([("sec-gpc", " 1\t")], True),
        ([("sec-gpc", "1"), ("sec-gpc", "0")], True),  # one is enough, wherever it stands
        ([("sec-gpc", "0"), ("sec-gpc", "1")], True),
        ([("sec-gpc", "1"), ("sec-gpc", "")], True),
        ([("sec-gpc", "0, 1")], True),  # a proxy has joined the lines
        ([("sec-gpc", "0,0")], False),
        ([("x-sec-gpc", "1")], False),
        ([("cookie", "cookie_consent_gpc=1")], True),  # the guard's
        ([("cookie", "a=b; cookie_consent_gpc=1")], True),
        ([("cookie", "cookie_consent_gpc=0")], False),
        ([("cookie", "cookie_consent_gpc=1"), ("sec-gpc", "0")], True),
        ([("cookie", "a=b"), ("cookie", "cookie_consent_gpc=1")], True),
        ([("cookie", "xcookie_consent_gpc=1")], False),
    ],
)
def test_one_signal_is_enough(headers: list[tuple[str, str]], *, sent: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    reader = ConsentReader(POLICY, COOKIE)
    assert reader.consent(raw, dict(raw)).gpc is sent
    request_filter = RequestFilter(reader, Classifier(POLICY), COOKIE)
    for _ in range(2):  # the second time from the cache
        consent, _ = request_filter.filter({"scheme": "http", "headers": raw}, dict(raw))
        assert consent.gpc is sent


def test_the_application_does_not_see_the_guards_cookie() -> None:
    raw = [(b"cookie", b"a=b; cookie_consent_gpc=1")]
    _, shown = RequestFilter(ConsentReader(POLICY, COOKIE), Classifier(POLICY), COOKIE).filter(
        {"scheme": "http", "headers": raw}, dict(raw)
    )
    assert shown == [(b"cookie", b"a=b")]


def test_what_nobody_has_classified_counts_as_sale_or_sharing() -> None:
    assert {one.id for one in POLICY.categories if one.sale_or_sharing} == {"advertising", "social", "unclassified"}
