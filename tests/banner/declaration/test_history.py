"""What the declaration says of the policies until now, and of what has changed since a visitor chose."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cookie_consent.banner import Renderer, as_data, as_markdown
from cookie_consent.banner.locale import load_locales
from cookie_consent.consent import Consent
from cookie_consent.policy import Change, History, Inventory, PastPolicy, Policy, changes, parse_policy
from cookie_consent.policy.history import kept_of

ASSETS = {name: f"/_consent/assets/{name}" for name in ("banner.js", "banner.css", "frame.css", "page.css")}
LANGUAGES = sorted(load_locales())
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
CHAT = {"name": "Chat <b>", "category": "preferences", "hosts": ["chat.test"], "purpose": "Talks"}
MAPS = {"name": "Maps", "category": "social", "hosts": ["maps.test"]}


def policy(version: str, **document: Any) -> Policy:
    return parse_policy({"version": version, **document}, source="test")


FIRST = policy("2026-10-01")
SECOND = policy("2026-11-01", services={"chat": CHAT})
THIRD = policy("spring", services={"chat": {**CHAT, "purpose": "Talks and listens"}, "maps": MAPS})


def renderer(*policies: Policy, **options: Any) -> Renderer:
    """Return the renderer of the last of some policies, each of which was in force for ten days."""
    past = [
        PastPolicy(kept=kept_of(each), since=NOON + timedelta(days=10 * place)) for place, each in enumerate(policies)
    ]
    history = History(policies[-1], since=past[-1].since)
    history.learn(past)
    return Renderer(policies[-1], assets=ASSETS, history=history, **options)


def chosen(day: float, declared: Policy = THIRD, **given: Any) -> Consent:
    """Return the consent of somebody who chose so many days after the first policy came into force."""
    return Consent(policy=declared, granted=frozenset(), decided_at=NOON + timedelta(days=day), **given)


def since(made: Renderer, consent: Consent) -> list[str] | None:
    told = as_data(made.declaration("en", state=made.declaration_state(consent)))["since_choice"]
    return [change["text"] for change in told] if told is not None else None


def test_it_tells_each_policy_with_what_changed() -> None:
    data = as_data(renderer(FIRST, SECOND, THIRD).declaration("en"))
    assert data["revised"] == "2026-12-17"  # its version is no date
    shown = [(past["version"], past["since"], past["changes"]) for past in data["revisions"]]
    assert [each[:2] for each in shown] == [
        ("spring", "2026-12-17"),
        ("2026-11-01", "2026-12-07"),
        ("2026-10-01", "2026-10-01"),  # the log knows it only from later on
    ]
    assert [change["text"] for change in shown[0][2]] == [
        "New service: Maps, in the category “Social media and embedded content”",
        "New purpose: Social media and embedded content",
        "Chat <b>, Purpose: Talks and listens",
    ]
    assert shown[2][2] is None


def test_a_policy_that_keeps_its_version_is_revised_all_the_same() -> None:
    again = SECOND.model_copy(update={"services": (*SECOND.services, *THIRD.services[1:])})
    assert as_data(renderer(FIRST, SECOND).declaration("en"))["revised"] == "2026-11-01"
    assert as_data(renderer(SECOND, again).declaration("en"))["revised"] == "2026-12-07"


def test_a_policy_that_only_asks_all_again_is_told() -> None:
    made = renderer(SECOND, SECOND.model_copy(update={"ask_again_since": NOON.date()}))
    past, first = as_data(made.declaration("en"))["revisions"]
    assert (past["ask_again_since"], past["changes"]) == ("2026-11-27", [])
    assert (first["ask_again_since"], first["changes"]) == (None, None)
    asks, nothing = (made.locale("en").text(f"revision.{key}") for key in ("asks", "nothing"))
    for text in (made.declaration_page("en"), as_markdown(made.declaration("en"), made.locale("en"))):
        assert asks in text
        assert nothing not in text


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (-1, 3),  # before anything is known
        (5, 3),
        (15, 2),
        (20, 0),
        (99, 0),
    ],
)
def test_whoever_has_chosen_reads_what_changed_since(day: float, told: int) -> None:
    found = since(renderer(FIRST, SECOND, policy("3", services={"chat": CHAT, "maps": MAPS})), chosen(day))
    assert found is not None
    assert len([text for text in found if text.startswith("New")]) == (4 if told == 3 else told)


def test_what_was_found_since_counts_too() -> None:
    inventory = Inventory(FIRST)
    inventory.meet(["youtube"])
    made = renderer(FIRST, inventory=inventory)
    assert since(made, chosen(1, FIRST)) == []
    pending = chosen(1, FIRST, pending=frozenset({"youtube"}))
    assert since(made, pending) == ["New service: YouTube, in the category “Social media and embedded content”"]


def test_the_rest_of_the_visitors_read_no_such_thing() -> None:
    made = renderer(FIRST, SECOND)
    assert since(made, replace(chosen(1), decided_at=None)) is None
    assert 'id="since"' not in made.declaration_page("en")


def test_an_unreadable_policy_is_told_by_its_label() -> None:
    history = History(SECOND, since=NOON)
    history.learn([PastPolicy(kept={"version": "old", "sight": 1}, since=NOON - timedelta(days=9))])
    made = Renderer(SECOND, assets=ASSETS, history=history)
    found = as_data(made.declaration("en"))["revisions"]
    assert [(past["version"], past["changes"]) for past in found] == [("2026-11-01", None), ("old", None)]
    assert since(made, chosen(-5, SECOND)) is None


def test_one_policy_alone_has_no_past() -> None:
    page = renderer(SECOND).declaration_page("en")
    assert "Past changes" not in page
    assert len(as_data(renderer(SECOND).declaration("en"))["revisions"]) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_service_that_begins_to_load_before_consent_is_told(language: str) -> None:
    """So it is when it is held again."""

    def of(version: str, mode: str) -> Policy:
        return policy(version, services={"facebook-pixel": {"consent_mode": mode}})

    made = renderer(of("1", "basic"), of("2", "advanced"), of("3", "basic"))
    held, ahead, _ = as_data(made.declaration(language))["revisions"]
    text = made.locale(language).text
    assert [change["text"] for change in ahead["changes"]] == [text("banner.ahead", services="Meta Pixel")]
    assert [change["text"] for change in held["changes"]] == [text("revision.changed", what="Meta Pixel")]
    made = renderer(of("1", "basic"), of("2", "advanced"))
    visitor = made.declaration_state(chosen(5, of("2", "advanced")))
    (change,) = as_data(made.declaration(language, state=visitor))["since_choice"]
    assert (change["kind"], change["asks"]) == ("service-ahead", False)
    assert change["text"] in made.declaration_page(language, state=visitor)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_says_it_in_every_language(language: str) -> None:
    made = renderer(FIRST, SECOND, THIRD)
    locale, state = made.locale(language), made.declaration_state(chosen(15))
    declared = made.declaration(language, state=state)
    assert declared.since_choice
    page = made.declaration_page(language, state=state)
    markdown = as_markdown(declared, locale)
    for text in ("declaration.since_title", "declaration.history_title"):
        assert f">{locale.text(text)}</h2>" in page
        assert f"## {locale.text(text)}" in markdown
    assert "Chat &lt;b&gt;" in page
    assert r"Chat \<b\>" in markdown
    unchanged = made.declaration_page(language, state=made.declaration_state(chosen(30)))
    assert locale.text("declaration.since_nothing") in unchanged


def test_the_latest_twenty_policies_are_told_and_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = [policy(str(number), services={"chat": {**CHAT, "purpose": str(number)}}) for number in range(30)]
    made = renderer(*policies)
    compared: list[str] = []

    def noting(old: Policy, new: Policy) -> list[Change]:
        compared.append(old.version)
        return changes(old, new)

    monkeypatch.setattr(sys.modules["cookie_consent.banner.declaration.revision"], "changes", noting)
    shown = as_data(made.declaration("en"))["revisions"]
    assert [past["version"] for past in shown] == [str(number) for number in range(29, 9, -1)]
    assert all(past["changes"] for past in shown)
    assert compared == [str(number) for number in range(9, 29)]
    compared.clear()
    for day in (5, 15, 15):  # on the first days of the first two
        assert since(made, chosen(day, policies[-1]))
    pending = chosen(15, policies[-1], pending=frozenset({"youtube"}))
    assert since(made, pending) is not None
    assert compared == ["0", "1", "1"]
