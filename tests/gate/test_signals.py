"""What the guard is given to tell vendors: the services in force, and nothing that could be code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.errors import PolicyError
from cookie_consent.gate import CookieGate, NamedSignals, guard_script, guard_tag
from cookie_consent.gate.signals import signal_rows
from cookie_consent.policy import Policy, parse_policy, registry
from cookie_consent.policy.classifier import Classifier


def policy_of(**values: Any) -> Policy:
    return parse_policy({"version": "1", **values}, source="test")


def rows_of(**values: Any) -> list[Any]:
    policy = policy_of(**values)
    rows: list[Any] = json.loads(json.dumps(signal_rows(policy, policy.services)))
    return rows


def google(rows: list[Any]) -> list[list[Any]]:
    return [row[3] for row in rows if row[2] == ["dataLayer"]]


ADS = [["google-ads", "advertising"]]
ANALYTICS = [["google-analytics", "analytics"]]


def test_a_site_without_vendors_tells_nothing() -> None:
    assert rows_of() == []
    assert rows_of(services={"youtube": {}}) == []
    assert b'"signals":[]' in guard_script(b"__RULES__", policy_of(), [])


def test_google_is_told_of_the_services_that_it_has_here() -> None:
    rows = rows_of(services={"google-analytics": {}})
    assert google(rows) == [["consent", "default"], ["consent", "update"]]
    values = rows[0][5]
    assert values["analytics_storage"] == ANALYTICS
    assert values["ad_storage"] == [], "no service of Google's has that category"
    assert values["security_storage"] == [["", "session"]]
    assert rows_of(services={"google-analytics": {}, "google-ads": {}})[0][5]["ad_user_data"] == ADS


@pytest.mark.parametrize(
    ("google_table", "calls"),
    [
        (False, []),
        (True, [["consent", "default"], ["consent", "update"]]),
        ({"regions": ["DE", "US-CA"]}, [["consent", "default", {"region": ["DE", "US-CA"]}], ["consent", "update"]]),
        ({"url_passthrough": True}, [["consent", "default"], ["set", "url_passthrough", True], ["consent", "update"]]),
        ({"gtm_event": "chosen"}, [["consent", "default"], ["consent", "update"], [{"event": "chosen"}]]),
    ],
)
def test_google_s_options(google_table: Any, calls: list[Any]) -> None:
    services: dict[str, Any] = {"google-analytics": {}} if google_table is not True else {}
    assert google(rows_of(services=services, signals={"google": google_table})) == calls


def test_the_list_that_google_reads_may_have_another_name() -> None:
    table = {"data_layer": "layer2", "gtm_event": "chosen", "url_passthrough": True}
    rows = rows_of(services={"google-ads": {}}, signals={"google": table})
    assert [row[2] for row in rows] == [["layer2"]] * 4
    for name in ("a.b", "a b", ""):
        with pytest.raises(PolicyError, match=r"signals\.google\.data_layer"):
            policy_of(signals={"google": {"data_layer": name}})


def test_the_mapping_takes_categories_and_services() -> None:
    mapping = {"ad_user_data": "google-ads", "personalization_storage": "social"}
    rows = rows_of(services={"google-analytics": {}, "google-ads": {}}, signals={"google": {"mapping": mapping}})
    assert rows[0][5]["ad_user_data"] == ADS
    assert rows[0][5]["personalization_storage"] == [["", "social"]]
    with pytest.raises(PolicyError, match="did you mean 'advertising'"):
        policy_of(signals={"google": {"mapping": {"ad_storage": "advertisng"}}})
    with pytest.raises(PolicyError, match=r"signals\.google\.mapping"):
        policy_of(signals={"google": {"mapping": {"ads": "advertising"}}})


def test_nobody_is_told_of_consent_that_was_asked_for_on_behalf_of_others() -> None:
    meta: dict[str, Any] = {"facebook-pixel": {}, "matomo-cloud": {}}
    for own, denied in [("google-analytics", "ad_personalization"), ("google-ads", "analytics_storage")]:
        assert rows_of(services={own: {}, **meta})[0][5][denied] == []
    asked = {"services": meta, "signals": {"google": {"told": True, "mapping": {"ad_storage": "advertising"}}}}
    assert rows_of(**asked)[0][5]["ad_storage"] == [["", "advertising"]]
    assert rows_of(**asked)[0][5]["ad_user_data"] == rows_of(**asked)[0][5]["analytics_storage"] == []
    # Google Ads may be told of by itself.
    services = {"google-analytics": {}, "google-ads": {"google_consent_mode": False}}
    assert rows_of(services=services)[0][5]["ad_storage"] == ADS
    assert (
        rows_of(services=services, signals={"google": {"mapping": {"ad_storage": "bing-ads"}}})[0][5]["ad_storage"]
        == []
    )


@pytest.mark.parametrize(("more", "owners"), [({}, []), ({"bing-ads": {}}, [["bing-ads", "advertising"]])])
def test_clarity_is_told_of_advertising_if_microsoft_s_is_named(more: dict[str, Any], owners: list[Any]) -> None:
    rows = rows_of(services={"clarity": {}, "facebook-pixel": {}, **more})
    (values,) = [row[5] for row in rows if row[3][:1] == ["consentv2"]]
    assert values == {"ad_Storage": owners, "analytics_Storage": [["clarity", "analytics"]]}


def test_a_tag_manager_does_not_speak_for_what_it_loads() -> None:
    both = rows_of(services={"google-tag-manager": {}, "google-analytics": {}})[0]
    assert both[5]["analytics_storage"] == ANALYTICS
    assert both[4] == [["google-tag-manager", "analytics"], *ANALYTICS]
    alone = rows_of(services={"google-tag-manager": {}})[0]
    assert alone[5]["analytics_storage"] == [["google-tag-manager", "analytics"]]


@pytest.mark.parametrize(
    ("service", "on", "called"),
    [
        ("shopify", "update", "Shopify.customerPrivacy.setTrackingConsent"),
        ("wordpress", "update", "wp_set_consent"),
        ("adobe-analytics", "refuse", "alloy"),
        ("adobe-target", "refuse", "adobe.optIn.deny"),
        ("posthog", "refuse", "posthog"),
        ("mixpanel", "refuse", "mixpanel"),
    ],
)
def test_vendors_that_keep_the_last_answer_are_told_accordingly(service: str, on: str, called: str) -> None:
    rows = [row for row in rows_of(services={service: {}}) if row[0] == on and row[2] == called.split(".")]
    assert rows
    assert all(row[9:] == [1] for row in rows)
    (meta, *_) = rows_of(services={"facebook-pixel": {}})
    assert meta[0] == "refuse"
    assert len(meta) < 9, "what is kept on the page alone is said at once"


def test_what_wordpress_keeps_of_the_choice_needs_no_consent() -> None:
    policy = policy_of(services={"wordpress": {}}, unknown_cookies="block")
    consent = Consent(policy=policy, granted=frozenset({"session"}))
    gate = CookieGate(Classifier(consent.policy), consent, ConsentCookie(["x" * 40], consent.policy.cookie))
    assert gate.response("wp_consent_marketing=deny; Path=/; Max-Age=2592000") == "wp_consent_marketing=deny; Path=/"


def test_a_category_that_the_policy_removed_allows_nothing() -> None:
    rows = rows_of(services={"google-analytics": {}}, categories={"advertising": {"remove": True}})
    assert rows[0][5]["ad_storage"] == []


def test_what_notices_name_beside_the_declared_services_is_in_the_tag() -> None:
    policy = policy_of(inventory=True)
    named = NamedSignals(policy)
    assert named.of(()) == named.of(("youtube", "host.example")) == ""
    told = named.of(("google-analytics", "host.example"))
    assert google(json.loads(told)) == [["consent", "default"], ["consent", "update"]]
    tag = guard_tag("/guard.js", Consent(policy=policy, granted=policy.required_ids), signals=told)
    assert "[[&quot;default&quot;,&quot;arguments&quot;" in tag


@pytest.mark.parametrize(
    "signal",
    [
        {"on": "grant", "call": "fbq('consent')"},
        {"on": "grant", "call": "fbq.constructor"},
        {"on": "grant", "set": "x.__proto__.y"},
        {"on": "grant", "call": "a.b.c.d.e.f"},
        {"on": "grant", "call": "a", "push": "b"},
        {"on": "grant"},
        {"on": "click", "call": "fbq"},
        {"on": "grant", "call": "fbq", "args": [float("nan")]},
        {"on": "grant", "call": "fbq", "args": [{"a": [float("inf")]}]},
        {"on": "grant", "call": "fbq", "values": {"a b": "advertising"}},
        {"on": "grant", "call": "fbq", "form": "items"},
        {"on": "grant", "call": "fbq", "after": "requireConsent"},
        {"on": "grant", "push": "ttq", "form": "method"},
        {"on": "grant", "push": "ttq", "form": "method", "args": [1]},
        {"on": "grant", "call": "fbq", "undecided": True},
        {"on": "grant", "call": "fbq", "code": "alert(1)"},
    ],
)
def test_a_signal_is_a_name_and_json_values(signal: dict[str, Any]) -> None:
    service = {"name": "A", "category": "analytics", "signals": [signal]}
    with pytest.raises(PolicyError, match=r"services\.a\.signals"):
        policy_of(services={"a": service})


def test_values_cannot_leave_the_script_or_the_tag() -> None:
    hostile = "</script><script>alert(1)</script>\u2028\"'&"
    signal = {"on": "grant", "call": "fbq", "args": [hostile, {hostile: hostile}]}
    policy = policy_of(services={"a": {"name": "A", "category": "analytics", "signals": [signal]}})
    script = guard_script(b"__RULES__", policy, []).decode("ascii")
    assert json.loads(script)["signals"][0][3] == [hostile, {hostile: hostile}]
    tag = guard_tag(
        "/g.js", Consent(policy=policy, granted=frozenset()), signals=json.dumps(signal_rows(policy, policy.services))
    )
    assert tag.count("<") == 2
    assert "</script><script>" not in tag


def test_a_policy_has_the_signals_of_the_registry_unless_it_says_otherwise() -> None:
    known = registry()["google-analytics"]
    assert known.google_consent_mode
    assert policy_of(services={"google-analytics": {}}).services[0].google_consent_mode
    silent = rows_of(services={"google-analytics": {"google_consent_mode": False}})
    assert silent == []
