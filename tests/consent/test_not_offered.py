"""What the log says when the application asks about a category that no visitor is asked about."""

from __future__ import annotations

import pytest

from cookie_consent import Consent, Policy


@pytest.fixture(autouse=True)
def _nothing_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookie_consent.logs._logged", set())


@pytest.mark.parametrize(
    ("inventory", "said"),
    [
        (False, "nothing is declared in this category, so no visitor is asked about it;"),
        (None, "no page was found to use anything in it so far; until one is, no visitor is asked about it;"),
    ],
)
def test_it_is_told_once(caplog: pytest.LogCaptureFixture, inventory: bool | None, said: str) -> None:  # noqa: FBT001
    consent = Consent(policy=Policy(version="1", inventory=inventory), granted=frozenset(), offered=frozenset())
    assert not consent.allows("analytics")
    assert not consent.allows("analytics")
    (message,) = caplog.messages
    assert said in message


def test_a_category_that_is_offered_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    consent = Consent(policy=Policy(version="1"), granted=frozenset(), offered=frozenset({"analytics"}))
    assert not consent.allows("analytics")
    assert not caplog.messages
