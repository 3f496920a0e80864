from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, Service, parse_policy, registry
from cookie_consent.policy.classifier import Classifier

CLASSIFIER = Classifier(Policy(version="1"))


def own(*services: Service) -> Classifier:
    return Classifier(Policy(version="1", services=services))


def test_every_signature_of_the_registry_is_found_within_a_script() -> None:
    for service in registry().values():
        for signature in service.inline:
            found = CLASSIFIER.inline_script(f"var a = 1;{signature}'x');")
            assert service.id in {verdict.service for verdict in found}, signature


def test_of_signatures_within_each_other_the_longest_counts() -> None:
    chat = own(
        Service(id="short", name="Short", category="analytics", inline=("quux(",)),
        Service(id="long", name="Long", category="advertising", inline=("quux(1",)),
        Service(id="other", name="Other", category="social", inline=("aquux",)),
    )
    assert [verdict.service for verdict in chat.inline_script("quux(2)")] == ["short"]
    assert [verdict.service for verdict in chat.inline_script("quux(1)")] == ["long"]
    assert [verdict.service for verdict in chat.inline_script("quux(2); quux(1)")] == ["short", "long"]
    assert {verdict.service for verdict in chat.inline_script("quux(1); quux(2)")} == {"long", "short"}
    assert [verdict.service for verdict in chat.inline_script("aquux(1")] == [
        "other",
        "long",
    ]  # neither holds the other
    assert chat.inline_script("quux") == ()


@given(st.text(alphabet="aqx(/", max_size=30), st.sampled_from(["aqx(", "x//x", "qqqq", "(((a", "aqxaqx"]))
def test_a_signature_is_found_wherever_it_stands(text: str, signature: str) -> None:
    chat = own(Service(id="chat", name="Chat", category="social", inline=(signature,)))
    assert bool(chat.inline_script(text)) == (signature in text)


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("chat.example", "/", "chat"),
        ("chat.example", "/admin/x", "admin"),  # the longest path wins
        ("a.chat.example", "/", "below"),
        ("b.a.chat.example", "/", "below"),
        ("b.deep.chat.example", "/", "deep"),  # the nearest domain wins
        ("xchat.example", "/", None),
    ],
)
def test_of_several_host_rules_the_closest_wins(host: str, path: str, service: str | None) -> None:
    classifier = own(
        Service(id="chat", name="Chat", category="social", hosts=("chat.example",)),
        Service(id="admin", name="Admin", category="social", hosts=("chat.example/admin/",)),
        Service(id="below", name="Below", category="social", hosts=("*.chat.example",)),
        Service(id="deep", name="Deep", category="social", hosts=("*.deep.chat.example",)),
    )
    for _ in range(2):  # looked up, then remembered
        assert classifier.host(host, path).service == service


@pytest.mark.parametrize(
    ("address", "service", "reason"),
    [
        ("shop.example/matomo.php?idsite=1&rec=1", "matomo-cloud", "in the registry"),
        ("img.shop.example/x/matomo.php?rec=1&idsite=1", "matomo-cloud", "in the registry"),
        ("stats.shop.example/", "stats", "declared by the site"),
        ("shop.example/t/1", "stats", "declared by the site"),
        ("shop.example/matomo.php", None, "first party: declared"),
        ("shop.example/", None, "first party: declared"),
        ("cdn.other.test/a", None, "first party: declared"),
        ("www.shop.example/", None, "first party: by its domain, shop.example"),
        ("evilshop.example/", None, "no rule"),
        ("www.googletagmanager.com/gtm.js?id=GTM-1", "google-tag-manager", "in the registry"),
    ],
)
def test_an_address_on_the_sites_own_hosts(address: str, service: str | None, reason: str) -> None:
    stats = {"name": "Stats", "category": "analytics", "hosts": ["stats.shop.example", "/t/"]}
    values = {"site": "shop.example", "first_party": ["cdn.other.test"], "services": {"stats": stats}}
    classifier = Classifier(parse_policy({"version": "1", **values}, source="test"))
    host, _, path = address.partition("/")
    verdict = classifier.address(host, f"/{path}")
    assert verdict.service == service
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/de_DE/sdk.js", "sdk"),
        ("/de_DE/sdk.js?v=1", "sdk"),
        ("/sdk.js", "rest"),
        ("//sdk.js", "rest"),  # a segment has something in it
        ("/a/b/sdk.js", "rest"),  # and is one
        ("/a?b/sdk.js", "rest"),  # of the path
        ("/de_DE/sdk.jsx", "sdk"),  # a prefix, as all paths are
        ("/x/sdk.js/own/", "deep"),
    ],
)
def test_a_segment_of_a_hosts_path_may_be_any(path: str, service: str) -> None:
    classifier = own(
        Service(id="rest", name="Rest", category="social", hosts=("cdn.example",)),
        Service(id="sdk", name="SDK", category="social", hosts=("cdn.example/*/sdk.js",)),
        Service(id="deep", name="Deep", category="social", hosts=("cdn.example/*/sdk.js/own/",)),
    )
    assert classifier.host("cdn.example", path).service == service


TRACKER: dict[str, object] = {
    "name": "Tracker",
    "category": "advertising",
    "cookies": [{"name": "uid", "domain": "tracker.example"}, {"name": "t_*", "domain": "t.example"}, {"name": "t_1"}],
}


def with_tracker(**more: object) -> Classifier:
    return Classifier(parse_policy({"version": "1", "services": {"tracker": TRACKER}, **more}, source="test"))


def test_a_cookie_of_a_domain_is_one_of_that_domain_alone() -> None:
    classifier = with_tracker()
    assert classifier.cookie("uid").category == "unclassified"
    for host, service in (
        ("tracker.example", "tracker"),
        ("a.b.tracker.example", "tracker"),
        ("xtracker.example", None),
        ("example", None),
    ):
        assert classifier.cookie_of("uid", host).service == service, host
    (domain, verdict), *_ = classifier.cookie_elsewhere("uid")  # the registry's follow
    assert (domain, verdict.service, verdict.category) == ("tracker.example", "tracker", "advertising")
    assert "if set by tracker.example" in verdict.reason
    assert classifier.cookie_elsewhere("other") == ()


def test_a_rule_for_the_domain_comes_before_one_without() -> None:
    classifier = with_tracker()
    (first, bound) = (classifier.cookie_of("t_1", host).rule for host in ("shop.example", "a.t.example"))
    assert first is not None
    assert bound is not None
    assert (first.name, first.party, bound.name, bound.party) == ("t_1", "first", "t_*", "third")


def test_the_declared_site_has_the_rules_for_its_domain() -> None:
    assert with_tracker(site="www.tracker.example").cookie("uid").service == "tracker"
    assert with_tracker(site="shop.example").cookie("uid").service is None


def test_the_site_may_bind_its_own_cookies_too() -> None:
    rule = {"name": "uid", "category": "preferences", "domain": "shop.example", "party": "first"}
    classifier = with_tracker(site="shop.example", cookies=[rule])
    verdict = classifier.cookie("uid")
    assert (verdict.category, verdict.rule and verdict.rule.party) == ("preferences", "first")
    first, second, *_ = classifier.cookie_elsewhere("uid")
    assert [first[0], second[0]] == ["shop.example", "tracker.example"]


@pytest.mark.parametrize("domain", ["", "*.a.example", "a.example/x", "https://a.example"])
def test_a_domain_is_a_host_name(domain: str) -> None:
    rule = {"name": "uid", "category": "preferences", "domain": domain}
    with pytest.raises(PolicyError, match=r"cookies\.0\.domain"):
        parse_policy({"version": "1", "cookies": [rule]}, source="test")


def test_what_the_policy_declares_replaces_the_registrys() -> None:
    name, rule = next((found.id, rule) for found in registry().values() for rule in found.cookies if not rule.domain)
    policy = {"version": "1", "services": {name: {"cookies": [{"name": "other"}], "hosts": [], "inline": []}}}
    classifier = Classifier(parse_policy(policy, source="test"))
    assert CLASSIFIER.cookie(rule.name.replace("*", "")).service == name
    assert classifier.cookie(rule.name.replace("*", "")).service is None
    assert classifier.cookie("other").service == name
    for host in registry()[name].hosts:
        assert classifier.host(host.replace("*", "x").partition("/")[0]).service != name


@pytest.mark.parametrize(
    ("services", "path", "service"),
    [
        ({"paypal-analytics": {}}, "/sdk/js", "paypal"),  # the registry's closer path
        ({"paypal-analytics": {}}, "/tagmanager/x", "paypal-marketing"),
        ({"paypal-analytics": {}}, "/ts", "paypal-analytics"),
        ({"paypal-analytics": {"category": "session"}}, "/tagmanager/x", "paypal-marketing"),  # nothing else with it
        ({"paypal-analytics": {"hosts": ["*.paypal.com"]}}, "/sdk/js", "paypal-analytics"),  # the site's own words
        ({"mine": {"name": "M", "category": "analytics", "hosts": ["*.paypal.com"]}}, "/sdk/js", "mine"),
        ({"mine": {"name": "M", "category": "analytics", "hosts": ["*.com"]}, "paypal": {}}, "/sdk/js", "mine"),
        ({"paypal": {}, "paypal-analytics": {}}, "/sdk/js", "paypal"),
    ],
)
def test_hosts_of_services_that_are_declared_by_name_compete_with_the_registrys(
    services: dict[str, object], path: str, service: str
) -> None:
    classifier = Classifier(parse_policy({"version": "1", "services": services}, source="test"))
    assert classifier.host("www.paypal.com", path).service == service
