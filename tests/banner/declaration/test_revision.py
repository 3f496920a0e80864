"""What the declaration says of a policy that is announced."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest

from cookie_consent.banner import Renderer, as_data, as_markdown
from cookie_consent.banner.declaration.markdown import escaped
from cookie_consent.banner.locale import load_locales
from cookie_consent.policy import parse_policy
from cookie_consent.policy.changes import Kind

ASSETS = {
    "banner.js": "/_consent/assets/banner.1.js",
    "banner.css": "/_consent/assets/banner.2.css",
    "frame.css": "/frame.css",
    "page.css": "/page.css",
}
LANGUAGES = sorted(load_locales())
CHAT: dict[str, Any] = {"name": "Chat", "category": "preferences", "hosts": ["chat.test"]}
PARTNERS = {"name": "Partners", "purpose": "Offers", "consequence": "None are shown"}
BASE: dict[str, Any] = {
    "version": "1",
    "controller": {"name": "Shop Ltd", "contact": "a@shop.example"},
    "categories": {"partners": PARTNERS},
    "services": {
        "chat": {
            **CHAT,
            "purpose": {"en": "Talks", "de": "Spricht"},
            "cookies": [{"name": "chat.id", "max_age": "30d", "purpose": "Keeps it open"}],
            "storage": ["chat_state"],
            "retention": "1y",
            "company": "Chat Inc.",
        }
    },
    "cookies": [
        {"name": "sid", "category": "session"},
        {"name": "theme", "category": "preferences"},
        {"name": "partner", "category": "partners"},
    ],
    "retention": "3y",
}


def chat(**changes: Any) -> dict[str, Any]:
    kept = {**BASE["services"]["chat"], **changes}
    return {"services": {"chat": {key: value for key, value in kept.items() if value is not None}}}


def renderer(**changes: Any) -> Renderer:
    following = {**BASE, "version": "2", "effective": date(2026, 12, 1), **changes}
    following = {key: value for key, value in following.items() if value is not None}
    return Renderer(parse_policy({**BASE, "next": following}, source="test"), assets=ASSETS)


def told(language: str = "en", **changes: Any) -> dict[str, str]:
    found = as_data(renderer(**changes).declaration(language))["next"]["changes"]
    return {change["subject"]: change["text"] for change in found}


@pytest.mark.parametrize(
    ("changes", "subject", "text"),
    [
        ({"services": {**BASE["services"], "youtube": {}}}, "services.youtube",
         "New service: YouTube, in the category “Social media and embedded content”"),
        ({"services": {}}, "services.chat", "No longer used: Chat"),
        (chat(category="analytics"), "services.chat", "Chat moves from “Personalisation” to “Audience measurement”"),
        (chat(purpose={"en": "Talks and listens"}), "services.chat.purpose", "Chat, Purpose: Talks and listens"),
        (chat(company=None), "services.chat.company", "Chat, Company: no longer stated"),
        (chat(name="Chatter"), "services.chat.name", "New name: Chatter; until now: Chat"),
        (chat(country="US"), "services.chat.country", "Chat, Country: United States"),
        (chat(safeguard="adequacy"), "services.chat.safeguard",
         "Chat, Safeguard for transfers: Adequacy decision (Article 45 GDPR)"),
        (chat(privacy_url="/p"), "services.chat.privacy_url", "Chat, Privacy policy: /p"),
        (chat(retention="2y"), "services.chat.retention", "Chat, Data is kept for: 2 years; until now: 1 year"),
        (chat(cookies=[{"name": "chat.id", "max_age": "13mo", "purpose": "Keeps it open"}]),
         "services.chat.cookies.chat.id", "chat.id (Chat), Lifetime: 13 months; until now: 30 days"),
        (chat(cookies=[{"name": "chat.id", "max_age": "30d", "purpose": "Opens it"}]),
         "services.chat.cookies.chat.id.purpose", "chat.id (Chat), Purpose: Opens it"),
        (chat(cookies=[*BASE["services"]["chat"]["cookies"], {"name": "b", "max_age": "1d"}]),
         "services.chat.cookies.b", "New cookie: b (Chat); lifetime: 1 day"),
        (chat(cookies=[]), "services.chat.cookies.chat.id", "Cookie no longer set: chat.id (Chat)"),
        (chat(storage=["chat_state", "more"]), "services.chat.storage.more", "New in web storage: more (Chat)"),
        (chat(storage=[]), "services.chat.storage.chat_state", "No longer in web storage: chat_state (Chat)"),
        ({"categories": {"partners": PARTNERS, "login": {"remove": True}}}, "categories.login",
         "No longer: Staying signed in"),
        ({"categories": {"partners": {**PARTNERS, "required": True}}}, "categories.partners",
         "Becomes always on: Partners"),
        ({"categories": {"partners": {**PARTNERS, "name": "Friends"}}}, "categories.partners.name",
         "New name: Friends; until now: Partners"),
        ({"categories": {"partners": {**PARTNERS, "purpose": "Gifts"}}}, "categories.partners.purpose",
         "Partners, Purpose: Gifts"),
        ({"categories": {"partners": {**PARTNERS, "sale_or_sharing": True}}}, "categories.partners.sale_or_sharing",
         "Details change: Partners"),
        ({"cookies": [{"name": "sid", "category": "session"}, {"name": "theme", "category": "login"}]}, "cookies.theme",
         "theme moves from “Personalisation” to “Staying signed in”"),
        ({"controller": {**BASE["controller"], "name": "Other Ltd"}}, "controller",
         "New controller: Other Ltd; until now: Shop Ltd"),
        ({"controller": {**BASE["controller"], "contact": "b@shop.example"}}, "controller.contact",
         "Controller, Contact: b@shop.example"),
        ({"retention": None}, "retention",
         "Record of your choices, Data is kept for: No fixed limit; until now: 3 years"),
        ({"cookie": {"max_age": "12mo"}}, "cookie.max_age", "cookie_consent, Lifetime: 1 year; until now: 6 months"),
    ],
)  # fmt: skip
def test_each_change_is_told_in_words(changes: dict[str, Any], subject: str, text: str) -> None:
    assert told(**changes)[subject] == text


def test_the_words_are_those_of_the_language() -> None:
    german = told("de", **chat(purpose={"en": "x", "de": "Hört zu"}, retention="2y"))
    assert german["services.chat.purpose"] == "Chat, Zweck: Hört zu"
    assert german["services.chat.retention"] == "Chat, Speicherdauer der Daten: 2 Jahre; bisher: 1 Jahr"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_has_it_in_every_language(language: str) -> None:
    made = renderer(
        effective=datetime(2026, 12, 1, 12, tzinfo=UTC), services={**BASE["services"], "youtube": {}}, cookies=[]
    )
    declared, locale = made.declaration(language), made.locale(language)
    page, markdown = made.declaration_page(language), as_markdown(declared, locale)
    assert declared.revision is not None
    assert json.loads(json.dumps(as_data(declared)))["next"]["effective"] == "2026-12-01T12:00:00+00:00"
    shown = locale.format_time(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert all(part in shown for part in (*map(locale.format_number, (1, 2026, 12)), "UTC"))
    assert shown in page
    assert escaped(shown) in markdown
    texts = [change.text for change in declared.revision.changes]
    assert len(texts) > 3
    assert all(text in page for text in [*texts, locale.text("revision.asks"), locale.text("revision.title")])
    assert sum(
        line.startswith("- ") for line in markdown.partition("\n## ")[2].partition("\n## ")[0].splitlines()
    ) == len(texts)
    assert "{" not in "".join(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_change_has_words(language: str) -> None:
    texts = load_locales()[language].texts
    lasting, moved, told_elsewhere = (
        {"longer", "shorter"},
        {"service-moved", "cookie-moved"},
        {"version", "effective", "asked-again"},
    )
    as_added_or_removed = {"category-offered", "category-emptied", "purpose-added", "purpose-removed"}
    loading = {"service-ahead", "service-held"}
    assert {"banner.ahead", "revision.changed"} <= texts.keys()
    rest = set(get_args(Kind)) - lasting - moved - told_elsewhere - as_added_or_removed - loading
    assert {f"revision.{kind.replace('-', '_')}" for kind in rest} <= texts.keys()


def test_another_label_alone_changes_nothing_for_visitors() -> None:
    made = renderer()
    assert as_data(made.declaration("en"))["next"]["changes"] == []
    assert "Nothing in it changes for you." in made.declaration_page("en")
    assert made.locale("en").text("revision.asks") not in made.declaration_page("en")


def test_it_is_announced_that_all_are_asked_again() -> None:
    made = renderer(ask_again_since="2030-01-01")
    assert as_data(made.declaration("en"))["next"]["ask_again_since"] == "2030-01-01"
    for text in (made.declaration_page("en"), as_markdown(made.declaration("en"), made.locale("en"))):
        assert "Nothing in it changes for you." not in text
        assert "What needs your consent stays off until you agree to it." in text


def test_nothing_is_said_where_nothing_is_announced() -> None:
    made = Renderer(parse_policy(BASE, source="test"), assets=ASSETS)
    assert as_data(made.declaration("en"))["next"] is None
    assert "revision" not in made.declaration_page("en")
    assert "cookie_consent.revision" not in made.declaration_page("en")
