from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from cookie_consent.consent import Consent, ConsentCookie, decide
from cookie_consent.errors import ChoiceError
from cookie_consent.policy import CookieOptions, Policy

if TYPE_CHECKING:
    from datetime import tzinfo

POLICY = Policy(version="2026-11-01")
OPTIONAL = sorted(category.id for category in POLICY.optional)
SUBJECT, RECORD = "9ed924a6-66ed-437c-a29e-31b6f92d3e68", "01a20ccc-3efc-7000-b879-51b1c54e9fa0"
OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32


def cookie(*keys: str, **options: object) -> ConsentCookie:
    return ConsentCookie(keys or [NEW], CookieOptions.model_validate(options))


def consent(granted: frozenset[str] = frozenset(OPTIONAL), **more: object) -> Consent:
    values = {"granted": granted | {"session"}, "decided": True, "id": SUBJECT, "record": RECORD}
    return Consent(policy=POLICY, decided_at=datetime(2026, 11, 24, 12, tzinfo=UTC), **{**values, **more})  # type: ignore[arg-type]


@given(
    st.frozensets(st.sampled_from(OPTIONAL)),
    st.dictionaries(st.sampled_from(["youtube", "google-analytics", "a-b"]), st.booleans()),
    st.booleans(),
)
def test_what_is_written_is_read(granted: frozenset[str], services: dict[str, bool], gpc: bool) -> None:  # noqa: FBT001
    written = consent(granted, services=services, gpc=gpc)
    stored = cookie().read(cookie().value(written))
    if written.is_refusal:  # see test_refusal.py
        written = replace(written, id=None, record=None, decided_at=datetime(2026, 11, 24, tzinfo=UTC))
    assert decide(POLICY, stored, gpc=gpc) == written


def test_every_category_decided_fits_in_400_bytes() -> None:
    header = cookie().header(consent(), secure=True)
    assert len(header.partition(";")[0]) < 400
    assert len(header) < 400


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_any_text_reads_as_undecided(value: str) -> None:
    assert cookie().read(value) is None


@given(st.data())
def test_a_changed_or_cut_value_reads_as_undecided(data: st.DataObject) -> None:
    value = cookie().value(consent())
    at = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_."))
    changed = value[:at] + letter + value[at + 1 :]
    # The last letter of base64 has bits that do not count; a value that only differs there is the same value.
    if changed != value and at != len(value) - 1:
        assert cookie().read(changed) is None
    assert cookie().read(value[:at]) is None


def test_keys_rotate() -> None:
    value = cookie(OLD).value(consent())
    assert cookie(NEW, OLD).read(value) is not None
    assert cookie(NEW).read(value) is None
    assert cookie(OTHER, NEW).read(cookie(NEW, OLD).value(consent())) is not None


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        "text",
        [2, "a", "b", 0, "1", "", 0],  # another format
        [1, "a", "b", 0, "1", "", 0],  # ids that are none
        [1, "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA", 10**20, "1", "", 0],  # no time
        [1, "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA", 0, "1", 5, 0],
        [1, 1, 1, 1, 1, 1, 1],
        [1],
    ],
)
def test_signed_nonsense_reads_as_undecided(payload: object) -> None:
    serializer = cookie()._serializer
    assert isinstance(serializer, URLSafeSerializer)
    assert cookie().read(str(serializer.dumps(payload))) is None


def test_an_oversized_value_is_not_looked_at() -> None:
    with pytest.raises(ChoiceError, match="too many services"):
        cookie().value(consent(services={uuid4().hex: True for _ in range(200)}))
    assert cookie().read(cookie()._serializer.dumps([1, *(uuid4().hex for _ in range(200))])) is None


def test_another_policy_version_asks_again_and_keeps_the_id() -> None:
    written = consent()
    stored = cookie().read(cookie().value(written))
    later = decide(Policy(version="2027"), stored)
    assert not later.decided
    assert later.granted == {"session"}
    assert (later.id, later.record) == (written.id, written.record)


@pytest.mark.parametrize(
    ("options", "secure", "name", "has_secure"),
    [
        ({}, True, "__Host-cookie_consent", True),
        ({}, False, "cookie_consent", False),
        ({"https_only": True}, False, "__Host-cookie_consent", True),
        ({"domain": "shop.example"}, True, "__Secure-cookie_consent", True),
        ({"domain": "shop.example", "name": "choice"}, False, "choice", False),
    ],
)
def test_attributes(options: dict[str, object], secure: bool, name: str, has_secure: bool) -> None:  # noqa: FBT001
    parts = cookie(**options).header(consent(), secure=secure).split("; ")
    assert parts[0].partition("=")[0] == name
    assert ("Secure" in parts) is has_secure
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert ("Domain=shop.example" in parts) is ("domain" in options)


@pytest.mark.parametrize(
    ("chosen", "max_age", "end"),
    [
        ("2026-08-31", "6mo", "2027-02-28"),
        ("2027-08-31", "6mo", "2028-02-29"),
        ("2026-11-24", "6mo", "2027-05-24"),
        ("2026-08-31", "180d", "2027-02-27"),
    ],
)
@pytest.mark.parametrize("days", [0, 10, 400])
def test_a_choice_lasts_from_its_date(
    monkeypatch: pytest.MonkeyPatch, chosen: str, max_age: str, end: str, days: int
) -> None:
    start, last = (datetime.fromisoformat(f"{day}T12:00:00Z") for day in (chosen, end))
    now = start + timedelta(days=days)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now.astimezone(tz)

    monkeypatch.setattr("cookie_consent.consent.cookie.datetime", Clock)
    writer = cookie(max_age=max_age)
    left = max(0, int((last - now).total_seconds()))
    for made in (consent(frozenset()), consent(frozenset({"analytics"}))):  # a refusal lasts as long
        assert f"Max-Age={left};" in writer.header(made, secure=True, since=start)
        if not days:  # the choice has just been made
            assert f"Max-Age={left};" in writer.header(made, secure=True)
            assert f"Max-Age={left};" in writer.framed_header(made, secure=True)
