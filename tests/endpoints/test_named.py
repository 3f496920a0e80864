"""Nothing comes alive for visitors but what the notice that they answered has named."""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from itsdangerous import URLSafeSerializer
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger, Policy
from cookie_consent.policy import parse_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import tzinfo

    from starlette.requests import Request

pytestmark = pytest.mark.anyio

ADS = {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]}
CHAT = {"name": "Acme Chat", "company": "Acme", "category": "preferences", "hosts": ["chat.example"]}
TAGS = "<script src=https://ads.example/a.js></script><script src=https://chat.example/a.js></script>"
PAGE = {"accept": "text/html", "sec-fetch-dest": "document"}
ALL = ["login", "preferences", "analytics", "advertising", "social"]
OWN = own_cookies(*ALL)
SECRET = "s" * 40


def policy(*, version: str = "1", services: dict[str, Any] | None = None, **more: Any) -> Policy:
    values = {
        "version": version,
        "services": services if services is not None else {"ads": ADS},
        "cookies": OWN,
        **more,
    }
    return parse_policy(values, source="test")


OLD, NEW = policy(), policy(version="2", services={"ads": ADS, "chat": CHAT})


def make(rules: Policy, ledger: Ledger, markup: str = TAGS) -> ConsentMiddleware:
    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><title>a</title>{markup}")

    async def video(_: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><iframe src=https://www.youtube.com/embed/x></iframe>")

    async def counted(request: Request) -> HTMLResponse:
        response = await page(request)
        response.set_cookie("chat_count", "1", max_age=86400)
        return response

    app = Starlette(routes=[Route("/", page), Route("/video", video), Route("/counted", counted)])
    return ConsentMiddleware(app, rules, secret=SECRET, ledger=ledger)


@pytest.fixture
def ledger(ledger_url: str) -> Ledger:
    return Ledger(ledger_url)


class Visitor:
    def __init__(self) -> None:
        self.cookies = httpx.Cookies()
        self.page = ""

    @asynccontextmanager
    async def at(self, app: ConsentMiddleware) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", headers=PAGE) as client:
            client.cookies = self.cookies
            yield client
            self.cookies = client.cookies  # a copy

    async def opens(self, app: ConsentMiddleware, path: str = "/") -> set[str]:
        """Open a page; return the hosts that it loads from."""
        async with self.at(app) as client:
            self.page = (await client.get(path)).text
        return set(re.findall(r"\ssrc=[\"']?https://([\w.]+)/", self.page))

    async def chooses(self, app: ConsentMiddleware, status: int = 200, **body: Any) -> dict[str, Any]:
        async with self.at(app) as client:
            headers = {"accept": "application/json", "content-type": "application/json"}
            answer = await client.post("/_consent/choices", content=json.dumps(body), headers=headers)
        assert answer.status_code == status, answer.text
        state: dict[str, Any] = answer.json()
        return state

    async def submits(self, app: ConsentMiddleware, button: str) -> None:
        """Send the banner's form of a button, as a browser without JavaScript does."""
        forms = re.findall(r"<form method=\"post\".*?</form>", self.page, re.DOTALL)
        form = next(form for form in forms if f">{button}</button>" in form)
        fields = re.findall(r'name="([\w.-]+)" value="([^"]*)"', form)
        data: dict[str, list[str]] = {}
        for name, text in fields:
            data.setdefault(name, []).append(unescape(text))
        async with self.at(app) as client:
            answer = await client.post("/_consent/choices", data=data)
        assert answer.status_code == 303, answer.text

    @property
    def is_asked(self) -> bool:
        return 'class="cc-panel"' in self.page

    @property
    def cookie(self) -> str:
        return str(self.cookies["cookie_consent"])


async def test_only_what_is_new_is_asked_for_and_earlier_answers_stay(ledger: Ledger) -> None:
    visitor, old, new = Visitor(), make(OLD, ledger), make(NEW, ledger)
    await visitor.chooses(old, granted=ALL)
    assert await visitor.opens(old) == {"ads.example"}
    assert not visitor.is_asked
    assert await visitor.opens(new) == {"ads.example"}
    assert visitor.is_asked
    assert "New since your choice" in visitor.page
    assert "<b>Acme Chat</b>, in the category “Personalisation”" in unescape(visitor.page)
    assert "Accept all" not in visitor.page
    await visitor.submits(new, "Allow")
    assert await visitor.opens(new) == {"ads.example", "chat.example"}
    assert not visitor.is_asked
    record = max(ledger.records(), key=lambda record: record.id)
    assert (record.granted, record.granted_services) == (tuple(sorted(ALL)), ("chat",))
    assert (record.action, record.policy_version) == ("changed", "2")


async def test_what_is_new_can_be_refused_and_is_not_asked_again(ledger: Ledger) -> None:
    visitor, new = Visitor(), make(NEW, ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    await visitor.opens(new)
    await visitor.submits(new, "Refuse")
    assert await visitor.opens(new) == {"ads.example"}
    assert not visitor.is_asked


async def test_what_was_allowed_as_new_goes_with_its_category(ledger: Ledger) -> None:
    visitor, new = Visitor(), make(NEW, ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    await visitor.chooses(new, services={"chat": True})
    assert await visitor.opens(new) == {"ads.example", "chat.example"}
    assert [record.granted_services for record in ledger.records()] == [(), ("chat",)]
    state = await visitor.chooses(new, granted=["advertising"])
    assert state["services"] == {}
    assert await visitor.opens(new) == {"ads.example"}


async def test_a_new_service_in_a_refused_category_asks_nobody(ledger: Ledger) -> None:
    visitor, new = Visitor(), make(NEW, ledger)
    await visitor.chooses(make(OLD, ledger), granted=["advertising"])
    assert await visitor.opens(new) == {"ads.example"}
    assert not visitor.is_asked
    refuser = Visitor()
    await refuser.chooses(make(OLD, ledger), granted=[])
    assert await refuser.opens(new) == set()
    assert not refuser.is_asked


async def test_the_state_says_what_is_named_and_what_waits(ledger: Ledger) -> None:
    visitor, new = Visitor(), make(NEW, ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    async with visitor.at(new) as client:
        state = (await client.get("/_consent/state")).json()
    assert (state["decided"], state["named"], state["pending"]) == (False, ["ads"], ["chat"])
    assert (state["unanswered"], state["refused"]) == ([], ["unclassified"])
    state = await visitor.chooses(new, services={"chat": True})
    assert (state["decided"], state["named"], state["pending"]) == (True, ["ads", "chat"], [])


async def test_labels_names_and_texts_ask_nobody(ledger: Ledger) -> None:
    visitor = Visitor()
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    other = policy(version="3", services={"ads": {**ADS, "name": "Adverts", "purpose": "Shows adverts"}})
    assert await visitor.opens(make(other, ledger)) == {"ads.example"}
    assert not visitor.is_asked


@pytest.mark.parametrize(
    "changed", [{"category": "preferences"}, {"cookies": [{"name": "a", "max_age": "2y", "party": "third"}]}]
)
async def test_another_category_or_a_longer_lifetime_is_held_and_asked_for(
    ledger: Ledger, changed: dict[str, Any]
) -> None:
    visitor, new = Visitor(), make(policy(services={"ads": {**ADS, **changed}}), ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    assert await visitor.opens(new) == set()
    assert "<b>Ads</b>" in visitor.page


async def test_a_new_category_and_another_controller_ask_for_everything(ledger: Ledger) -> None:
    visitor = Visitor()
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    games = {"name": "Games", "purpose": "Play", "consequence": "No games"}
    more = policy(categories={"games": games}, cookies=[*OWN, {"name": "level", "category": "games"}])
    assert await visitor.opens(make(more, ledger)) == {"ads.example"}  # what was answered stays
    assert "Accept all" in visitor.page
    assert await visitor.opens(make(policy(controller={"name": "Shop"}), ledger)) == set()
    assert "Accept all" in visitor.page


async def test_who_refused_a_category_is_not_asked_when_its_own_cookies_last_longer(ledger: Ledger) -> None:
    longer = make(policy(cookies=[*OWN, {"name": "seen", "category": "analytics", "max_age": "1y"}]), ledger)
    visitor, agreed = Visitor(), Visitor()
    await visitor.chooses(make(OLD, ledger), granted=["advertising"])
    assert await visitor.opens(longer) == {"ads.example"}
    assert not visitor.is_asked
    await agreed.chooses(make(OLD, ledger), granted=ALL)
    await agreed.opens(longer)
    assert "Accept all" in agreed.page


async def test_all_can_be_asked_again_from_a_day_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, today = Visitor(), datetime.now(UTC).date()
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    assert await visitor.opens(make(policy(ask_again_since=str(today)), ledger)) == {"ads.example"}
    site = make(policy(ask_again_since=str(today + timedelta(days=1))), ledger)
    assert await visitor.opens(site) == {"ads.example"}  # whoever chooses before that day is not asked on and on
    assert not visitor.is_asked

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Tomorrow:
            return super().now(tz) + timedelta(days=1)

    module = sys.modules["cookie_consent.consent.decide"]  # the package has a function of that name
    monkeypatch.setattr(module, "datetime", Tomorrow)
    assert await visitor.opens(site) == set()
    assert "Accept all" in visitor.page


async def test_a_cookie_that_moves_to_an_agreed_category_is_held_until_it_is_agreed_to(ledger: Ledger) -> None:
    def site(category: str) -> ConsentMiddleware:
        cookies = [{"name": "chat_count", "category": category, "max_age": "30d"}]
        return make(policy(services={"chat": {**CHAT, "cookies": cookies}}), ledger)

    visitor, old, new = Visitor(), site("analytics"), site("preferences")
    await visitor.chooses(old, granted=["preferences"])
    assert await visitor.opens(old, "/counted") == {"chat.example"}
    assert "chat_count" not in visitor.cookies
    assert await visitor.opens(new, "/counted") == set()
    assert "chat_count" not in visitor.cookies
    assert "<b>Acme Chat</b>" in visitor.page
    await visitor.submits(new, "Allow")
    for app in (new, new):
        assert await visitor.opens(app, "/counted") == {"chat.example"}
        assert not visitor.is_asked
    assert "chat_count" in visitor.cookies
    assert await visitor.opens(old, "/counted") == {
        "chat.example"
    }  # where the earlier policy still runs, so does its answer


async def test_any_process_takes_the_answer_to_a_notice_of_another(ledger: Ledger) -> None:
    visitor, old, new = Visitor(), make(OLD, ledger), make(NEW, ledger)
    await visitor.opens(old)
    edition = re.findall(r'data-edition="([^"]+)"', visitor.page)[0]
    await visitor.chooses(new, granted=ALL, edition=edition)
    assert await visitor.opens(new) == {"ads.example"}
    assert "<b>Acme Chat</b>" in visitor.page


@pytest.mark.parametrize("edition", ["x", "ImEi.x", "ë"])
async def test_a_forged_edition_is_asked_again(ledger: Ledger, edition: str) -> None:
    visitor = Visitor()
    problem = await visitor.chooses(make(OLD, ledger), 409, granted=ALL, edition=edition)
    assert problem["error"] == "notice-changed"
    assert "cookie_consent" not in visitor.cookies


async def test_only_a_notices_hash_is_looked_up_and_only_within_the_limit(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ledger, "notice", asked.append)
    waits = iter((0.0, 0.0, 0.0, 9.0, 9.0))
    monkeypatch.setattr("cookie_consent.endpoints.choice_limit.ChoiceLimit.take", lambda *_: next(waits))
    site = make(OLD, ledger)
    visitor = Visitor()
    await visitor.opens(site)
    edition = re.findall(r'data-edition="([^"]+)"', visitor.page)[0]
    await visitor.chooses(site, granted=[], edition=edition, notice="\ud800" + "0" * 63)
    await visitor.chooses(site, granted=[], edition=edition, notice="0" * 65)
    assert asked == []
    for _ in range(3):
        await visitor.chooses(site, granted=[], edition=edition, notice="0" * 64)
    assert asked == ["0" * 64]


async def test_a_release_that_knows_no_placeholders_notice_takes_its_form(ledger: Ledger) -> None:
    visitor, site = Visitor(), make(NEW, ledger)
    await visitor.opens(site, f"/_consent/placeholder?service={b64encode(b'chat').decode()}")
    fields = fields_of(visitor.page)
    assert "notice" not in fields  # which it would look up among the banner's
    assert re.fullmatch("[0-9a-f]{64}", fields["placeholder"])
    more: dict[str, Any] = {name: fields[name] for name in ("control", "edition", "language", "placeholder")}
    await visitor.chooses(site, services={"chat": True}, **more)  # as the banner's script sends it
    *_, record = ledger.records()
    assert (record.control, record.notice) == ("placeholder", fields["placeholder"])


async def test_what_a_notice_did_not_name_still_waits_after_the_answer(ledger: Ledger) -> None:
    visitor = Visitor()
    maps = {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]}
    new = make(policy(services={"ads": ADS, "chat": CHAT, "maps": maps}), ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    await visitor.opens(new, f"/_consent/placeholder?service={b64encode(b'maps').decode()}")
    edition = fields_of(visitor.page)["edition"]
    state = await visitor.chooses(new, services={"chat": True, "maps": True}, edition=edition)
    assert (state["decided"], state["pending"]) == (False, ["chat"])
    async with visitor.at(new) as client:
        assert (await client.get("/_consent/state")).json() == state
    state = await visitor.chooses(new, services={"chat": False})
    assert (state["decided"], state["pending"]) == (True, [])


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_receipt_of_single_services_names_no_others(ledger: Ledger, is_signed: bool) -> None:  # noqa: FBT001
    visitor = Visitor()
    maps = {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]}
    new = make(policy(services={"ads": ADS, "chat": CHAT, "maps": maps}), ledger)
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    await visitor.opens(new)
    edition = re.findall(r'data-edition="([^"]+)"', visitor.page)[0]
    await visitor.chooses(new, services={"maps": True}, **({"edition": edition} if is_signed else {}))
    assert await visitor.opens(new) == {"ads.example"}
    async with visitor.at(new) as client:
        receipt = (await client.get("/_consent/receipt?format=json")).json()
    named = [recipient["service"] for recipient in receipt["records"][-1]["recipients"]]
    assert named == ["maps"]


def lasting(max_age: str, **more: Any) -> Policy:
    """Return a policy whose chat stores something for that long."""
    chat = {**CHAT, "cookies": [{"name": "chat_count", "max_age": max_age}], **more}
    return policy(services={"ads": ADS, "chat": chat})


def fields_of(page: str) -> dict[str, str]:
    """Return what the last form of a page sends."""
    form = re.findall(r"<form method=\"post\".*?</form>", page, re.DOTALL)[-1]
    return {name: unescape(text) for name, text in re.findall(r'name="([\w.-]+)" value="([^"]*)"', form)}


async def allowed(visitor: Visitor, shown: ConsentMiddleware, answered: ConsentMiddleware, **more: str) -> int:
    """Allow the chat at a placeholder of one process, and send that to another; return the status."""
    await visitor.opens(shown, f"/_consent/placeholder?service={b64encode(b'chat').decode()}")
    fields = {name: text for name, text in fields_of(visitor.page).items() if name != "for"}
    async with visitor.at(answered) as client:
        answer = await client.post("/_consent/choices", data={**fields, **more})
    return answer.status_code


async def test_a_placeholders_answer_covers_what_the_placeholder_named(ledger: Ledger) -> None:
    longer, shorter, site = make(lasting("1y"), ledger), make(lasting("7d"), ledger), make(lasting("30d"), ledger)
    visitor = Visitor()
    assert await allowed(visitor, site, shorter) == 303
    for app, loaded in ((shorter, {"chat.example"}), (site, {"chat.example"}), (longer, set())):
        assert await visitor.opens(app) == loaded
    (record,) = ledger.records()
    notice = ledger.notice(record.notice or "")
    assert notice is not None
    assert notice.text.startswith("Acme Chat\nThis content would be loaded from chat.example (Personalisation).")


@pytest.mark.parametrize("when", ["", "visit"])
async def test_what_a_placeholder_did_not_name_is_not_allowed_at_it(ledger: Ledger, when: str) -> None:
    visitor, moved = Visitor(), make(lasting("30d", category="advertising"), ledger)
    more = {"for": when} if when else {}
    assert await allowed(visitor, make(lasting("30d"), ledger), moved, **more) == 409
    assert "cookie_consent" not in visitor.cookies
    assert await visitor.opens(moved) == set()
    assert await allowed(visitor, moved, moved, edition="x.y", **more) == 409
    assert await allowed(visitor, moved, moved, **more) == 303
    assert await visitor.opens(moved) == {"chat.example"}


async def test_of_an_answer_to_what_is_new_the_part_counts_that_is_still_so(ledger: Ledger) -> None:
    talk = {**CHAT, "hosts": ["talk.example"], "name": "Talk"}
    shown = policy(services={"ads": ADS, "chat": CHAT, "talk": talk})
    now = policy(services={"ads": ADS, "chat": CHAT, "talk": {**talk, "category": "advertising"}})
    visitor = Visitor()
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    await visitor.opens(make(shown, ledger))
    await visitor.submits(make(now, ledger), "Allow")
    *_, record = ledger.records()
    assert record.granted_services == ("chat",)
    assert await visitor.opens(make(now, ledger)) == {"ads.example", "chat.example"}
    assert "<b>Talk (Acme)</b>" in visitor.page


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_answer_counts_though_the_words_of_its_notice_have_changed(ledger: Ledger, *, is_known: bool) -> None:
    old, new = make(OLD, ledger), make(policy(categories={"analytics": {"purpose": "Counts"}}), ledger)
    visitor = Visitor()
    await visitor.opens(old)
    if is_known:
        await Visitor().chooses(old, granted=[], **data_of(visitor.page))
    await visitor.chooses(new, granted=ALL, **data_of(visitor.page))
    *_, record = ledger.records()
    assert record.notice == (data_of(visitor.page)["notice"] if is_known else None)
    assert await visitor.opens(new) == {"ads.example"}
    assert not visitor.is_asked


async def test_without_what_it_named_an_unknown_notice_is_out_of_date(ledger: Ledger) -> None:
    visitor = Visitor()
    await visitor.opens(make(OLD, ledger))
    words = make(policy(categories={"analytics": {"purpose": "Counts"}}), ledger)
    await visitor.chooses(words, 409, granted=ALL, notice=data_of(visitor.page)["notice"])


def data_of(page: str) -> dict[str, Any]:
    return dict(re.findall(r'data-(notice|edition|language)="([^"]+)"', page))


def as_before(cookie: str) -> str:
    """Return the cookie as the release before this format wrote it."""
    serializer = URLSafeSerializer(
        SECRET, salt="cookie-consent.choices", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
    )
    payload = serializer.loads(cookie)
    kept = " ".join(entry for entry in payload[-1].split() if not entry.startswith("-="))
    return str(serializer.dumps([*payload[:-1], *([kept] if kept else [])]))


async def test_cookies_of_the_last_release_name_what_the_policy_declared_under_their_version(ledger: Ledger) -> None:
    visitor, old = Visitor(), make(OLD, ledger)
    await visitor.chooses(old, granted=ALL)
    visitor.cookies.set("cookie_consent", as_before(visitor.cookie), domain="shop.example")
    assert await visitor.opens(old) == {"ads.example"}
    assert not visitor.is_asked
    assert await visitor.opens(make(NEW, ledger)) == set()
    assert "Accept all" in visitor.page


async def test_a_release_that_does_not_know_the_format_reads_the_same_choice(ledger: Ledger) -> None:
    """It takes what is named for the refusal of a service, so each entry must be one word that begins with a minus."""
    visitor = Visitor()
    await visitor.chooses(make(OLD, ledger), granted=ALL)
    serializer = URLSafeSerializer(SECRET)
    payload = serializer.load_payload(visitor.cookie.rpartition(".")[0].encode())
    assert len(payload) == 8
    assert all(re.fullmatch(r"[-+]\S+", entry) for entry in payload[-1].split(" "))


async def test_the_cookie_stays_small(ledger: Ledger) -> None:
    services = {f"service-{at}": {**ADS, "hosts": [f"h{at}.example"]} for at in range(30)}
    visitor = Visitor()
    await visitor.chooses(make(policy(services=services), ledger), granted=ALL)
    assert len(visitor.cookie) <= 400
    refuser = Visitor()
    await refuser.chooses(make(policy(services=services), ledger), granted=[])
    assert len(refuser.cookie) <= 200


GTAG = "<script async src=https://www.googletagmanager.com/gtag/js?id=G-1></script>"


async def test_without_a_declaration_a_page_names_what_it_loads(ledger: Ledger) -> None:
    visitor, site = Visitor(), make(Policy(version="1"), ledger, GTAG)
    assert await visitor.opens(site) == set()
    assert "Google Analytics" in visitor.page  # in the same page's banner
    await visitor.submits(site, "Accept all")
    assert await visitor.opens(site) == {"www.googletagmanager.com"}
    assert not visitor.is_asked
    assert await visitor.opens(site, "/video") == set()  # what no notice has named
    assert "name=&#34;service.youtube&#34; value=&#34;1&#34;" in visitor.page.replace("&quot;", "&#34;")
    await visitor.chooses(site, services={"youtube": True})
    assert await visitor.opens(site, "/video") == {"www.youtube.com"}
    assert await visitor.opens(site) == {"www.googletagmanager.com"}


async def test_the_settings_keep_what_another_process_has_named(ledger: Ledger) -> None:
    visitor, first, second = Visitor(), make(Policy(version="1"), ledger, GTAG), make(Policy(version="1"), ledger)
    await visitor.opens(first)
    await visitor.submits(first, "Accept all")
    for path in ("/_consent/settings", "/_consent/preferences"):
        await visitor.opens(second, path)
        assert "Google Analytics" in visitor.page
        await visitor.submits(second, "Accept all")
        assert await visitor.opens(first) == {"www.googletagmanager.com"}


async def test_with_a_declaration_what_it_leaves_out_stays_held(ledger: Ledger) -> None:
    visitor, site = Visitor(), make(OLD, ledger, TAGS.partition("</script>")[0] + "</script>" + GTAG)
    await visitor.opens(site)
    assert "Google Analytics" not in visitor.page
    await visitor.submits(site, "Accept all")
    assert await visitor.opens(site) == {"ads.example"}


async def test_any_process_takes_the_answer_about_what_is_new(ledger: Ledger) -> None:
    visitor, site, other = Visitor(), make(policy(services={}), ledger, GTAG), make(policy(services={}), ledger, "")
    await visitor.opens(other)
    await visitor.submits(other, "Accept all")
    await visitor.opens(site)
    assert "New since your choice" in visitor.page
    assert 'rel="nofollow" tabindex="1">Privacy settings</a>' in visitor.page  # all else can be withdrawn meanwhile
    await visitor.submits(other, "Allow")  # it has not met the service, so its own notice has another text
    assert await visitor.opens(site) == {"www.googletagmanager.com"}
    assert not visitor.is_asked


async def test_an_answer_about_what_is_new_lets_the_notice_rest_for_a_day(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, site = Visitor(), make(policy(services={}), ledger, GTAG)
    await visitor.chooses(make(policy(services={}), ledger), granted=ALL)
    await visitor.opens(site)
    await visitor.submits(site, "Allow")
    await visitor.opens(site, "/video")
    assert not visitor.is_asked
    monkeypatch.setattr("cookie_consent.policy.inventory._REST", 0.0)
    await visitor.opens(site, "/video")  # from the cache of pages
    await visitor.opens(site, "/video")
    assert visitor.is_asked


async def test_a_service_of_a_removed_category_is_asked_about_as_unclassified(ledger: Ledger) -> None:
    """And the page of a visitor whose notice has named it does not reach one whose notice has not."""
    unclassified = own_cookies("unclassified")
    rules = parse_policy(
        {"version": "1", "categories": {"social": {"remove": True}}, "cookies": unclassified}, source="test"
    )
    site, other = make(rules, ledger), make(rules, ledger)
    named, visitor = Visitor(), Visitor()
    await visitor.chooses(other, granted=["unclassified"])  # it has not met the service
    await named.opens(site, "/video")
    await named.chooses(site, granted=["unclassified"])
    assert await named.opens(site, "/video") == {"www.youtube.com"}
    assert 'data-named="youtube"' in named.page
    assert await visitor.opens(site, "/video") == set()
    assert "<b>YouTube (Google Ireland Limited)</b>" in unescape(visitor.page)
    await visitor.submits(site, "Allow")
    assert await visitor.opens(site, "/video") == {"www.youtube.com"}


async def test_an_answer_to_another_controller_allows_nothing(ledger: Ledger) -> None:
    visitor, new = Visitor(), make(policy(controller={"name": "Other"}), ledger)
    await visitor.opens(make(policy(controller={"name": "Shop"}), ledger))
    edition = re.findall(r'data-edition="([^"]+)"', visitor.page)[0]
    state = await visitor.chooses(new, granted=ALL, services={"ads": True}, edition=edition)
    assert (state["granted"], state["services"]) == (["session"], {})
    assert await visitor.opens(new) == set()
    assert "Accept all" in visitor.page


async def test_what_a_frame_allows_for_a_visit_is_named_in_its_cookie(ledger: Ledger) -> None:
    visitor, site = Visitor(), make(OLD, ledger)
    await visitor.chooses(site, granted=[])
    async with visitor.at(site) as client:
        visit = {"services": {"youtube": True}, "for": "visit", "framed": True}
        answer = await client.post("/_consent/choices", json=visit, headers={"accept": "application/json"})
        set_cookies = answer.headers.get_list("set-cookie")
        client.cookies.clear()
        framed = next(value for value in set_cookies if "Partitioned" in value).partition(";")[0]
        page = await client.get("/video", headers={"cookie": framed, "sec-fetch-dest": "iframe"})
    assert "<iframe src=https://www.youtube.com/embed/x>" in page.text


@pytest.mark.parametrize(
    ("changed", "loaded"),
    [
        ({"version": "2"}, {"ads.example"}),
        ({"controller": {"name": "Other"}}, set()),
        ({"services": {"ads": {**ADS, "category": "social"}}}, set()),
    ],
)
async def test_what_is_allowed_for_a_visit_is_what_was_named_then(
    ledger: Ledger, changed: dict[str, Any], loaded: set[str]
) -> None:
    visitor, visit = Visitor(), {"services": {"ads": True}, "for": "visit"}
    await visitor.chooses(make(OLD, ledger), 200, **visit)
    assert await visitor.opens(make(OLD, ledger)) == {"ads.example"}
    assert await visitor.opens(make(policy(**changed), ledger)) == loaded
