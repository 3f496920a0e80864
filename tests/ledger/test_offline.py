from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from cookie_consent import ConfigurationError, Ledger, Policy
from cookie_consent.ledger.offline import notice_of
from cookie_consent.policy import parse_policy
from tests.ledger.making import make

POLICY = parse_policy(
    {
        "version": "7",
        "services": {"chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.example"]}},
    },
    source="test",
)
WHO = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def test_a_choice_made_by_phone(store_url: str) -> None:
    ledger = Ledger(store_url)
    notice = notice_of("May we count you?", language="en", policy=POLICY)
    first = ledger.enter(POLICY, channel="phone", granted=["analytics", "youtube"], refused=["chat"], notice=notice)
    assert UUID(first.subject).version == 4
    assert (first.action, first.channel, first.policy_version) == ("given", "phone", "7")
    assert (first.granted, first.granted_services, first.refused_services) == (("analytics",), ("youtube",), ("chat",))
    assert first.refused == ("preferences",)  # the policy declares nothing in the others
    assert notice.hash == sha256(b"en\nMay we count you?").hexdigest()
    assert ledger.notice(notice.hash) == notice
    second = ledger.enter(POLICY, channel="paper", refused=["analytics"], subject=first.subject.upper())
    assert (second.subject, second.previous, second.action) == (first.subject, first.id, "withdrawn")
    third = ledger.enter(POLICY, channel="in-person", granted=["social"], subject=first.subject)
    assert (third.previous, third.action) == (second.id, "changed")
    assert list(ledger.records(subject=first.subject)) == [first, second, third]
    assert ledger.enter(POLICY, channel="phone", refused=["social"]).action == "refused"
    ledger.close()


def test_a_form_that_was_signed_before(store_url: str) -> None:
    ledger = Ledger(store_url)
    online = make(subject=WHO, at=datetime(2026, 3, 1, tzinfo=UTC))
    ledger.append([online])
    at = datetime(2026, 2, 1, 12, tzinfo=UTC)
    form = ledger.enter(POLICY, channel="paper", granted=["social"], subject=WHO, at=at)
    assert (form.at, form.previous) == (at, None)
    later = ledger.enter(POLICY, channel="paper", granted=["social"], subject=WHO, at=at + timedelta(days=60))
    assert later.previous == online.id
    ledger.close()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"granted": ["analytic"]}, "did you mean 'analytics'"),
        ({"granted": ["everything-at-all"]}, "the categories are advertising, analytics"),
        ({"granted": ["session"]}, "always on"),
        ({"refused": ["datasette"]}, "always on"),
        ({"granted": ["social"], "refused": ["social"]}, "cannot be both"),
        ({"subject": "Ms Miller"}, "never a name"),
        ({"channel": "banner"}, "not an offline channel"),
        ({"at": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001 - that is what is refused
        ({"at": datetime.now(UTC) + timedelta(days=1)}, "has yet to come"),
    ],
)
def test_what_cannot_be_entered(ledger_url: str, values: dict[str, Any], words: str) -> None:
    ledger = Ledger(ledger_url)
    with pytest.raises(ConfigurationError, match=words):
        ledger.enter(POLICY, **{"channel": "phone", **values})
    with pytest.raises(ConfigurationError, match="needs a text"):
        notice_of(" ", language="en", policy=Policy(version="1"))
    ledger.close()
