"""What the application may see of a request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cookie_consent.consent import Consent, ConsentCookie, ConsentReader
from cookie_consent.exchange.request import RequestFilter
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier

POLICY = Policy.model_validate(
    {
        "version": "1",
        "services": [{"id": "counter", "name": "Counter", "category": "analytics", "cookies": [{"name": "visits"}]}],
        "unknown_cookies": "session",
    }
)
COOKIE = ConsentCookie(["x" * 40], POLICY.cookie)
AGREED = COOKIE.value(
    Consent(
        policy=POLICY,
        granted=frozenset({"session", "analytics"}),
        decided=True,
        id="0190163d-8694-739b-aea5-966c26f8ad91",
        record="0190163d-8694-739b-aea5-966c26f8ad92",
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
)


@pytest.fixture
def request_filter() -> RequestFilter:
    return RequestFilter(ConsentReader(POLICY, COOKIE), Classifier(POLICY), COOKIE)


def filtered(
    request_filter: RequestFilter, *headers: tuple[str, str], scheme: str = "http"
) -> tuple[Consent, list[tuple[str, str]] | None]:
    scope: dict[str, Any] = {"scheme": scheme, "headers": [(name.encode(), value.encode()) for name, value in headers]}
    consent, shown = request_filter.filter(scope, dict(scope["headers"]))
    return consent, shown if shown is None else [(name.decode(), value.decode()) for name, value in shown]


def test_the_consent_cookie_is_the_gates_own(request_filter: RequestFilter) -> None:
    for _ in range(2):  # the second time from what was kept
        consent, shown = filtered(
            request_filter, ("host", "a"), ("cookie", f"sessionid=1; cookie_consent={AGREED}; visits=2")
        )
        assert consent.allows("analytics")
        assert shown == [("host", "a"), ("cookie", "sessionid=1; visits=2")]
    assert filtered(request_filter, ("cookie", f"cookie_consent={AGREED}"))[1] == []


def test_what_is_kept_of_one_request_does_not_speak_for_another(request_filter: RequestFilter) -> None:
    cookie = ("cookie", f"cookie_consent={AGREED}")
    assert filtered(request_filter, cookie)[0].decided
    assert not filtered(request_filter, cookie, scheme="https")[0].decided  # where the name has a prefix
    assert filtered(request_filter, cookie, ("sec-gpc", "1"))[0].gpc
    assert not filtered(request_filter, cookie)[0].gpc
    assert not filtered(request_filter, ("cookie", "sessionid=1"))[0].decided
    assert not filtered(request_filter, ("sec-gpc", "0"))[0].gpc


@pytest.mark.parametrize(
    "headers",
    [
        [("cookie", "visits=2")],  # refused, so that the answer has to delete it
        [("cookie", "sessionid=1"), ("cookie", "visits=2")],  # several headers, as in HTTP/2
        [("cookie", "sessionid=" + "1" * 3000)],
        [("if-none-match", '"a"')],
        [("range", "bytes=0-9"), ("sec-fetch-dest", "video")],
        [("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT"), ("accept", "text/html,*/*")],
    ],
)
def test_what_the_answer_depends_on_is_left_to_the_exchange(
    request_filter: RequestFilter, headers: list[tuple[str, str]]
) -> None:
    for _ in range(2):
        assert filtered(request_filter, *headers)[1] is None


def test_the_conditions_of_a_program_pass(request_filter: RequestFilter) -> None:
    headers = [("range", "bytes=0-9"), ("accept", "*/*")]
    assert filtered(request_filter, *headers)[1] == headers


@pytest.mark.parametrize(
    ("codings", "shown"),
    [("gzip, deflate", "gzip, deflate"), ("gzip, x-made-up", "gzip"), ("x-made-up;q=1", "identity")],
)
@pytest.mark.parametrize("asks", [("sec-fetch-dest", "empty"), ("accept", "text/html")])
def test_only_codings_that_can_be_read_are_asked_for(
    request_filter: RequestFilter, codings: str, shown: str, asks: tuple[str, str]
) -> None:
    assert filtered(request_filter, asks, ("accept-encoding", codings))[1] == [asks, ("accept-encoding", shown)]
    other = [("sec-fetch-dest", "image"), ("accept-encoding", codings)]
    assert filtered(request_filter, *other)[1] == other


def test_what_is_kept_for_a_frame_does_not_speak_for_a_page_of_its_own(request_filter: RequestFilter) -> None:
    for destination, allowed in [(b"iframe", True), (b"document", False), (b"iframe", True), (b"empty", True)]:
        headers = [(b"cookie", f"cookie_consent_framed={AGREED}".encode()), (b"sec-fetch-dest", destination)]
        scope = {"type": "http", "scheme": "http", "headers": headers}
        assert request_filter.filter(scope, dict(headers))[0].allows("analytics") is allowed
