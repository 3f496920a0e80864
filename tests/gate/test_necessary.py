"""Third parties that a payment or a form needs: on before any choice, without being declared, in each layer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cookie_consent.banner.locale import load_locales
from cookie_consent.banner.notice import notice_text
from cookie_consent.banner.view import category_views
from cookie_consent.consent import Consent
from cookie_consent.gate import ContentSecurityPolicies, TagGate, guard_script
from cookie_consent.policy import parse_policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter
from tests.gate.csp.matching import allows

ASKED_FOR = {"services": {"turnstile": {"category": "preferences"}}}
MEASURED: dict[str, Any] = {"services": {"paypal-analytics": {}, "stripe-signals": {}}}
DECIDED_ON = {"services": {"recaptcha": {"category": "session"}, "stripe-signals": {"category": "session"}}}


def is_live(address: str, document: dict[str, Any]) -> bool:
    """Return whether a visitor without any choice loads a script of the address, as all layers say."""
    policy = parse_policy({"version": "1", **document}, source="test")
    consent = Consent(policy=policy, granted=policy.required_ids)
    classifier = Classifier(policy)
    gate = TagGate(classifier, consent, "shop.example")
    rewriter = Rewriter(gate)
    page = rewriter.feed(f'<body><script src="{address}"></script>'.encode()) + rewriter.end()
    by_tag = b"data-consent" not in page
    (_, header), *_ = ContentSecurityPolicies(classifier, report_path="/r").headers(consent, host="shop.example")
    by_policy = allows(header.decode(), address)
    assert by_tag == by_policy
    return by_tag


@pytest.mark.parametrize(
    ("address", "document", "live"),
    [
        ("https://js.stripe.com/v3/", {}, True),
        ("https://m.stripe.network/x.js", {}, False),
        ("https://m.stripe.network/x.js", DECIDED_ON, True),
        ("https://www.paypal.com/sdk/js?client-id=x", {}, True),
        ("https://www.paypal.com/tagmanager/pptm.js", {}, False),
        ("https://www.paypal.com/sdk/js?client-id=x", MEASURED, True),
        ("https://www.paypal.com/tagmanager/pptm.js", MEASURED, False),
        ("https://t.paypal.com/ts.js", MEASURED, False),
        ("https://js.stripe.com/v3/", MEASURED, True),
        ("https://t.paypal.com/ts.js", {}, False),
        ("https://eu-library.klarnaservices.com/lib.js", {}, False),
        ("https://challenges.cloudflare.com/turnstile/v0/api.js", {}, True),
        ("https://challenges.cloudflare.com/turnstile/v0/api.js", ASKED_FOR, False),
        ("https://www.google.com/recaptcha/api.js", {}, False),
        ("https://www.google.com/recaptcha/api.js", DECIDED_ON, True),
        ("https://js.hcaptcha.com/1/api.js", {}, False),
    ],
)
def test_what_the_visitors_act_needs_is_live(address: str, document: dict[str, Any], live: bool) -> None:  # noqa: FBT001
    assert is_live(address, document) == live


def test_the_guard_knows_them_as_necessary() -> None:
    policy = parse_policy({"version": "1"}, source="test")
    rules = json.loads(guard_script(b"__RULES__", policy, []))
    owners = {host: rules["owners"][owner] for host, owner in rules["hosts"]}
    assert owners["js.stripe.com"] == ["stripe", "session"]
    assert owners["js.stripe.com/v3/m-outer"] == ["stripe-signals", "analytics"]
    order = [host for host, _ in rules["hosts"]]
    assert order.index("js.stripe.com/v3/m-outer") < order.index("js.stripe.com")


def test_the_notice_names_them_as_necessary() -> None:
    policy = parse_policy({"version": "1", "services": {"stripe": {}}}, source="test")
    locale = load_locales()["en"]
    session, *others = category_views(policy, locale)
    assert [service.id for service in session.services] == ["stripe"]
    on_demand = {service.id for service in session.on_demand}
    assert {"paypal", "turnstile"} <= on_demand
    assert not on_demand & {"stripe", "recaptcha", "paypal-analytics", "django"}
    assert not any(view.on_demand for view in others)
    text = notice_text(policy, locale, [session, *others]).text
    assert "Services: Stripe (" in text
    assert "to take a payment or to keep robots out of a form: Adyen" in text
