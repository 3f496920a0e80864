"""What is held on the site's own hosts: declared services, and beacons that the registry knows by two marks."""

from __future__ import annotations

from typing import Any

import pytest

from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy import parse_policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter

pytestmark = pytest.mark.usefixtures("markup_cache")


def gated(document: str, *granted: str, host: str = "www.shop.example", folder: str = "/", **policy: Any) -> str:
    declared = parse_policy({"version": "1", **policy}, source="test")
    consent = Consent(policy=declared, granted=frozenset({"session", *granted}))
    rewriter = Rewriter(TagGate(Classifier(declared), consent, host, folder=folder))
    return (rewriter.feed(document.encode()) + rewriter.end()).decode()


BEACONS = [
    ("<img src='/matomo.php?idsite=1&amp;rec=1'>", "matomo-cloud"),
    ("<noscript><img src='//matomo.shop.example/matomo.php?rec=1&amp;idsite=3&amp;bots=1'></noscript>", "matomo-cloud"),
    ("<img src='/analytics/piwik.php?idsite=1&amp;rec=1'>", "matomo-cloud"),
    ("<img src='/x/../m%61tomo.php?idsite=1&amp;rec=1'>", "matomo-cloud"),
    ("<img src='matomo.php?idsite=1&amp;rec=1'>", "matomo-cloud"),
    ("<script async src=/matomo/matomo.js></script>", "matomo-cloud"),
    ("<img src='https://metrics.shop.example/b/ss/shopprod/1/H.26--NS/0'>", "adobe-analytics"),
    ("<img src='https://metrics.shop.example/b/ss/shop/10/JS-2.22/s1?AQB=1&amp;ndh=1'>", "adobe-analytics"),
    ("<img src='https://sgtm.shop.example/g/collect?v=2&amp;tid=G-ABC123&amp;en=page_view'>", "google-analytics"),
    ("<img src='/collect?v=1&amp;tid=UA-1-1'>", "google-analytics"),
    ("<script async src='/metrics/gtag/js?id=G-ABC123'></script>", "google-analytics"),
    ("<script src='https://gtm.shop.example/gtm.js?id=GTM-ABC'></script>", "google-tag-manager"),
    ("<iframe src='https://gtm.shop.example/ns.html?id=GTM-ABC'></iframe>", "google-tag-manager"),
    ("<script defer data-domain=shop.example src=/js/script.js></script>", "plausible"),
    ("<script defer data-domain=shop.example src=/js/script.outbound-links.js></script>", "plausible"),
    ("<script data-domain=shop.example data-api=/pl/api/event src=/pl/a1b2.js></script>", "plausible"),
    ("<script defer src=https://stats.shop.example/script.js data-website-id=94db1cb1></script>", "umami-cloud"),
]


@pytest.mark.parametrize(("tag", "service"), BEACONS)
def test_known_beacons_on_own_hosts_are_held(tag: str, service: str) -> None:
    held = gated(tag)
    assert f'data-consent-service="{service}"' in held
    assert "data-consent-src=" in held
    assert gated(tag, "analytics") == tag
    assert gated(tag, first_party=["*.shop.example"]) == held  # a host is declared, not what is on it
    assert gated(tag, services={service: {"category": "session"}}) == tag


@pytest.mark.parametrize(
    "tag",
    [
        # one of the marks alone
        "<script src=/api/event></script>",
        "<img src=/matomo.php><img src='/matomo.php?idsite=1'><img src='/p.php?idsite=1&amp;rec=1'>",
        "<img src=/docs/matomo.js><a href='/matomo.php?idsite=1&rec=1'>how it works</a>",
        "<img src='/g/collect?v=2'><img src='/g/collect?v=2&amp;tid=abc'><img src='/collect?v=1'>",
        "<script src=/gtag/js></script><script src=/gtm.js></script><script src='/gtm.js?id=7'></script>",
        "<script src=/js/script.js></script><script src=/js/app.js data-domain=shop.example></script>",
        "<div data-website-id=1><script src=/app.js></script></div><img src=/a.js data-website-id=1>",
        "<img src=/b/ss/logo.png><img src=/b/s/shop/1/a.png>",
        "<script src='/a.js?next=/matomo.php?idsite=1&amp;rec=1'></script>",
    ],
)
def test_what_only_resembles_a_beacon_passes(tag: str) -> None:
    assert gated(tag) == tag


@pytest.mark.parametrize(
    ("hosts", "held", "passes"),
    [
        (["/stats/pixel.gif"], "<img src=/stats/pixel.gif?u=1>", "<img src=/stats/other.gif>"),
        (["/stats/"], "<img src=//img.shop.example/stats/a>", "<img src=/a/stats/b>"),
        (["/stats/"], "<img src=/a/../%73tats/b>", "<img src=/stats>"),
        (["/stats/"], "<img src=//www.shop.example:8443\\stats\\b>", "<img src=/?/stats/>"),
        (["/blog/stats/"], "<img src=stats/a><img src=../blog/stats/a>", "<img src=/stats/a><img src=../stats/a>"),
        (["shop.example/matomo.php"], "<img src=//shop.example/matomo.php>", "<img src=/matomo.php>"),
        (["matomo.shop.example"], "<img src=//matomo.shop.example/a>", "<img src=//a.matomo.shop.example/a>"),
        (["*.m.shop.example"], "<img src=//a.m.shop.example/a>", "<img src=//m.shop.example/a>"),
        (["www.shop.example/p.gif"], "<img src=/p.gif>", "<img src=/q.gif>"),
        # the page's own host is always the site's
        (["*.shop.example"], "<img src=//cdn.shop.example/a>", "<img src=/a>"),
        (["www.shop.example"], "<img src=//x.test/a>", "<img src=/a>"),
        # what the site has declared more exactly
        (["*.static.example", "*.shop.example"], "<img src=//a.static.example>", "<img src=//own.static.example>"),
    ],
)
def test_a_declared_service_wins_over_first_party(hosts: list[str], held: str, passes: str) -> None:
    services = {"stats": {"name": "Stats", "category": "analytics", "hosts": hosts}}
    first_party = ["own.static.example", "static.example"]
    policy: dict[str, Any] = {"services": services, "first_party": first_party}
    document = gated(held + passes, folder="/blog/", **policy)
    assert document.endswith(passes)
    assert document.count("data-consent-src=") == held.count("<img")
    assert gated(held + passes, "analytics", "unclassified", **policy) == held + passes


def test_a_service_is_told_by_rules_of_the_site() -> None:
    own = [
        {"path": "/t/*", "query": ["u", "k=a*z"]},
        {"path": "*/w.js", "element": "script", "attributes": ["data-k=*-live"]},
    ]
    services = {"stats": {"name": "Stats", "category": "analytics", "own": own}}
    held = "<img src='/t/1?k=abcz&amp;u'><script src=/a/w.js data-k=x-live></script>"
    passes = "<img src='/t/1?k=abc&amp;u'><img src='/t/1?k=az'><script src=/a/w.js data-k=x></script>"
    document = gated(held + passes, services=services)
    assert document.count('data-consent-service="stats"') == 2
    assert document.endswith(passes)


def test_base_and_folders() -> None:
    services = {"stats": {"name": "Stats", "category": "analytics", "hosts": ["/stats/"]}}
    page = "<head><base href=/stats/a></head><img src=pixel.gif>"
    assert "data-consent-src=pixel.gif" in gated(page, services=services)
    assert "data-consent" not in gated(
        "<head><base href=/a/></head><img src=pixel.gif>", folder="/stats/", services=services
    )
