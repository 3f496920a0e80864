"""From the headers of a request to the consent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cookie_consent.consent import Consent, ConsentCookie, ConsentReader
from cookie_consent.policy import Policy

POLICY = Policy(version="1")
COOKIE = ConsentCookie(["x" * 40], POLICY.cookie)
AGREED = Consent(
    policy=POLICY,
    granted=frozenset({"session", "advertising"}),
    decided=True,
    id="0190163d-8694-739b-aea5-966c26f8ad91",
    record="0190163d-8694-739b-aea5-966c26f8ad92",
    decided_at=datetime(2026, 1, 1, tzinfo=UTC),
)
VALUE = COOKIE.value(AGREED)
NOTHING = COOKIE.value(Consent(policy=POLICY, granted=POLICY.required_ids, decided=True, decided_at=AGREED.decided_at))
FORGED = VALUE[:-1] + ("a" if VALUE[-1] != "a" else "b")


def read(*headers: tuple[str, str], secure: bool = False, reader: ConsentReader | None = None) -> Consent:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return (reader or ConsentReader(POLICY, COOKIE)).consent(raw, dict(raw), secure=secure)


@pytest.mark.parametrize(
    ("headers", "decided"),
    [
        ([], False),
        ([("cookie", f"cookie_consent={VALUE}")], True),
        ([("cookie", f"a=b; cookie_consent = {VALUE} ;c")], True),
        ([("cookie", f"cookie_consent={FORGED}; cookie_consent={VALUE}")], True),  # another host set the first
        ([("cookie", f"cookie_consent={VALUE}"), ("cookie", "a=b")], True),  # several headers, as in HTTP/2
        ([("cookie", f"cookie_consent={FORGED}")], False),
        ([("cookie", f"xcookie_consent={VALUE}")], False),
        ([("cookie", f"a=cookie_consent={VALUE}")], False),
        ([("cookie", f"__Host-cookie_consent={VALUE}")], False),  # only by https
        ([("cookie", "cookie_consent=" + "x" * 5000)], False),
        ([("x-cookie", f"cookie_consent={VALUE}")], False),
    ],
)
def test_the_cookie_is_found(headers: list[tuple[str, str]], *, decided: bool) -> None:
    assert read(*headers).decided is decided


def test_by_https_the_name_has_its_prefix() -> None:
    assert read(("cookie", f"__Host-cookie_consent={VALUE}"), secure=True).decided
    assert not read(("cookie", f"cookie_consent={VALUE}"), secure=True).decided


@pytest.mark.parametrize(
    ("cookie", "destination", "allowed", "framed"),
    [
        (f"__Host-cookie_consent_framed={VALUE}", "iframe", True, True),
        (f"__Host-cookie_consent_framed={VALUE}", "empty", True, True),
        (f"__Host-cookie_consent_framed={VALUE}", None, True, True),
        (f"__Host-cookie_consent_framed={VALUE}", "document", False, False),  # the browser knows no partitions
        (f"__Host-cookie_consent_framed={FORGED}", "iframe", False, False),
        (f"cookie_consent_framed={VALUE}", "iframe", False, False),  # set by http
        (f"__Host-cookie_consent={VALUE}; __Host-cookie_consent_framed={NOTHING}", "iframe", True, False),
        (f"__Host-cookie_consent_framed={VALUE}; __Host-cookie_consent={NOTHING}", "iframe", False, False),
        (f"__Host-cookie_consent_framed={VALUE}; __Host-cookie_consent={FORGED}", "iframe", True, True),
    ],
)
def test_a_choice_made_in_a_frame_counts_where_there_is_no_other(
    cookie: str, destination: str | None, *, allowed: bool, framed: bool
) -> None:
    headers = [("cookie", cookie), *([("sec-fetch-dest", destination)] if destination is not None else [])]
    consent = read(*headers, secure=True)
    assert (consent.allows("advertising"), consent.framed) == (allowed, framed)


def test_what_is_kept_of_one_request_does_not_speak_for_another() -> None:
    reader = ConsentReader(POLICY, COOKIE)
    cookie = ("cookie", f"cookie_consent={VALUE}")
    for _ in range(2):
        assert read(cookie, reader=reader).allows("advertising")
        assert not read(cookie, ("sec-gpc", "1"), reader=reader).allows("advertising")  # chosen without the signal
        assert not read(reader=reader).decided
        assert read(("sec-gpc", "1"), reader=reader).gpc
        assert not read(("sec-gpc", "0"), reader=reader).gpc
        assert not read(("cookie", f"cookie_consent={FORGED}"), reader=reader).decided
