"""Who stores something decides, not the name that it has."""

from __future__ import annotations

from typing import Any

import pytest

from cookie_consent.scanner.draft import draft
from cookie_consent.scanner.finding import Kind
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Initiator, Phase
from tests.scanner.made import cookie, key, policy, request, scan

OWN = "https://shop.example/a.js"
TRACKER = "https://connect.facebook.net/en_US/fbevents.js"
UNKNOWN = "https://x.example/t.js"
CDN = "https://cdn.jsdelivr.net/npm/js-cookie@3/dist/js.cookie.min.js"
NAMES = ("csrftoken", "PHPSESSID", "sessionid", "JSESSIONID")
DECLARED = '[services.django]\n[[cookies]]\nname = "mine"\ncategory = "session"'


def by(*stack: str) -> list[Initiator]:
    return [Initiator(by="script", address=stack[0], stack=stack)]


def category(name: str, initiators: list[Initiator], text: str = "", **fields: Any) -> str:
    (thing, *_) = judge(scan(cookie(name, initiators=initiators, **fields)), policy(text)).things
    return thing.verdict.category


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", DECLARED])
@pytest.mark.parametrize(
    "stack",
    [
        (TRACKER,),
        (UNKNOWN,),
        (TRACKER, OWN),  # the site's script starts a tracker
        (OWN, TRACKER),  # a tracker uses a function of the site's
        (CDN, TRACKER),
        (CDN, UNKNOWN),
        (UNKNOWN, OWN),
    ],
)
def test_no_script_of_others_makes_a_name_necessary(name: str, text: str, stack: tuple[str, ...]) -> None:
    judgement = judge(scan(cookie(name, Phase.UNDECIDED, initiators=by(*stack), lifetime=86_400.0)), policy(text))
    (thing,) = judgement.things
    assert thing.verdict.category not in policy().required_ids
    assert not thing.is_declared
    assert [finding for finding in judgement.findings if finding.kind is Kind.UNDECLARED_COOKIE]
    assert [finding for finding in judgement.findings if finding.kind is Kind.BEFORE_CONSENT]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "initiators",
    [
        [Initiator(by="header", address="https://shop.example/")],
        [Initiator(by="header", address="https://login.shop.example/")],
        by(OWN),
        by("https://shop.example/"),  # a script in the page
        by(CDN, OWN),  # a library that the site's script uses
        [],  # nobody saw it
        [*by(TRACKER), Initiator(by="header", address="https://shop.example/")],  # a tracker writes what is the site's
    ],
)
def test_the_sites_own_answers_and_scripts_make_a_name_necessary(name: str, initiators: list[Initiator]) -> None:
    assert category(name, initiators) in policy().required_ids


def test_a_tracker_behind_an_own_host_or_path_makes_no_name_necessary() -> None:
    aliased = request("https://m.shop.example/c.js", aliases=("shop.112.2o7.net",))
    by_alias = cookie("csrftoken", initiators=[Initiator(by="header", address="https://m.shop.example/c.js")])
    things = judge(scan(aliased, by_alias), policy()).things
    assert {thing.verdict.category for thing in things if thing.sort == "cookie"} == {"analytics"}
    text = '[services.counter]\nname = "Counter"\ncategory = "analytics"\nhosts = ["/count/"]'
    assert category("csrftoken", by("https://shop.example/count/c.js"), text) == "analytics"


def test_a_services_own_name_is_its_own() -> None:
    assert category("__stripe_mid", by("https://js.stripe.com/v3/")) == category("__stripe_mid", [])


def test_storage_is_judged_alike() -> None:
    written = key("PHPSESSID")
    written.initiators = by(TRACKER)
    (thing,) = judge(scan(written), policy()).things
    assert thing.verdict.category == "advertising"


@pytest.mark.parametrize("name", ["cookie_consent", "__Host-cookie_consent"])
def test_a_tracker_cannot_hide_behind_this_packages_cookie(name: str) -> None:
    (thing,) = judge(scan(cookie(name, initiators=by(TRACKER))), policy()).things
    assert not thing.is_ours


def test_what_the_owner_has_declared_holds_but_is_told_of_a_tracker() -> None:
    text = '[[cookies]]\nname = "csrftoken"\ncategory = "session"'
    judgement = judge(scan(cookie("csrftoken", initiators=by(TRACKER))), policy(text))
    assert [thing.verdict.category for thing in judgement.things] == ["session"]
    (finding,) = [finding for finding in judgement.findings if finding.kind is Kind.WRONG_CATEGORY]
    assert finding.fails
    own = judge(scan(cookie("csrftoken", initiators=by(UNKNOWN))), policy(text))
    assert not [finding for finding in own.findings if finding.kind is Kind.WRONG_CATEGORY]


def test_a_draft_declares_no_framework_for_what_a_tracker_wrote() -> None:
    made = draft(scan(cookie("csrftoken", initiators=by(TRACKER))), version="1")
    assert "django" not in made.services
    assert made.services == ("facebook-pixel",)
    asked = draft(scan(cookie("PHPSESSID", initiators=by(UNKNOWN))), version="1")
    assert asked.services == ()
    assert asked.questions == ("cookie PHPSESSID",)


@pytest.mark.parametrize(("host_only", "is_own"), [(False, True), (True, False)])
def test_a_cookie_of_the_domain_above_is_the_pages_own(*, host_only: bool, is_own: bool) -> None:
    # Without `first_party_site` other hosts of the domain are not the site's, but this cookie is sent to its host.
    seen = cookie("PHPSESSID", domain="shop.example", host_only=host_only, initiators=[])
    made = scan(seen, site="https://www.shop.example/")
    (thing,) = judge(made, policy("first_party_site = false")).things
    assert (thing.is_own, thing.verdict.category == "session") == (is_own, is_own)
