from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
