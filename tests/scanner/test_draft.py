"""A policy from what a scan saw."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.endpoints.reports import Finding as Report
from cookie_consent.endpoints.reports import Observation
from cookie_consent.endpoints.reports.advice import comment_text
from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, parse_policy
from cookie_consent.scanner.draft import Answers, Draft, draft
from cookie_consent.scanner.finding import Kind
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Initiator, Mode, Phase, Scan
from tests.scanner.made import cookie, key, request, scan, snippet

GA = "https://www.google-analytics.com/analytics.js"
CLOAKED = request("https://m.shop.example/t", aliases=("shop.example.sc.omtrdc.net",))


def drafted(*things: Any, answers: Answers | None = None, **options: Any) -> Draft:
    return draft(scan(*things), answers, version="2026-11-27", **options)


def answered(text: str, category: str = "preferences") -> Policy:
    """Return the policy once every question is answered."""
    lines = re.sub(r"^# (?=\[|name = |category = |hosts = |domain = )", "", text, flags=re.MULTILINE)
    lines = lines.replace('"unclassified"', f'"{category}"')
    return parse_policy(tomllib.loads(lines), source="answered")


def undeclared(seen: Scan, policy: Policy) -> set[str]:
    return {finding.subject for finding in judge(seen, policy).findings if finding.kind.startswith("undeclared-")}


def test_known_services_are_declared_in_one_line_each() -> None:
    made = drafted(
        request(GA), cookie("_ga"), cookie("_hjSessionUser_1"), snippet("facebook-pixel"), cookie("csrftoken")
    )
    assert made.questions == ()
    assert {"google-analytics", "hotjar", "facebook-pixel", "django"} <= set(made.services)
    assert "\n[services.google-analytics]  # Google Analytics\n" in made.text
    assert made.policy.site == "shop.example"


def test_what_nobody_knows_is_a_question_with_its_evidence() -> None:
    things = (
        cookie("_foo", Phase.UNDECIDED),
        request("https://unknown.example/x.js"),
        key("odd key"),
        cookie("id", domain="other.example"),
    )
    made = drafted(*things, hint=lambda thing: f"looks like {thing.name}")
    assert set(made.questions) == {
        "cookie _foo",
        "host unknown.example",
        "storage key odd key",
        "cookie id of other.example",
    }
    assert "## What is the cookie _foo for?" in made.text
    assert "##   set or loaded by script https://shop.example/a.js" in made.text
    assert "##   on https://shop.example/ (undecided)" in made.text
    assert "##   looks like _foo" in made.text
    assert made.policy.cookies == ()
    assert undeclared(scan(*things), made.policy) == set(made.questions)


def test_once_the_questions_are_answered_nothing_fails() -> None:
    things = (
        cookie("_foo"),
        cookie("cart_1234567"),
        cookie("id", domain="other.example"),
        request("https://unknown.example/x.js"),
        request(GA),
        key("odd_key"),
        CLOAKED,
    )
    made = drafted(*things)
    assert judge(scan(*things), made.policy).fails
    judgement = judge(scan(*things), answered(made.text)).for_declarations()
    assert [finding for finding in judgement.findings if finding.fails] == []


def test_a_cookie_that_only_the_script_of_a_known_service_sets_is_of_its_category() -> None:
    by_ga = [Initiator(by="script", address=GA)]
    made = drafted(cookie("_foo", initiators=by_ga), request(GA))
    assert made.questions == ()
    assert [(rule.name, rule.category) for rule in made.policy.cookies] == [("_foo", "analytics")]
    by_both = [*by_ga, Initiator(by="script", address="https://shop.example/a.js")]
    assert drafted(cookie("_foo", initiators=by_both), request(GA)).questions == ("cookie _foo",)
    by_needed = [Initiator(by="script", address="https://js.stripe.com/v3")]
    assert drafted(cookie("_foo", initiators=by_needed)).questions == ("cookie _foo",)
    by_header = [Initiator(by="header", address=GA)]
    assert drafted(cookie("_foo", initiators=by_header)).questions == ("cookie _foo",)


def test_a_service_behind_an_own_host_is_declared_with_that_host() -> None:
    made = drafted(CLOAKED)
    (service,) = made.policy.services
    assert "m.shop.example" in service.hosts
    assert len(service.hosts) > 1
    assert not [finding for finding in judge(scan(CLOAKED), made.policy).findings if finding.fails]


def test_answers() -> None:
    answers = Answers(
        company='A "quoted" \\ name', contact="a@x.example", privacy_url="/privacy", languages=("de", "en"), region="DE"
    )
    made = drafted(answers=answers).policy
    assert made.controller is not None
    assert (made.controller.name, made.controller.contact) == (answers.company, answers.contact)
    assert (made.controller.country, made.banner.privacy_url) == ("DE", "/privacy")
    assert made.banner.languages == ("de", "en")
    assert drafted().policy.controller is None


@pytest.mark.parametrize(
    ("answers", "key"),
    [
        (Answers(company="x", region="Germany"), "controller.country"),
        (Answers(privacy_url="not an address"), "banner.privacy_url"),
    ],
)
def test_a_wrong_answer_is_told(answers: Answers, key: str) -> None:
    with pytest.raises(PolicyError) as told:
        drafted(answers=answers)
    assert [problem.key for problem in told.value.problems] == [key]


def test_reports_and_inventory_are_added_once() -> None:
    day = date(2026, 11, 24)
    seen = [
        Observation(kind="host", name="www.googletagmanager.com", directive="script", service="google-tag-manager"),
        Observation(kind="cookie", name="odd", directive="set-cookie"),
        Observation(kind="cookie", name="other", directive="set-cookie"),
    ]
    reports = [Report(observation=one, paths=("/",), count=1, first=day, last=day) for one in seen]
    inventory = ["hotjar", "google-tag-manager", "cdn.unknown.example"]
    made = drafted(cookie("odd"), reports=reports, inventory=inventory)
    assert {"hotjar", "google-tag-manager"} <= set(made.services)
    assert made.text.count("[services.google-tag-manager]") == 1
    assert made.text.count('name = "odd"') == 1
    assert '# name = "other"' in made.text
    assert '# hosts = ["cdn.unknown.example"]' in made.text
    assert made.policy.cookies == ()


@pytest.mark.parametrize("site", ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:80/", "http://[", ""])
def test_an_address_of_a_test_is_not_the_site(site: str) -> None:
    assert draft(scan(site=site), version="1").policy.site is None


NAMES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="\x00\n\r\t\"\\'#[]{}*=.\u2028\u202e\ud800 a1", max_size=20),
    st.sampled_from(["_ga", "csrftoken", "{hex}", "*", "a" * 3000, "[services.x]\nname = 1", "unclassified"]),
)
HOSTS = st.one_of(
    NAMES,
    st.sampled_from(["x.example", "y.x.example", "shop.example", "doubleclick.net", "1.2.3.4", "[::1]", "é.example"]),
)


@st.composite
def scans(draw: Any) -> Scan:
    things: list[Any] = []
    for _ in range(draw(st.integers(0, 4))):
        script = [Initiator(by=draw(NAMES), address=draw(st.one_of(NAMES, st.just(GA))))]
        things += [
            cookie(draw(NAMES), domain=draw(HOSTS), initiators=script),
            key(draw(NAMES), origin=f"https://{draw(HOSTS)}"),
        ]
        host = draw(HOSTS)
        made = request("https://a/b", aliases=tuple(draw(st.lists(HOSTS, max_size=2))))
        made.host, made.address = host, f"https://{host}/{draw(NAMES)}"
        things.append(made)
    if draw(st.booleans()):
        things.append(snippet(draw(st.one_of(NAMES, st.just("hotjar")))))
    return scan(*things, site=f"https://{draw(HOSTS)}/")


@settings(max_examples=150, deadline=None)
@given(scans(), NAMES)
def test_whatever_was_seen_the_file_is_a_policy_and_only_its_questions_are_open(seen: Scan, told: str) -> None:
    made = draft(seen, version="1", hint=lambda _: told)
    loaded = parse_policy(tomllib.loads(made.text.encode().decode()), source="test")
    assert loaded == made.policy
    left = undeclared(seen, loaded)
    assert left <= set(made.questions)
    assert all(f"## What is the {comment_text(subject)} for?" in made.text for subject in left)
    wrong = [finding for finding in judge(seen, loaded).findings if finding.kind is Kind.WRONG_CATEGORY]
    assert wrong == []
    # Nothing that was drafted is always on but what the registry knows as such.
    assert not [rule for rule in loaded.cookies if rule.category in loaded.required_ids]


def test_the_site_is_where_the_address_leads() -> None:
    found = Scan(site="https://brand.test/", mode=Mode.HTTP, started="2026-11-27T12:00:00Z")
    found.landed = "https://www.brand.example/"
    made = draft(found, Answers(), version="1")
    assert made.policy.site == "www.brand.example"
