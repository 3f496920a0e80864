"""The data files themselves: complete, free of contradictions, and recognised by the classifier."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import pytest

import cookie_consent.policy
from cookie_consent.policy import BUILTIN_CATEGORIES, Policy, registry
from cookie_consent.policy.classifier import Classifier

T = TypeVar("T")
FOLDER = Path(cookie_consent.policy.__file__).parent / "registry"
ENTRIES: list[tuple[str, dict[str, Any]]] = [
    entry for path in sorted(FOLDER.glob("*.toml")) for entry in tomllib.loads(path.read_text("utf-8")).items()
]
NECESSARY = {
    "adyen", "altcha", "amazon-pay", "apple-pay", "braintree", "cardinalcommerce", "checkout-com", "friendly-captcha",
    "google-pay", "klarna", "mollie", "paypal", "razorpay", "square", "stripe", "turnstile", "worldpay",
}  # fmt: skip
"""Third parties that are on without consent. Decisions 21 and 22 say why for each; nobody else is."""
DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
CLASSIFIER = Classifier(Policy(version="1"))


def repeated(values: list[T]) -> list[T]:
    return [value for value, count in Counter(values).items() if count > 1]


def test_there_are_enough_and_no_id_comes_twice() -> None:
    assert sum("hosts" in entry for _, entry in ENTRIES) >= 500
    assert sum(len(entry.get("cookies", ())) for _, entry in ENTRIES) >= 2000
    assert repeated([service_id for service_id, _ in ENTRIES]) == []
    assert list(registry()) == [service_id for service_id, _ in ENTRIES]


def test_no_two_services_claim_the_same() -> None:
    services = registry().values()
    assert repeated([host for service in services for host in service.hosts]) == []
    assert repeated([(cookie.name, cookie.domain) for service in services for cookie in service.cookies]) == []
    assert repeated([stub.name for service in services for stub in service.stubs]) == []
    assert repeated([rule.name for service in services for rule in service.storage]) == []
    signatures = [signature for service in services for signature in service.inline]
    assert repeated(signatures) == []


def test_no_signature_holds_that_of_another_service() -> None:
    owners = [(signature, service.id) for service in registry().values() for signature in service.inline]
    for signature, owner in owners:
        for other, other_owner in owners:
            assert owner == other_owner or signature not in other, f"{signature} of {owner} is in {other}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_a_file_is_sorted(path: Path) -> None:
    ids = list(tomllib.loads(path.read_text("utf-8")))
    assert ids == sorted(ids)


@pytest.mark.parametrize("service_id", list(registry()))
def test_an_entry_is_complete(service_id: str) -> None:
    service = registry()[service_id]
    categories = {category.id for category in BUILTIN_CATEGORIES}
    assert service.category in categories
    assert {cookie.category for cookie in service.cookies} <= categories | {None}
    assert service.hosts or service.cookies
    assert all(cookie.purpose for cookie in service.cookies)
    if service.hosts:
        assert (service.category == "session") is (service_id in NECESSARY)
        assert service.privacy_url.startswith("https://")
        assert service.company


def test_addresses_for_objections_are_encrypted_and_carry_no_query() -> None:
    addresses = [service.opt_out_url for service in registry().values() if service.opt_out_url]
    assert len(addresses) >= 50
    assert [address for address in addresses if not address.startswith("https://") or "?" in address] == []


def test_what_is_stored_says_why_and_is_not_necessary() -> None:
    stored = [(service, rule) for service in registry().values() for rule in service.storage]
    assert [rule.name for _, rule in stored if not rule.purpose] == []
    assert [rule.name for service, rule in stored if service.category in {"session", "login"}] == []


@pytest.mark.parametrize("service_id", sorted(NECESSARY))
def test_a_decision_says_why_a_third_party_is_necessary(service_id: str) -> None:
    texts = [path.read_text("utf-8") for path in (DECISIONS / "0021-payments.md", DECISIONS / "0022-captchas.md")]
    assert any(f"`{service_id}`" in text for text in texts)
    assert not registry()[service_id].cookies, "a necessary third party that recognises visitors needs a closer look"


def test_no_cookie_of_a_third_party_is_necessary() -> None:
    bound = [
        (service_id, cookie["name"])
        for service_id, entry in ENTRIES
        for cookie in entry.get("cookies", ())
        if "domain" in cookie and cookie.get("category", entry["category"]) in {"session", "login"}
    ]
    assert bound == []


def test_a_cookie_that_is_always_on_says_why() -> None:
    without = [
        (service_id, cookie["name"])
        for service_id, entry in ENTRIES
        for cookie in entry.get("cookies", ())
        if cookie.get("category", entry["category"]) == "session" and "exempt" not in cookie
    ]
    assert without == []


@pytest.mark.parametrize(
    "cookie",
    [
        "_shopify_y", "_shopify_s", "_shopify_sa_p", "_shopify_sa_t", "sbjs_first", "sbjs_current_add", "tk_ai",
        "tk_or", "tk_lr", "ahoy_visitor", "ahoy_visit", "cfz_google-analytics_v4", "RT", "odoo_utm_source", "ss_cvr",
        "ss_cvt", "dwac_0123456789", "SC_ANALYTICS_GLOBAL_COOKIE", "WMF-Last-Access",
        "fornax_anonymousId", "_landing_page",
    ],
)  # fmt: skip
def test_a_tracker_among_the_cookies_of_a_platform_is_not_necessary(cookie: str) -> None:
    assert CLASSIFIER.cookie(cookie).category in {"analytics", "advertising"}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("www.googletagmanager.com", "/gtag/js?id=G-1", "google-analytics"),
        ("www.googletagmanager.com", "/gtm.js?id=GTM-1", "google-tag-manager"),
        ("region1.google-analytics.com", "/g/collect", "google-analytics"),
        ("stats.g.doubleclick.net", "/j/collect", "google-analytics"),  # the exact host before *.doubleclick.net
        ("securepubads.g.doubleclick.net", "/tag/js/gpt.js", "google-ads"),
        ("www.google.com", "/recaptcha/api.js", "recaptcha"),
        ("www.google.com", "/maps/embed?pb=1", "google-maps"),
        ("www.google.com", "/search", "google"),
        ("connect.facebook.net", "/en_US/fbevents.js", "facebook-pixel"),
        ("connect.facebook.net", "/en_US/sdk.js", "facebook-social"),
        ("connect.facebook.net", "/de_DE/sdk.js", "facebook-social"),  # each language has an address of its own
        ("connect.facebook.net", "/de_DE/fbevents.js", "facebook-pixel"),
        ("www.facebook.com", "/tr?id=1", "facebook-pixel"),
        ("www.facebook.com", "/plugins/like.php", "facebook-social"),
        ("www.youtube.com", "/embed/x", "youtube"),
        ("i.ytimg.com", "/vi/x/0.jpg", "youtube"),
        ("content.jwplatform.com", "/players/x-y.js", "jw-player"),
        ("form.typeform.eu", "/to/x", "typeform"),
        ("js-eu1.hsforms.net", "/forms/embed/1.js", "hubspot"),  # the host depends on the region
        ("static.hsappstatic.net", "/MeetingsEmbed/ex/MeetingsEmbedCode.js", "hubspot"),
        ("fonts.googleapis.com", "/css2", "google-fonts"),
        ("cdn.jsdelivr.net", "/npm/x", "jsdelivr"),
        ("js.stripe.com", "/v3/", "stripe"),
        ("js.stripe.com", "/v3/controller-1a2b.html", "stripe"),
        ("js.stripe.com", "/v3/m-outer-1a2b.html", "stripe-signals"),  # the frame that passes on what visitors do
        ("m.stripe.network", "/inner.html", "stripe-signals"),
        ("m.stripe.com", "/6", "stripe-signals"),
        ("r.stripe.com", "/b", "stripe-signals"),
        ("q.stripe.com", "/?event=x", "stripe-signals"),
        ("link.com", "/x", "stripe"),  # its wallet
        ("www.paypal.com", "/sdk/js?client-id=x", "paypal"),
        ("account.venmo.com", "/x", "paypal"),
        ("www.sandbox.paypal.com", "/smart/buttons?x=1", "paypal"),
        ("www.paypal.com", "/xoplatform/logger/api/logger", "paypal-analytics"),
        ("t.paypal.com", "/ts?v=1", "paypal-analytics"),
        ("c.paypal.com", "/da/r/fb.js", "paypal-analytics"),
        ("www.paypal.com", "/tagmanager/pptm.js?id=shop", "paypal-marketing"),
        ("www.paypal.com", "/credit-presentment/smart/message", "paypal-marketing"),
        ("www.paypalobjects.com", "/api/checkout.js", "paypal"),
        ("www.paypalobjects.com", "/muse/muse.js", "paypal-marketing"),
        ("checkoutshopper-live.adyen.com", "/checkoutshopper/sdk/5.0.0/adyen.js", "adyen"),
        ("checkoutshopper-live-us.adyen.com", "/checkoutshopper/v1/analytics/log", "adyen-analytics"),
        ("checkoutanalytics-live.adyen.com", "/checkoutanalytics/v3/analytics", "adyen-analytics"),
        ("js.braintreegateway.com", "/web/3.1.0/js/client.min.js", "braintree"),
        ("client-analytics.braintreegateway.com", "/x", "braintree-analytics"),
        ("songbird.cardinalcommerce.com", "/edge/v1/songbird.js", "cardinalcommerce"),
        ("x.klarnacdn.net", "/kp/lib/v1/api.js", "klarna"),
        ("js.klarna.com", "/web-sdk/v2/klarna.mjs", "klarna"),
        ("js.klarna.com", "/web-sdk/v1/klarna.js", "klarna-messaging"),
        ("eu-library.klarnaservices.com", "/lib.js", "klarna-messaging"),
        ("eu.klarnaevt.com", "/v1/x", "klarna-messaging"),
        ("js.mollie.com", "/v1/mollie.js", "mollie"),
        ("web.squarecdn.com", "/v1/square.js", "square"),
        ("square-fonts-production-f.squarecdn.com", "/square-text/x.woff2", "square"),
        ("access.worldpay.com", "/access-checkout/v2/checkout.js", "worldpay"),
        ("cdn.checkout.com", "/js/framesv2.min.js", "checkout-com"),
        ("risk.checkout.com", "/x", "checkout-com-signals"),
        ("checkout.razorpay.com", "/v1/checkout.js", "razorpay"),
        ("lumberjack.razorpay.com", "/v1/track", "razorpay-analytics"),
        ("applepay.cdn-apple.com", "/jsapi/1.latest/apple-pay-sdk.js", "apple-pay"),
        ("smp-paymentservices.apple.com", "/paymentservices/v3/checkStatus/merchant/x", "apple-pay"),
        ("pay.google.com", "/gp/p/js/pay.js", "google-pay"),
        ("challenges.cloudflare.com", "/turnstile/v0/api.js", "turnstile"),
        ("global.frcapi.com", "/api/v2/captcha/agent", "friendly-captcha"),
        ("eu-api.friendlycaptcha.eu", "/api/v1/puzzle", "friendly-captcha"),
        ("eu.altcha.org", "/api/v1/challenge", "altcha"),
        ("hcaptcha.com", "/1/api.js", "hcaptcha"),
        ("www.google.de", "/pagead/1p-user-list/1/", "google-ads"),  # of a country's Google, advertising apart
        ("www.google.de", "/maps/embed", "google-maps"),
        ("www.google.de", "/", "google"),
        ("cdn.cookielaw.org", "/scripttemplates/otSDKStub.js", "onetrust"),
        ("www.bing.com", "/maps/embed", "bing-maps"),
        ("www.bing.com", "/action/0", "bing-ads"),
        ("checkout.com", "/", None),  # a necessary third party has no more hosts than its decision names
        ("bucket.s3.amazonaws.com", "/x.js", None),  # anybody may put anything there
        ("notyoutube.com", "/", None),
        ("youtube.com.evil.example", "/", None),
    ],
)
def test_addresses_are_recognised(host: str, path: str, service: str | None) -> None:
    assert CLASSIFIER.host(host, path).service == service


@pytest.mark.parametrize(
    ("cookie", "category"),
    [
        ("sessionid", "session"),
        ("csrftoken", "session"),
        ("PHPSESSID", "session"),
        ("JSESSIONID", "session"),
        ("connect.sid", "session"),
        ("session", "session"),
        ("__Secure-next-auth.session-token.1", "login"),  # a long token comes in pieces
        ("__Secure-authjs.session-token", "login"),
        ("ci_session", "session"),
        ("remember_token", "login"),
        ("ds_actor", "login"),
        ("wordpress_logged_in_0a1b", "login"),
        ("django_language", "preferences"),
        ("_ga", "analytics"),
        ("_ga_ABC123", "analytics"),
        ("_fbp", "advertising"),
        ("_gcl_au", "advertising"),
        ("__stripe_mid", "analytics"),
        ("_GRECAPTCHA", "preferences"),
        ("SESS0123456789abcdef0123456789abcdef", "session"),
        ("SESSION_OF_MINE", "unclassified"),
        ("JSESSIONID.1a2b3c", "session"),
        ("OptanonConsent", "session"),
        ("BIGipServerpool", "session"),
        ("TS0a1b2c", "session"),  # F5's, by the number of its digits
        ("TS01a2b3c4", "session"),
        ("TS01a2b3c4029", "session"),
        ("TS01a2b3c4_26", "session"),
        ("TS0a1b2", "unclassified"),
        ("TSfavourites", "unclassified"),
        ("SMARTSTORE.VISITOR", "session"),  # to whom the basket belongs
        ("cookie_consent", "session"),
        ("redirect_to", "session"),
        ("cids", "preferences"),
        ("ezoab_1", "preferences"),
        ("ezouid_1", "analytics"),
        ("PREF", "unclassified"),  # YouTube's is set below its own domain
        ("xf_user", "login"),
        ("pll_language", "preferences"),
        ("_hjid", "analytics"),
        ("yandexuid", "analytics"),
        ("something", "unclassified"),
        ("lang", "unclassified"),  # any site may have these for itself
        ("token", "unclassified"),
        ("user", "unclassified"),
    ],
)
def test_cookies_are_recognised(cookie: str, category: str) -> None:
    assert CLASSIFIER.cookie(cookie).category == category


@pytest.mark.parametrize(
    ("key", "service"),
    [
        ("taboola global:user-id", "taboola"),
        ("optimizely_data$$oeu1r0.1$$2$$visitor_profile", "optimizely"),
        ("adjust-sdk", "adjust"),
        ("AMP_unsent_0123456789", "amplitude"),
        ("mapbox.eventData.uuid:abc", "mapbox"),
        ("hjActiveViewportIds", "hotjar"),
        ("_hjSessionStorageTest", "hotjar"),
        ("statsig.stable_id.123", "statsig"),
        ("jwplayer.volume", "jw-player"),
        ("wistia", "wistia"),
        ("wistia-player", None),
        ("branch", None),
    ],
)
def test_storage_keys_are_recognised(key: str, service: str | None) -> None:
    assert CLASSIFIER.storage(key).service == service


@pytest.mark.parametrize(
    ("script", "services"),
    [
        ("function gtag(){dataLayer.push(arguments)} gtag('config', 'G-1')", ["google-analytics"]),
        ("j.src='https://www.googletagmanager.com/gtm.js?id='+i", ["google-tag-manager"]),
        ("t.src=v;'https://connect.facebook.net/en_US/fbevents.js'; fbq('init', '1')", ["facebook-pixel"] * 2),
        ("var _paq = []; _paq.push(['trackPageView'])", ["matomo-cloud"]),
        ("c[a]=1; t.src='https://www.clarity.ms/tag/'+i", ["clarity"]),
        ("document.title = 'analytics of youtube and facebook'", []),  # a word is no mark
    ],
)
def test_inline_scripts_are_recognised(script: str, services: list[str]) -> None:
    assert [verdict.service for verdict in CLASSIFIER.inline_script(script)] == services
