"""Which services may load before consent: those that can be told before that it is denied."""

from __future__ import annotations

from typing import Any

import pytest

from cookie_consent import PolicyError
from cookie_consent.policy import Policy, parse_policy, registry

ADVANCED = {"consent_mode": "advanced"}
OWN = {"name": "Acme", "category": "analytics", "hosts": ["acme.test"], **ADVANCED}
DENIED = {"on": "default", "push": "acmeQueue", "args": ["denied"]}


def policy_of(**values: Any) -> Policy:
    return parse_policy({"version": "1", **values}, source="test")


def problem_of(**values: Any) -> tuple[str, str, str]:
    with pytest.raises(PolicyError) as caught:
        policy_of(**values)
    (problem,) = caught.value.problems
    return problem.key, problem.cause, problem.fix


def test_no_service_is_in_advanced_mode_by_itself() -> None:
    assert {service.consent_mode for service in registry().values()} == {"basic"}
    assert policy_of(services={"google-analytics": {}}).advanced == ()


@pytest.mark.parametrize(
    "service",
    ["google-analytics", "google-ads", "google-tag-manager", "bing-ads", "facebook-pixel", "tiktok-pixel", "piano"],
)
def test_a_vendor_that_is_told_before_its_script_runs_may_be(service: str) -> None:
    assert [found.id for found in policy_of(services={service: ADVANCED}).advanced] == [service]


@pytest.mark.parametrize(
    "service",
    [
        "youtube",  # has no signals
        "matomo-cloud",  # is told only if the page has asked
        "clarity",  # is told once the visitor has chosen
        "posthog",  # would keep a refusal that nobody made
        "adobe-analytics",  # is told after the page's own set-up
        "amplitude",  # its function is there once its script has run
        "shopify",
    ],
)
def test_a_vendor_that_cannot_be_told_so_may_not_be(service: str) -> None:
    key, cause, fix = problem_of(services={service: ADVANCED})
    assert key == f"services.{service}.consent_mode"
    assert cause == "'advanced' is not allowed here"
    assert fix.startswith("no signal says 'denied' to this service before a choice")


@pytest.mark.parametrize(
    ("signal", "may"),
    [
        (DENIED, True),
        ({**DENIED, "on": "refuse"}, True),
        ({**DENIED, "on": "refuse", "undecided": False}, False),
        ({**DENIED, "on": "update"}, False),
        ({**DENIED, "on": "update", "undecided": True}, True),
        ({**DENIED, "on": "grant"}, False),
        ({**DENIED, "on": "withdraw"}, False),
        ({**DENIED, "late": True}, False),
        ({**DENIED, "after": "ask"}, False),
        ({"on": "default", "call": "acme", "args": ["denied"]}, True),
        ({"on": "default", "call": "acme.deny"}, False),
        ({"on": "default", "set": "acme.state", "args": ["denied"]}, True),
    ],
)
def test_which_signals_say_it_in_time(signal: dict[str, Any], may: bool) -> None:  # noqa: FBT001
    services = {"acme": {**OWN, "signals": [signal]}}
    if may:
        assert [found.id for found in policy_of(services=services).advanced] == ["acme"]
    else:
        assert problem_of(services=services)[0] == "services.acme.consent_mode"


def test_a_signal_of_the_site_s_own_makes_up_for_one_that_is_missing() -> None:
    signals = [{"on": "default", "push": "_paq", "args": ["requireCookieConsent"]}]
    policy = policy_of(services={"matomo-cloud": {**ADVANCED, "signals": signals}})
    assert [found.id for found in policy.advanced] == ["matomo-cloud"]


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"gate": {"guard": False}}, "needs the guard"),
        ({"signals": {"google": False}}, "needs Google to be told"),
        ({"signals": {"google": {"regions": ["DE"]}}}, "loads the service everywhere"),
    ],
)
def test_nothing_may_keep_it_from_being_told(more: dict[str, Any], cause: str) -> None:
    services = {"google-analytics": ADVANCED}
    found = problem_of(services=services, **more)
    assert found[0] == "services.google-analytics.consent_mode"
    assert found[1].startswith(cause)
    with pytest.raises(ValueError, match=cause):
        Policy(version="1", services=policy_of(services=services).services, **more)


def test_google_s_regions_matter_only_where_google_s_list_is_what_tells_it() -> None:
    services = {"bing-ads": ADVANCED, "google-analytics": {}}
    policy = policy_of(services=services, signals={"google": {"regions": ["DE"]}})
    assert [found.id for found in policy.advanced] == ["bing-ads"]


def test_what_is_always_on_has_nothing_to_load_ahead_of() -> None:
    services = {"google-analytics": {**ADVANCED, "category": "session"}}
    assert policy_of(services=services).advanced == ()


def test_a_wrong_mode_says_which_there_are() -> None:
    key, _, fix = problem_of(services={"google-analytics": {"consent_mode": "full"}})
    assert key == "services.google-analytics.consent_mode"
    assert "basic" in fix
    assert "advanced" in fix


@pytest.mark.parametrize("state", ["session", "acme"])
@pytest.mark.parametrize("service", ["google-analytics", "google-tag-manager"])
def test_google_has_to_be_told_so_of_what_it_stores(service: str, state: str) -> None:
    services = {service: ADVANCED, "acme": {"name": "Acme", "category": "session", "hosts": ["acme.test"]}}
    signals = {"google": {"mapping": {"analytics_storage": state}}}
    key, cause, fix = problem_of(services=services, signals=signals)
    assert key == f"services.{service}.consent_mode"
    assert "analytics_storage" in cause
    assert "signals.google.mapping.analytics_storage" in fix
    signals = {"google": {"mapping": {"functionality_storage": state, "analytics_storage": "advertising"}}}
    assert [found.id for found in policy_of(services=services, signals=signals).advanced] == [service]


@pytest.mark.parametrize(
    ("values", "is_told"), [("", True), ({"a": "session", "b": "analytics"}, True), ({"a": "session"}, False)]
)
def test_a_signal_that_says_granted_to_all_tells_nothing(values: object, *, is_told: bool) -> None:
    signal = {"on": "default", "push": "acme", "args": ["consent"], "values": values}
    acme = {"name": "Acme", "category": "analytics", "hosts": ["acme.test"], "signals": [signal], **ADVANCED}
    if is_told:
        assert [found.id for found in policy_of(services={"acme": acme}).advanced] == ["acme"]
    else:
        key, cause, _ = problem_of(services={"acme": acme})
        assert key == "services.acme.consent_mode"
        assert "needs no consent" in cause
