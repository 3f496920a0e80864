"""The declaration: what it says, in every form and language, and that nothing of a policy is markup in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cookie_consent.banner import Renderer, as_data, as_markdown
from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.locale import load_locales
from cookie_consent.policy import Inventory, Lifetime, Policy, parse_duration, parse_policy, registry

ASSETS = {
    "banner.js": "/_consent/assets/banner.1.js",
    "banner.css": "/_consent/assets/banner.2.css",
    "frame.css": "/frame.css",
    "page.css": "/page.css",
}
LOCALES = load_locales()
DOCUMENT: dict[str, Any] = {
    "version": "2026-11-01",
    "effective": "2026-12-01",
    "site": "shop.example",
    "controller": {
        "name": "Shop Ltd",
        "address": "1 High Street\n12345 Town",
        "contact": "privacy@shop.example",
        "representative": "Shop EU, Berlin",
        "data_protection_officer": "+49 30 1234567",
        "authority": "Commissioner",
        "authority_url": "https://authority.example/complain",
    },
    "categories": {"session": {"legal_basis": "contract"}},
    "cookies": [
        {"name": "cart", "category": "session", "purpose": {"en": "Your cart", "de": "Ihr Korb"}, "exempt": "basket"},
        {"name": "theme", "category": "preferences", "max_age": "1y"},
        {"name": "stay", "category": "login", "max_age": "30d"},
        {"name": "counted", "category": "analytics", "max_age": "3y"},
    ],
    "services": {
        "own": {
            "name": "Own Stats",
            "category": "analytics",
            "company": "Stats Inc.",
            "country": "US",
            "transfers": ["IN", "QQ"],
            "safeguard": "standard-clauses",
            "retention": "14mo",
            "privacy_url": "http://stats.example/privacy",
            "opt_out_url": "mailto:out@stats.example",
            "hosts": ["stats.example"],
            "cookies": [
                {"name": "third", "party": "third", "max_age": "2y"},
                {"name": "ad", "category": "advertising"},
                {"name": "keep", "category": "session", "persist": "login", "max_age": "14d"},
            ],
            "storage": ["plain", {"name": "told_*", "purpose": "Remembers"}],
        }
    },
}
HOSTILE = "</dd><script>alert(1)</script> [x](javascript:alert(1)) **b** `c` <http://evil.example> | # h"


def renderer(policy: Policy, **options: Any) -> Renderer:
    return Renderer(policy, assets=ASSETS, **options)


def policy(**changes: Any) -> Policy:
    return parse_policy({**DOCUMENT, **changes}, source="test")


def data(declared: Policy, language: str = "en", **options: Any) -> dict[str, Any]:
    return as_data(renderer(declared, **options).declaration(language))


def by_id(entries: list[dict[str, Any]], key: str = "id") -> dict[str, dict[str, Any]]:
    return {entry[key]: entry for entry in entries}


def stored(found: dict[str, Any], category: str) -> dict[str, dict[str, Any]]:
    services = by_id(found["categories"])[category]["services"]
    return by_id([entry for service in services for entry in service["stored"]], "name")


def test_it_says_who_is_responsible_and_when_it_was_revised() -> None:
    found = data(policy())
    assert (found["site"], found["version"]) == ("shop.example", "2026-11-01")
    assert (found["revised"], found["effective"]) == ("2026-11-01", "2026-12-01")
    assert found["controller"]["address"] == "1 High Street\n12345 Town"
    assert found["controller"]["contact_url"] == "mailto:privacy@shop.example"
    assert found["controller"]["data_protection_officer_url"] == "tel:+49301234567"
    assert found["authority"] == {"authority": "Commissioner", "authority_url": "https://authority.example/complain"}
    assert data(policy(version="autumn"))["revised"] == "2026-12-01"
    assert data(parse_policy({"version": "x"}, source="test"))["controller"] == {}


def test_each_category_says_on_what_it_rests() -> None:
    categories = by_id(data(policy())["categories"])
    assert "Article 5(3)" in categories["session"]["basis"]
    assert "Article 6(1)(b)" in categories["session"]["basis"]
    assert categories["analytics"]["basis"].startswith("Your consent")
    assert categories["analytics"]["consequence"]
    assert "consequence" not in categories["session"]


def test_each_service_says_where_data_goes() -> None:
    service = by_id(by_id(data(policy())["categories"])["analytics"]["services"])["own"]
    assert service["company"] == "Stats Inc."
    assert service["country"] == "United States"
    assert service["transfers"] == "India, QQ"  # no language has a name for every code
    assert service["safeguard"] == "Standard contractual clauses (Article 46 GDPR)"
    assert service["retention"] == "14 months"
    assert service["opt_out"] == "mailto:out@stats.example"
    page = renderer(policy()).declaration_page("en")
    assert 'href="mailto:out@stats.example"' in page
    assert "http://stats.example/privacy" in page
    assert 'href="http:' not in page


def test_the_lifetime_is_the_one_that_the_gate_lets_through() -> None:
    found = data(policy())
    assert stored(found, "session")["cart"]["lifetime"] == "Until you close the browser"
    assert stored(found, "preferences")["theme"]["lifetime"] == "1 year"
    assert stored(found, "analytics")["counted"]["lifetime"] == "13 months"  # the category's limit
    assert stored(found, "analytics")["third"]["lifetime"] == "2 years"  # another host sets it, past the gate
    assert stored(found, "advertising")["ad"]["lifetime"] == "No fixed limit"
    for cookie, limit in ((stored(found, "login")["stay"], "30 days"), (stored(found, "session")["keep"], "14 days")):
        assert cookie["lifetime"] == (f"Until you close the browser; with your consent to “Staying signed in”: {limit}")


def test_what_is_necessary_says_why() -> None:
    found = data(policy())
    assert stored(found, "session")["cart"]["exempt"] == "It keeps your shopping basket."
    assert all(entry["exempt"] for entry in stored(found, "session").values())
    assert not any("exempt" in entry for entry in stored(found, "analytics").values())


def test_what_this_package_stores_is_declared_too() -> None:
    own = stored(data(policy()), "session")
    assert {"__Host-cookie_consent", "__Host-cookie_consent_visit", "cookie_consent.state"} <= set(own)
    assert own["__Host-cookie_consent"]["lifetime"] == "6 months"
    plain = stored(as_data(renderer(policy(gate={"guard": False})).declaration("en", secure=False)), "session")
    assert "cookie_consent" in plain
    assert not {"cookie_consent.state", "cookie_consent_gpc"} & set(plain)


def test_storage_has_a_purpose_where_one_is_declared() -> None:
    entries = stored(data(policy()), "analytics")
    assert entries["told_*"]["purpose"] == "Remembers"
    assert "purpose" not in entries["plain"]
    assert entries["plain"]["type"] == "storage"


def test_people_read_a_star_for_a_run_of_an_alphabet() -> None:
    declared = policy(cookies=[{"name": "run{hex:32}_{digit}", "category": "analytics", "max_age": "1d"}])
    assert "run*_*" in json.dumps(data(declared))
    assert "{hex" not in json.dumps(data(declared))


def test_mirrored_libraries_are_named_where_there_are_any() -> None:
    assert data(policy(), mirrored=["unpkg.com", "code.jquery.com"])["mirrored"] == ["code.jquery.com", "unpkg.com"]
    assert "code.jquery.com" in renderer(policy(), mirrored=["code.jquery.com"]).declaration_page("en")
    assert LOCALES["en"].text("declaration.mirrored_title") not in renderer(policy()).declaration_page("en")


def test_the_libraries_that_pages_name_are_listed_with_their_versions() -> None:
    inventory = Inventory(policy())
    named = ["unpkg.com/@popperjs/core@2", "code.jquery.com/jquery@3.7.1", "fonts.googleapis.com/Open <Sans>"]
    inventory.meet_libraries(named)
    made = renderer(policy(), mirrored=["unpkg.com"], inventory=inventory)
    declared = made.declaration("en")
    assert [tuple(each.values()) for each in as_data(declared)["libraries"]] == [
        ("jquery", "3.7.1", "code.jquery.com"),
        ("Open <Sans>", None, "fonts.googleapis.com"),
        ("@popperjs/core", "2", "unpkg.com"),
    ]
    page = made.declaration_page("en")
    assert "<li>jquery 3.7.1 (code.jquery.com)</li>" in page
    assert "<li>Open &lt;Sans&gt; (fonts.googleapis.com)</li>" in page
    assert r"- \@popperjs/core 2 (unpkg.com)" in as_markdown(declared, LOCALES["en"])
    assert as_data(renderer(policy(), inventory=inventory).declaration("en"))["libraries"] == []  # no mirror


def test_necessary_services_that_nobody_declared_are_listed_as_on_demand() -> None:
    session = by_id(data(policy())["categories"])["session"]
    assert "stripe" in by_id(session["on_demand"])
    declared = policy(services={"stripe": {}})
    session = by_id(data(declared)["categories"])["session"]
    assert "stripe" not in by_id(session["on_demand"])
    assert "stripe" in by_id(session["services"])


def test_categories_are_shown_where_they_are_asked_about() -> None:
    assert set(by_id(data(policy(services={}, cookies=[]))["categories"])) == {"session"}
    asked = policy(services={}, cookies=[], unknown_cookies="ask")
    assert set(by_id(data(asked)["categories"])) == {"session"}
    inventory = Inventory(asked)
    inventory.meet([], categories=["unclassified"])
    met = as_data(renderer(asked, inventory=inventory).declaration("en"))
    assert set(by_id(met["categories"])) == {"session", "unclassified"}


class Markup(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


def hostile() -> Policy:
    texts = dict.fromkeys(("name", "address", "contact", "representative", "data_protection_officer"), HOSTILE)
    changed = policy(
        controller={**texts, "authority": HOSTILE},
        categories={"chat": {"name": HOSTILE, "purpose": HOSTILE, "consequence": HOSTILE}},
        services={
            "own": {
                "name": HOSTILE,
                "company": HOSTILE,
                "category": "chat",
                "purpose": HOSTILE,
                "cookies": [{"name": "a*", "purpose": HOSTILE}],
                "storage": [{"name": HOSTILE[:100].replace("*", ""), "purpose": HOSTILE}],
            }
        },
        cookies=[{"name": "x", "category": "session", "purpose": HOSTILE}],
    )
    # A check refuses such addresses. No link comes of them in any case.
    services = tuple(
        service.model_copy(update={"privacy_url": "javascript:alert(1)", "opt_out_url": "data:text/html,x"})
        for service in changed.services
    )
    return changed.model_copy(update={"services": services})


@pytest.mark.parametrize("language", sorted(LOCALES))
@pytest.mark.parametrize("fragment", [False, True])
def test_nothing_of_a_policy_is_markup(language: str, fragment: bool) -> None:  # noqa: FBT001
    page = renderer(hostile()).declaration_page(language, fragment=fragment)
    found = Markup(page)
    assert "script" not in found.names
    assert "style" not in found.names | found.attributes
    assert not any(name.startswith("on") for name in found.attributes)
    assert all(re.match(r"https://|mailto:|tel:|/", address) for address in found.addresses)
    assert "&lt;/dd&gt;&lt;script&gt;" in page


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_nothing_of_a_policy_is_markdown(language: str) -> None:
    made = renderer(hostile())
    html = MarkdownIt("commonmark").enable("table").render(as_markdown(made.declaration(language), LOCALES[language]))
    found = Markup(html)
    assert found.names <= {"h1", "h2", "h3", "h4", "p", "ul", "li", "strong", "a"}
    assert all(re.match(r"https://|mailto:|tel:|/", address) for address in found.addresses)
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_all_forms_say_the_same(language: str) -> None:
    made = renderer(policy())
    declared = made.declaration(language)
    page, text = made.declaration_page(language), as_markdown(declared, LOCALES[language])
    plain = text.replace("\\", "")
    for category in as_data(declared)["categories"]:
        assert category["name"] in page
        assert category["name"] in plain
        for service in category["services"]:
            for entry in service["stored"]:
                assert f">{entry['name']}</code>" in page
                assert f"**{entry['name']}**" in plain
                assert entry["lifetime"] in page
                assert entry["lifetime"] in plain
    assert json.loads(json.dumps(as_data(declared))) == as_data(declared)


@pytest.mark.parametrize("language", sorted(LOCALES))
def test_every_purpose_of_the_registry_has_a_text(language: str) -> None:
    texts = LOCALES[language].texts
    purposes = {text for service in registry().values() for text in (service.purpose, *_purposes(service)) if text}
    assert {f"purposes.{purpose}" for purpose in purposes} == {key for key in texts if key.startswith("purposes.")}
    countries = {service.country for service in registry().values()} - {None}
    assert {f"countries.{country}" for country in countries} <= set(texts)


def _purposes(service: Any) -> list[str]:
    return [entry.purpose for entry in (*service.cookies, *service.storage)]


@pytest.mark.parametrize(
    ("language", "duration", "expected"),
    [
        ("en", "1d", "1 day"),
        ("en", "13mo", "13 months"),
        ("en", "90s", "90 seconds"),
        ("de", "1y", "1 Jahr"),
        ("fr", "2w", "14\u00a0jours"),
        ("ar", "1y", "سنة"),
        ("ar", "2d", "يومان"),
        ("ar", "3d", "3 أيام"),
        ("ar", "11d", "11 يومًا"),
        ("ar", "100d", "100 يوم"),
        ("ar", "103d", "103 أيام"),
    ],
)
def test_durations_take_the_plural_of_their_language(language: str, duration: str, expected: str) -> None:
    assert duration_in(LOCALES[language], parse_duration(duration)) == expected


@pytest.mark.parametrize(
    ("language", "lifetime", "expected"),
    [
        ("en", "6mo", "6 months"),
        ("de", "6mo", "6 Monate"),
        ("fr", "6mo", "6\u00a0mois"),
        ("es", "6mo", "6 meses"),
        ("ar", "6mo", "6 أشهر"),
        ("en", "12mo", "1 year"),
        ("en", "180d", "180 days"),
        ("en", "487d", "487 days"),  # as long as 16 average months, but not months
    ],
)
def test_the_lifetime_of_a_choice_is_shown_as_it_is_meant(language: str, lifetime: str, expected: str) -> None:
    assert duration_in(LOCALES[language], Lifetime.parse(lifetime)) == expected
