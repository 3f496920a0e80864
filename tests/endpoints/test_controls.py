"""Which control was used, in which build of the interface, and what its notice named."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.banner import Renderer
from cookie_consent.consent import edition_digest
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from cookie_consent import Policy

pytestmark = pytest.mark.anyio

SERVICES = {
    "maps": {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]},
    "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]},
}
LIMITS = {"choices_per_address": 0, "choices": 0}
POLICY = parse_policy({"version": "1", "limits": LIMITS, "services": SERVICES}, source="test")
HTML = {"accept": "text/html", "sec-fetch-dest": "document"}


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><p>Shop")


class _Forms(HTMLParser):
    """Collects what each form of a page posts, without further clicks."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[list[tuple[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append([])
        elif tag == "input" and self.forms and "name" in found and found.get("type") == "hidden":
            self.forms[-1].append((found["name"], found["value"]))


def forms_of(text: str) -> dict[str, list[tuple[str, str]]]:
    parser = _Forms()
    parser.feed(text)
    return {dict(form).get("control", ""): form for form in parser.forms}


def visiting(ledger: Ledger, policy: Policy = POLICY) -> httpx.AsyncClient:
    app = ConsentMiddleware(Starlette(routes=[Route("/", page)]), policy, secret="s" * 32, ledger=ledger)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.example")


async def post(browser: httpx.AsyncClient, form: list[tuple[str, str]]) -> httpx.Response:
    content = urlencode(form)
    return await browser.post(
        "/_consent/choices", content=content, headers={**HTML, "content-type": "application/x-www-form-urlencoded"}
    )


@pytest.mark.parametrize(
    ("path", "control"),
    [
        ("/", "accept-all"),
        ("/", "refuse-all"),
        ("/", "save"),
        ("/_consent/preferences", "accept-all"),
        ("/_consent/preferences", "refuse-all"),
        ("/_consent/preferences", "preferences"),
        ("/_consent/placeholder?service=bWFwcw==", "placeholder"),
    ],
)
async def test_each_form_says_what_it_is(path: str, control: str) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        form = forms_of((await browser.get(path, headers=HTML)).text)[control]
        assert (await post(browser, form)).status_code == 303
    (record,) = ledger.records()
    assert record.control == control
    assert re.fullmatch("[0-9a-f]{16}", record.build)
    assert record.regime == "opt-in"
    names = POLICY.names
    named = names.of(names.declared) if control != "placeholder" else names.added("", ["maps"])
    assert record.edition == edition_digest(named)
    assert record.notice is not None
    notice = ledger.notice(record.notice)
    assert notice is not None
    assert ("[Only now]" in notice.text) is (control == "placeholder")


async def test_the_answer_for_a_new_service_is_one_for_services() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["preferences", "advertising"]})
        cookies = browser.cookies
    more = {**SERVICES, "chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.example"]}}
    newer = parse_policy({"version": "2", "limits": LIMITS, "services": more}, source="test")
    async with visiting(ledger, newer) as browser:
        browser.cookies = cookies
        form = forms_of((await browser.get("/", headers=HTML)).text)["service"]
        assert (await post(browser, form)).status_code == 303
    assert [record.control for record in ledger.records()] == ["", "service"]


@pytest.mark.parametrize(
    "sent",
    [
        {"granted": [], "control": "signal"},  # no visitor can use it
        {"granted": [], "control": "Refuse-All"},
        {"granted": [], "control": "<script>"},
        {"granted": [], "control": ["save"]},
        {"granted": [], "build": 7},
    ],
)
async def test_what_no_control_can_have_sent_is_refused(sent: dict[str, Any]) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        answer = await browser.post("/_consent/choices", json=sent)
    assert answer.status_code in {400, 422}
    assert ledger.count() == 0


@pytest.mark.parametrize(
    "sent",
    [
        {"granted": ["analytics"], "control": "refuse-all"},
        {"granted": [], "services": {"maps": True}, "control": "refuse-all"},
        {"granted": [], "control": "accept-all"},
        {"granted": ["analytics"], "services": {"maps": False}, "control": "accept-all"},
        {"granted": ["analytics"], "control": "placeholder"},
        {"services": {"maps": True}, "control": "save"},
        {"services": {"maps": True}, "control": "refuse-all"},
    ],
)
async def test_a_choice_counts_without_the_control_that_cannot_have_given_it(sent: dict[str, Any]) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        assert (await browser.post("/_consent/choices", json=sent)).status_code == 200
    assert [record.control for record in ledger.records()] == [""]


async def test_accepting_all_is_what_it_was_when_the_page_came() -> None:
    """Since then the policy may offer other categories."""
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["analytics"], "control": "accept-all"})
    assert [record.control for record in ledger.records()] == ["accept-all"]


async def test_only_the_build_that_is_served_is_recorded() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with visiting(ledger) as browser:
        await browser.post("/_consent/choices", json={"granted": ["analytics"], "build": "0123456789abcdef"})
        await browser.post("/_consent/choices", json={"granted": []})
    assert [(record.build, record.control) for record in ledger.records()] == [("", ""), ("", "")]


def test_the_build_follows_template_style_and_script(tmp_path: Path) -> None:
    assets = {
        "banner.js": "/a/banner.1.js",
        "banner.css": "/a/banner.1.css",
        "frame.css": "/frame.css",
        "page.css": "/page.css",
    }
    first = Renderer(POLICY, assets=assets).build
    assert Renderer(POLICY, assets={name: f"/elsewhere{url}" for name, url in assets.items()}).build == first
    (tmp_path / "preferences.html").write_text("<p>ours", "utf-8")
    own = POLICY.model_copy(update={"banner": POLICY.banner.model_copy(update={"templates": tmp_path})})
    others = [
        Renderer(POLICY, assets={**assets, "banner.js": "/a/banner.2.js"}).build,
        Renderer(
            POLICY,
            assets={**assets, "banner.css": "/a/banner.2.css", "frame.css": "/frame.css", "page.css": "/page.css"},
        ).build,
        Renderer(own, assets=assets).build,
    ]
    assert len({first, *others}) == 4
