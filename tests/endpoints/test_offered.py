"""What visitors are asked about: what is declared or named, and undeclared hosts by their names alone."""

from __future__ import annotations

import re
from base64 import b64encode
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger, consent_of, logs
from cookie_consent.testing import ConsentClient, make_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html", "sec-fetch-dest": "document"}
LIMITS = {"choices_per_address": 0, "choices": 0}
SAVE = "Save choices"
OPTIONAL = {"login", "preferences", "analytics", "advertising", "social", "unclassified"}


async def page(request: Request) -> HTMLResponse:
    tags = "".join(f"<img src=https://{host}/p.gif>" for host in request.query_params.getlist("host"))
    frames = "".join(f"<iframe src=https://{host}/></iframe>" for host in request.query_params.getlist("frame"))
    category = request.query_params.get("category")
    headers = {"x-allowed": str(consent_of(request).allows(category))} if category else {}
    if "cookie" in request.query_params:
        headers["set-cookie"] = request.query_params["cookie"]
    return HTMLResponse(f"<!doctype html><title>x</title><p>{tags}{frames}", headers=headers)


APP = Starlette(routes=[Route("/{path:path}", page)])


def visiting(**tables: Any) -> ConsentClient:
    return ConsentClient(APP, make_policy(limits=LIMITS, **tables), headers=HTML, base_url="http://shop.example")


def process(ledger: Ledger, jar: httpx.Cookies | None = None, **tables: Any) -> httpx.AsyncClient:
    """Return a client of one of several processes of a site."""
    app = ConsentMiddleware(APP, make_policy(limits=LIMITS, **tables), secret="s" * 40, ledger=ledger)
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=HTML, cookies=jar)


async def text(browser: httpx.AsyncClient, path: str) -> str:
    return unescape((await browser.get(path)).text)


def switches(markup: str) -> set[str]:
    """Return the categories with a switch."""
    return set(re.findall(r'<input type="checkbox"[^>]* name="granted" value="([\w-]+)"', markup))


def form(markup: str, button: str) -> dict[str, list[str]]:
    """Return the fields of the form with that button."""
    found = next(one for one in re.findall(r"<form .*?</form>", markup, re.DOTALL) if f">{button}</button>" in one)
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="([\w.-]+)" value="([^"]*)"', found):
        fields.setdefault(name, []).append(value)
    return fields


def loads(markup: str) -> set[str]:
    return set(re.findall(r"\ssrc=[\"']?https://([\w.-]+)/", markup))


async def choose(browser: httpx.AsyncClient, **choice: Any) -> dict[str, Any]:
    answer = await browser.post("/_consent/choices", json=choice, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    state: dict[str, Any] = answer.json()
    return state


async def name(browser: httpx.AsyncClient, *hosts: str) -> str:
    """Have the site's notices name the hosts; return the latest page."""
    query = "&".join(f"host={host}" for host in hosts)
    await browser.get(f"/first?{query}")
    return await text(browser, f"/second?{query}")


async def test_a_category_in_which_nothing_is_declared_is_not_offered() -> None:
    async with visiting(services={"google-analytics": {}}, cookies=own_cookies("social")) as browser:
        for path in ("/", "/_consent/settings", "/_consent/preferences"):
            markup = await text(browser, path)
            assert switches(markup) == {"analytics", "social"}
            assert form(markup, "Accept all")["granted"] == ["analytics", "social"]
            assert "Advertising" not in markup
        state = await choose(browser, granted=sorted(OPTIONAL))
        assert (state["granted"], state["decided"]) == (["analytics", "session", "social"], True)
        (record,) = browser.ledger.records()
        assert record.granted == ("analytics", "social")
        assert record.refused == ("advertising", "login", "preferences", "unclassified")
        assert "cc-panel" not in await text(browser, "/")


async def test_a_record_lists_what_was_answered_alone() -> None:
    async with visiting(services={"google-analytics": {}, "youtube": {}}, cookies=own_cookies("login")) as browser:
        markup = await text(browser, "/")
        for button, listed in (
            ("Refuse all", ((), ("analytics", "login", "social"))),
            ("Accept all", (("analytics", "login", "social"), ())),
        ):
            assert (await browser.post("/_consent/choices", data=form(markup, button))).status_code == 303
            record = max(browser.ledger.records(), key=lambda record: record.id)
            assert (record.granted, record.refused) == listed
        assert browser.ledger.stats().outcomes == {"all": 1, "none": 1}
        await choose(browser, services={"youtube": False})
        record = max(browser.ledger.records(), key=lambda record: record.id)
        assert (record.granted, record.refused) == (("analytics", "login", "social"), ())
        assert record.refused_services == ("youtube",)


async def test_a_category_is_offered_for_what_the_site_itself_does(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_logged", set())

    def at(purposes: dict[str, str], jar: httpx.Cookies | None = None) -> httpx.AsyncClient:
        return process(
            ledger, jar, services={"google-analytics": {}}, categories={"preferences": {"purposes": purposes}}
        )

    async with at({}) as before:
        assert switches(await text(before, "/")) == {"analytics"}
        assert not caplog.records  # the gates ask for no category in the application's name
        assert (await before.get("/asks?category=preferences")).headers["x-allowed"] == "False"
        assert (await before.get("/asks?category=preferences&a=1")).headers["x-allowed"] == "False"
        assert [record.args for record in caplog.records] == [("preferences", "preferences")]
        await choose(before, granted=["analytics", "preferences"])
    async with at({"offers": "Shows what goes with it."}, before.cookies) as after:
        markup = await text(after, "/")
        assert switches(markup) == {"analytics", "preferences"}
        assert "Shows what goes with it." in markup
        assert "Shows what goes with it." in await text(after, "/_consent/policy")
        await choose(after, granted=["analytics", "preferences"])
        assert (await after.get("/asks?category=preferences")).headers["x-allowed"] == "True"
    for purposes, is_asked in (
        ({"offers": "In other words."}, False),
        ({"offers": "x", "sizes": "Remembers your size."}, True),
        ({}, False),
    ):
        async with at(purposes, after.cookies) as later:
            assert ("cc-panel" in await text(later, "/")) == is_asked
            assert (await later.get("/_consent/state")).json()["decided"] != is_asked
    assert len(caplog.records) == 1


async def test_with_nothing_declared_nobody_is_asked_and_a_choice_is_no_error() -> None:
    async with visiting() as browser:
        assert "cc-panel" not in await text(browser, "/")
        assert switches(await text(browser, "/_consent/preferences")) == set()
        assert (await choose(browser, granted=["analytics"]))["granted"] == ["session"]
        (record,) = browser.ledger.records()
        assert (record.action, record.granted) == ("refused", ())


async def test_a_category_that_comes_to_be_offered_is_asked_about(ledger: Ledger) -> None:
    async with process(ledger, cookies=own_cookies("social")) as before:
        await choose(before, granted=["social", "analytics"])
        jar = before.cookies
    async with process(ledger, jar, cookies=own_cookies("social", "analytics")) as after:
        state = (await after.get("/_consent/state")).json()
        assert (state["decided"], state["granted"]) == (False, ["session", "social"])
        markup = await text(after, "/")
        assert "cc-panel" in markup
        assert switches(markup) == {"analytics", "social"}
        assert form(markup, "Accept all")["granted"] == ["analytics", "social"]


async def test_an_undeclared_host_is_offered_by_name_once_two_pages_load_it() -> None:
    async with visiting(cookies=own_cookies("analytics")) as browser:
        first = await text(browser, "/a?host=cdn.example")
        again = await text(browser, "/a?host=cdn.example&b=1")
        assert "unclassified" not in switches(first) | switches(again)
        second = await text(browser, "/b?host=cdn.example")
        for markup in (second, await text(browser, "/_consent/settings"), await text(browser, "/_consent/preferences")):
            assert switches(markup) == {"analytics", "unclassified"}
            assert form(markup, "Accept all")["granted"] == ["analytics"]
        assert "Services: cdn.example" in second
        assert "<b>cdn.example</b>" in await text(browser, "/_consent/preferences")
        declared = (await browser.get("/_consent/policy.json")).json()["categories"][-1]
        assert (declared["id"], declared["services"][0]["name"]) == ("unclassified", "cdn.example")


async def test_accepting_all_leaves_undeclared_hosts_held_and_asks_nobody_again() -> None:
    async with visiting(cookies=own_cookies("analytics")) as browser:
        markup = await name(browser, "cdn.example")
        answer = await browser.post("/_consent/choices", data=form(markup, "Accept all"))
        assert answer.status_code == 303
        state = (await browser.get("/_consent/state")).json()
        assert (state["decided"], state["refused"].count("unclassified")) == (True, 1)
        markup = await name(browser, "cdn.example", "new.example")
        assert loads(markup) == set()
        assert "cc-panel" not in markup


async def test_a_site_with_nothing_but_undeclared_hosts_has_no_banner() -> None:
    async with visiting() as browser:
        assert "cc-panel" not in await name(browser, "cdn.example")
        assert switches(await text(browser, "/_consent/preferences")) == {"unclassified"}
        assert switches(await text(browser, "/_consent/settings")) == {"unclassified"}


async def test_the_switch_covers_the_hosts_that_were_named_and_no_others() -> None:
    async with visiting(cookies=own_cookies("analytics")) as browser:
        await name(browser, "cdn.example", "img.example")
        fields = form(await text(browser, "/_consent/preferences"), SAVE)
        await browser.post("/_consent/choices", data={**fields, "granted": ["unclassified"]})
        state = (await browser.get("/_consent/state")).json()
        assert (state["granted"], state["named"]) == (["session", "unclassified"], ["cdn.example", "img.example"])
        markup = await name(browser, "cdn.example", "img.example", "new.example")
        assert loads(markup) == {"cdn.example", "img.example"}
        assert 'data-consent="unclassified" data-consent-service="new.example"' in markup
        assert "cc-panel" not in markup
        policy = (await browser.get("/third")).headers["content-security-policy"]
        assert "cdn.example:*" in policy
        assert "new.example" not in policy
        # Another answer keeps what it names, and takes a single host out.
        await choose(browser, services={"img.example": False})
        assert loads(await text(browser, "/4?host=cdn.example&host=img.example")) == {"cdn.example"}


async def test_a_notice_with_hosts_is_answered_at_a_process_that_has_met_none(ledger: Ledger) -> None:
    async with process(ledger) as first:
        await name(first, "cdn.example")
        fields = form(await text(first, "/_consent/preferences"), SAVE)
    async with process(ledger) as second:
        answer = await second.post("/_consent/choices", data={**fields, "granted": ["unclassified"]})
        assert answer.status_code == 303, answer.text
        assert loads(await text(second, "/x?host=cdn.example&host=b.example")) == {"cdn.example"}
        assert switches(await text(second, "/_consent/preferences")) == {"unclassified"}


async def test_a_frames_placeholder_allows_its_host_alone() -> None:
    async with visiting() as browser:
        framed = await text(browser, "/?frame=film.example&host=cdn.example")
        fields = form(unescape(framed), "Allow film.example")
        assert fields["service.film.example"] == ["1"]
        address = b64encode(b"https://film.example/").decode()
        assert form(await text(browser, f"/_consent/placeholder?address={address}"), "Allow film.example")
        assert (await browser.post("/_consent/choices", data=fields)).status_code == 303
        assert loads(await text(browser, "/?frame=film.example&host=cdn.example")) == {"film.example"}
        assert "<b>film.example</b>" in await text(browser, "/_consent/preferences")
        # Global Privacy Control that comes later refuses it: nobody knows what it does with the data.
        signalled = await browser.get("/?frame=film.example", headers={"sec-gpc": "1"})
        assert loads(signalled.text) == set()
        await choose(browser, granted=[])
        await browser.post("/_consent/choices", data={**fields, "for": "visit"})
        state = (await browser.get("/_consent/state")).json()
        assert (state["visit"], state["services"]) == (["film.example"], {"film.example": True})


@pytest.mark.parametrize("unknown_hosts", ["allow", "block"])
async def test_hosts_are_named_only_where_visitors_are_asked_about_them(unknown_hosts: str) -> None:
    async with visiting(unknown_hosts=unknown_hosts) as browser:
        markup = await name(browser, "cdn.example")
        assert loads(markup) == ({"cdn.example"} if unknown_hosts == "allow" else set())
        assert switches(await text(browser, "/_consent/preferences")) == set()
        answer = await browser.post("/_consent/choices", json={"services": {"cdn.example": True}})
        assert answer.status_code == 422


async def test_what_browsers_report_names_nothing() -> None:
    async with visiting() as browser:
        for path in ("/a", "/b", "/c"):
            held = [{"kind": "host", "name": "evil.example"}]
            await browser.post("/_consent/report", json={"path": path, "held": held})
        assert switches(await text(browser, "/_consent/preferences")) == set()


SETTINGS = ("/_consent/preferences", "/_consent/settings")


async def test_unclassified_is_offered_once_the_site_sets_an_undeclared_cookie() -> None:
    async with visiting(unknown_cookies="ask", cookies=own_cookies("analytics")) as browser:
        for path in ("/", *SETTINGS):
            assert switches(await text(browser, path)) == {"analytics"}
        # What the visitor's browser sends or reports is no reason, nor is a cookie that is dropped in any case.
        browser.cookies.set("mine", "1")
        await browser.get("/")
        held = [{"kind": "cookie", "name": "mine"}]
        await browser.post("/_consent/report", json={"path": "/", "held": held})
        await browser.get("/?cookie=a%01%3D1")
        await browser.get("/?cookie=gone%3D; Max-Age=0")
        assert switches(await text(browser, SETTINGS[0])) == {"analytics"}
        met = await browser.get("/?cookie=odd%3D1; Max-Age=99")
        assert not any(line.startswith("odd=") for line in met.headers.get_list("set-cookie"))
        for markup in (unescape(met.text), *[await text(browser, path) for path in SETTINGS]):
            assert switches(markup) == {"analytics", "unclassified"}
            assert form(markup, "Accept all")["granted"] == ["analytics"]
        await choose(browser, granted=["unclassified"])
        assert "odd=1" in (await browser.get("/?cookie=odd%3D1")).headers.get_list("set-cookie")


async def test_other_processes_offer_unclassified_as_well(ledger: Ledger) -> None:
    asking: dict[str, Any] = {"unknown_cookies": "ask"}
    async with process(ledger, **asking) as first:
        await first.get("/?cookie=odd%3D1")
        fields = form(await text(first, SETTINGS[0]), SAVE)
    async with process(ledger, **asking) as second:
        answer = await second.post("/_consent/choices", data={**fields, "granted": ["unclassified"]})
        assert answer.status_code == 303, answer.text
        assert (await second.get("/?cookie=odd%3D1")).headers["set-cookie"] == "odd=1"


async def test_a_cookie_that_only_scripts_write_is_asked_about_once_it_is_declared() -> None:
    async with visiting(unknown_cookies="ask", cookies=[{"name": "odd", "category": "unclassified"}]) as browser:
        for path in SETTINGS:
            assert switches(await text(browser, path)) == {"unclassified"}


@pytest.mark.parametrize("host", ["localhost", "No.Example", "a b.example", "[::1]", "x." * 130 + "example", "*"])
async def test_what_no_notice_can_name_cannot_be_allowed(host: str) -> None:
    async with visiting() as browser:
        answer = await browser.post("/_consent/choices", json={"services": {host: True}})
        assert answer.status_code == 422


CHAT = {"name": "Chat", "category": "preferences", "hosts": ["chat.example"]}
ADS = {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]}
NEW = "New since your choice"


@pytest.mark.parametrize("answer", [True, False])
async def test_a_service_in_a_category_that_was_not_offered_is_asked_for_by_name(*, answer: bool) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with process(ledger, services={"ads": ADS}) as before:
        await choose(before, granted=["advertising"])
    both = "/?host=ads.example&host=chat.example"
    async with process(ledger, before.cookies, services={"ads": ADS, "chat": CHAT}) as browser:
        markup = await text(browser, both)
        assert NEW in markup
        assert not switches(markup)
        await choose(browser, services={"chat": answer})
        markup = await text(browser, both)
        assert NEW not in markup
        assert loads(markup) == {"ads.example", *(["chat.example"] if answer else [])}
        assert (await browser.get("/_consent/state")).json()["decided"]


FILM = {"name": "Film", "category": "social", "hosts": ["film.example"]}
TALK = {"name": "Talk", "category": "preferences", "hosts": ["talk.example"]}


@pytest.mark.parametrize("first", [["advertising"], []])
async def test_who_refuses_all_that_is_new_in_a_category_has_refused_the_category(first: list[str]) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with process(ledger, services={"ads": ADS}) as before:
        await choose(before, granted=first)
    async with process(ledger, before.cookies, services={"ads": ADS, "chat": CHAT}) as browser:
        data = form(await text(browser, "/"), "Refuse")
        assert (await browser.post("/_consent/choices", data=data)).status_code == 303
        assert "cc-panel" not in await text(browser, "/")
    record = max(ledger.records(), key=lambda record: record.id)
    assert (record.granted, record.refused_services) == (tuple(first), ("chat",))
    assert set(record.refused) | set(first) == {"advertising", "preferences"}
    async with process(ledger, browser.cookies, services={"ads": ADS, "chat": CHAT, "talk": TALK}) as later:
        assert "cc-panel" not in await text(later, "/")  # a service in a category that was refused
        state = (await later.get("/_consent/state")).json()
        assert (state["decided"], "preferences" in state["refused"]) == (True, True)


async def test_a_category_of_which_a_service_is_left_is_not_refused() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with process(ledger, services={"ads": ADS}) as before:
        await choose(before, granted=["advertising"])
    async with process(ledger, before.cookies, services={"ads": ADS, "chat": CHAT, "talk": TALK}) as browser:
        await choose(browser, services={"chat": False})
        assert NEW in await text(browser, "/")
        assert max(ledger.records(), key=lambda record: record.id).refused == ()
        assert (await choose(browser, services={"talk": False}))["decided"]
        assert max(ledger.records(), key=lambda record: record.id).refused == ("preferences",)


@pytest.mark.parametrize(
    "more",
    [
        {"cookies": own_cookies("preferences")},
        {"cookies": [{"name": "own", "category": "analytics", "max_age": "2y"}]},  # longer than it was shown
    ],
)
async def test_a_placeholders_answer_keeps_earlier_refusals_while_all_is_asked_again(more: dict[str, Any]) -> None:
    ledger = Ledger("sqlite://", memory=True)
    services = {"ads": ADS, "film": FILM}
    own = [{"name": "own", "category": "analytics", "max_age": "1d"}]
    async with process(ledger, services=services, cookies=own) as before:
        await choose(before, granted=["analytics"])
    (new,) = {rule["category"] for rule in more["cookies"]}
    async with process(ledger, before.cookies, services=services, **more) as browser:
        for _ in range(2):
            state = (await browser.get("/_consent/state")).json()
            assert (state["decided"], state["unanswered"]) == (False, [new])
            assert {"advertising", "social"} <= set(state["refused"])
            assert "cc-panel" in await text(browser, "/")
            await choose(browser, services={"film": True}, control="placeholder")
            record = max(ledger.records(), key=lambda record: record.id)
            assert (record.refused, record.granted_services) == (("advertising", "social"), ("film",))
        assert (await choose(browser, granted=[]))["unanswered"] == []
        assert "cc-panel" not in await text(browser, "/")


async def test_all_is_asked_again_where_the_site_itself_stores_in_a_new_category() -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with process(ledger, services={"ads": ADS}) as before:
        await choose(before, granted=["advertising"])
    tables = {"services": {"ads": ADS, "chat": CHAT}, "cookies": own_cookies("preferences")}
    async with process(ledger, before.cookies, **tables) as browser:
        markup = await text(browser, "/?host=ads.example")
        assert NEW not in markup
        assert switches(markup) == {"advertising", "preferences"}
        assert loads(markup) == {"ads.example"}  # what was agreed to stays
