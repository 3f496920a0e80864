"""What the cookie of a refusal says, and which of several choices counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cookie_consent.consent import Consent, ConsentCookie, ConsentReader
from cookie_consent.policy import CookieOptions, Policy

POLICY = Policy(version="1")
COOKIE = ConsentCookie(["x" * 40], POLICY.cookie)
DAY = datetime(2026, 11, 24, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
SUBJECT, RECORD = "9ed924a6-66ed-437c-a29e-31b6f92d3e68", "01a20ccc-3efc-7000-b879-51b1c54e9fa0"
OTHER = "01a20ccc-3efc-7000-b879-51b1c54e9fa1"


def value(*granted: str, at: datetime = NOON, **more: Any) -> str:
    values = {"decided": True, "id": SUBJECT, "record": RECORD, "decided_at": at, **more}
    return COOKIE.value(Consent(policy=POLICY, granted=frozenset({"session", *granted}), **values))


def old_refusal(at: datetime = NOON) -> str:
    """Return a refusal as releases before wrote it: with ids, and its time to the second."""
    ids = value("analytics", at=at)  # whose ids are taken over
    payload = COOKIE._serializer.loads(ids)
    return str(COOKIE._serializer.dumps([*payload[:5], "", 0]))


def read(*values: str, name: str = "cookie_consent", secure: bool = False, policy: Policy = POLICY) -> Consent:
    cookie = ConsentCookie(["x" * 40], policy.cookie)
    raw = [(b"cookie", "; ".join(f"{name}={value}" for value in values).encode())]
    return ConsentReader(policy, cookie).consent(raw, dict(raw), secure=secure)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"id": OTHER, "record": OTHER},  # another visitor
        {"at": DAY},  # another moment of the day
        {"gpc": True},  # nothing is left that a signal could refuse
        {"id": None, "record": None},
    ],
)
def test_all_who_refuse_on_one_day_have_the_same_cookie(more: dict[str, Any]) -> None:
    assert value(**more) == value()
    read_back = read(value(**more))
    assert read_back.decided
    assert (read_back.id, read_back.record, read_back.decided_at) == (None, None, DAY)
    assert read_back.granted == {"session"}


def test_refused_services_stay_refused() -> None:
    assert read(value(services={"youtube": False})).services == {"youtube": False}


@pytest.mark.parametrize(("granted", "more"), [([], {"services": {"youtube": True}}), (["login"], {})])
def test_whoever_grants_anything_can_prove_it(granted: list[str], more: dict[str, Any]) -> None:
    stored = COOKIE.read(value(*granted, **more))
    assert stored is not None
    assert (stored.subject, stored.record, stored.decided_at) == (SUBJECT, RECORD, NOON)
    with pytest.raises(ValueError, match="needs its record"):
        value(*granted, **more, record=None)


def test_a_refusal_of_an_older_release_is_read() -> None:
    read_back = read(old_refusal())
    assert read_back.decided
    assert read_back.is_refusal
    assert (read_back.id, read_back.record) == (SUBJECT, RECORD)


GRANT, LATER = value("advertising"), value("analytics", at=NOON + timedelta(seconds=1))
REFUSAL, NEXT_DAY = value(), value(at=NOON + timedelta(days=1))


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([GRANT, LATER], LATER),
        ([GRANT, GRANT], GRANT),
        ([GRANT, REFUSAL], REFUSAL),  # of the same day: nobody knows which was later
        ([LATER, GRANT, REFUSAL], REFUSAL),
        ([GRANT, NEXT_DAY], NEXT_DAY),
        ([value("advertising", at=DAY + timedelta(days=1, hours=1)), REFUSAL], None),  # the grant is a day later
        ([GRANT, old_refusal()], old_refusal()),  # in the same second
        ([LATER, old_refusal()], LATER),
        ([GRANT, value("advertising", "social")], GRANT),  # a tie: what grants less
        ([GRANT, value("advertising", gpc=True)], value("advertising", gpc=True)),
        ([GRANT[:-1] + "_", REFUSAL + "x", LATER], LATER),  # forged ones are none
    ],
)
def test_the_latest_choice_counts(values: list[str], counts: str | None) -> None:
    wanted = read(counts or values[0])
    for order in (values, values[::-1]):
        found = read(*order)
        assert found == wanted
        assert found.made_with_gpc == wanted.made_with_gpc


def test_several_headers_are_one_list() -> None:
    raw = [(b"cookie", f"cookie_consent={text}".encode()) for text in (GRANT, LATER)]
    assert ConsentReader(POLICY, COOKIE).consent(raw, dict(raw)).granted == {"session", "analytics"}


def test_no_more_cookies_are_verified_than_a_browser_could_have() -> None:
    assert not read(*(f"{number}" for number in range(100)), GRANT).decided
    assert read(*(f"{number}" for number in range(10)), GRANT).decided


@pytest.mark.parametrize(
    ("name", "domain", "secure", "counts"),
    [
        ("__Host-cookie_consent", "shop.example", True, True),  # the site shares its choice with subdomains now
        ("__Secure-cookie_consent", "shop.example", True, True),
        ("__Secure-cookie_consent", None, True, False),  # a neighbour could have set it
        ("cookie_consent", "shop.example", True, False),
        ("__Host-cookie_consent", "shop.example", False, False),
    ],
)
def test_names_that_are_read(name: str, domain: str | None, *, secure: bool, counts: bool) -> None:
    policy = Policy(version="1", cookie=CookieOptions(domain=domain))
    assert read(GRANT, name=name, secure=secure, policy=policy).decided is counts


@pytest.mark.parametrize(
    "payload",
    [
        [2],
        [2, "1", "1"],
        [2, 20_000, 1],
        [2, True, "1"],
        [2, 20_000, "1", 5],
        [2, 20_000, "1", "", ""],
        [2, 10**12, "1"],
        [3, 20_000, "1"],
    ],
)
def test_a_signed_refusal_that_is_none_reads_as_undecided(payload: list[Any]) -> None:
    assert COOKIE.read(str(COOKIE._serializer.dumps(payload))) is None


# -- answers in part ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("services", [{"youtube": True}, {"youtube": False}, {}])
def test_an_answer_in_part_comes_back_as_one(services: dict[str, bool]) -> None:
    read_back = read(value(decided=False, services=services))
    assert not read_back.decided
    assert read_back.granted == {"session"}
    assert read_back.services == services
    assert read_back.unanswered == POLICY.optional_ids
    assert (read_back.record is None) is not any(services.values())


def test_releases_that_know_no_answers_in_part_read_no_choice() -> None:
    for services in ({"youtube": True}, {"youtube": False}):
        payload = COOKIE._serializer.loads(value(decided=False, services=services))
        assert payload[0] not in {1, 2}  # the formats that they know


def test_a_malformed_answer_in_part_is_no_choice() -> None:
    for payload in ([3], [3, 3, 2, 20_000, "1"], [3, []], [3, 2], [3, 2, "x", "1"]):
        signed = COOKIE._serializer.dumps(payload)
        assert COOKIE.read(signed if isinstance(signed, str) else signed.decode()) is None
