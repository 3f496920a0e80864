"""What a posted choice leaves behind, who may post it, and how many may."""

from __future__ import annotations

import logging
import re
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.endpoints.choice_limit import ChoiceLimit
from cookie_consent.endpoints.joined_records import JoinedRecords
from cookie_consent.errors import RecordRefusedError
from cookie_consent.policy import parse_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from cookie_consent import Policy

pytestmark = pytest.mark.anyio

VALUES: dict[str, Any] = {
    "version": "1",
    "controller": {"name": "Shop", "contact": "privacy@shop.example"},
    "cookie": {"max_age": "180d"},
    "cookies": own_cookies(),
    "services": {
        "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.example"]},
        "maps": {"name": "Maps", "category": "preferences", "hosts": ["maps.example"]},
    },
}
POLICY = parse_policy(VALUES, source="test")
PAGE = {"accept": "text/html", "sec-fetch-dest": "document"}
REFUSE: dict[str, Any] = {"granted": []}
AGREE: dict[str, Any] = {"granted": ["analytics"]}


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><img src=https://ads.example/p.gif><img src=https://other.example/x.gif>")


def make(ledger: Ledger, policy: Policy = POLICY) -> ConsentMiddleware:
    return ConsentMiddleware(Starlette(routes=[Route("/", page)]), policy, secret="s" * 32, ledger=ledger)


@asynccontextmanager
async def visiting(
    app: ConsentMiddleware,
    base: str = "https://shop.example",
    *,
    address: str = "203.0.113.9",
    cookies: httpx.Cookies | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies) as browser:
        yield browser


async def choose(browser: httpx.AsyncClient, choice: dict[str, Any], **headers: str) -> httpx.Response:
    return await browser.post("/_consent/choices", json=choice, headers=headers)


@pytest.mark.parametrize(
    "form",
    [
        {"edition": "x.y"},  # the notice is out of date
        {"granted": "shopping"},  # a category that the policy no longer has
        {"service.maps": "2"},  # cannot be read
        {"return_to": "/x", "for": "ever"},
    ],
)
async def test_an_error_page_speaks_the_language_of_the_form(ledger_url: str, form: dict[str, str]) -> None:
    async with visiting(make(Ledger(ledger_url))) as browser:
        for language, shown in (("de", "de"), ("", "fr"), ("tlh", "fr"), ("\x00" * 99, "fr")):
            answer = await browser.post(
                "/_consent/choices", data={**form, "language": language}, headers={**PAGE, "accept-language": "fr"}
            )
            assert answer.status_code in {400, 409, 422}
            assert f'<html lang="{shown}"' in answer.text


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json"])
async def test_an_error_page_for_a_body_that_is_no_form(ledger_url: str, content_type: str) -> None:
    async with visiting(make(Ledger(ledger_url))) as browser:
        body = b"language=de&" + b"a=1&" * 600 + b"\xff"  # more fields than are read
        headers = {**PAGE, "content-type": content_type, "accept-language": "fr"}
        answer = await browser.post("/_consent/choices", content=body, headers=headers)
        assert answer.status_code in {400, 415}
        assert 'lang="de"' not in answer.text


# -- what a refusal leaves behind --------------------------------------------------------------------------------------


async def test_a_refusal_leaves_no_mark_and_its_receipt_is_offered_once(ledger: Ledger) -> None:
    app = make(ledger)
    async with visiting(app) as one, visiting(app) as other:
        answer = await choose(one, REFUSE)
        await choose(other, REFUSE)
        assert dict(one.cookies) == dict(other.cookies)  # which tell nobody apart
        state = (await one.get("/_consent/state")).json()
        offered = answer.json().pop("receipt")
        assert answer.json() == {**state, "receipt": offered}
        today = datetime.now(UTC).date()
        assert state["decided"]
        assert state["id"] is None
        assert date.fromisoformat(state["decided_at"][:10]) in {today, today - timedelta(days=1)}
        assert state["decided_at"][10:] == "T00:00:00+00:00"
        assert (await one.get("/_consent/receipt")).json()["records"] == []
        receipt = (await other.get(offered)).json()  # it needs no cookie
        kantara = (await other.get(f"{offered}&format=kantara")).json()
    first, second = ledger.records()
    assert first.subject != second.subject
    assert (first.previous, second.previous) == (None, None)
    assert [record["id"] for record in receipt["records"]] == [first.id]
    assert kantara["consentReceiptID"] == first.id


async def test_after_a_withdrawal_the_record_names_the_one_before_and_the_cookie_none(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        agreed = (await choose(browser, AGREE)).json()
        assert "receipt" not in agreed  # the cookie leads to it
        withdrawn = (await choose(browser, REFUSE)).json()
        receipt = (await browser.get(withdrawn["receipt"])).json()
        again = (await choose(browser, AGREE)).json()
    first, second, third = ledger.records()
    assert (second.action, second.previous, second.subject) == ("withdrawn", first.id, first.subject)
    assert [record["id"] for record in receipt["records"]] == [first.id, second.id]
    assert receipt["records"][0]["used"]["until"] == receipt["records"][1]["at"]
    assert (third.action, third.previous) == ("changed", None)
    assert third.subject == again["id"] != agreed["id"]


async def test_what_is_still_granted_keeps_its_proof(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        await choose(browser, {"granted": ["analytics", "social"]})
        partly = (await choose(browser, AGREE)).json()
    first, second = ledger.records()
    assert (partly["id"], second.action, second.previous) == (first.subject, "withdrawn", first.id)
    assert "receipt" not in partly


async def test_a_form_is_told_of_the_receipt_too(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        answer = await browser.post("/_consent/choices", data={"return_to": "/"}, headers=PAGE)
        found = re.fullmatch(r'<(/_consent/receipt\?choice=[\w.-]+)>; rel="related"; .*', answer.headers["link"])
        assert found is not None
        assert len((await browser.get(found[1])).json()["records"]) == 1
        granted = await browser.post("/_consent/choices", data={"granted": "analytics"}, headers=PAGE)
    assert (answer.status_code, "link" in granted.headers) == (303, False)


@pytest.mark.parametrize("text", ["", "x", "W10.x", "%ff"])
async def test_no_other_text_opens_a_receipt(ledger: Ledger, text: str) -> None:
    async with visiting(make(ledger)) as browser:
        await choose(browser, AGREE)
        answer = await browser.get(f"/_consent/receipt?choice={text}")
    assert (answer.status_code, answer.json()["error"]) == (404, "no-receipt")


# -- several cookies ---------------------------------------------------------------------------------------------------


def sent(answer: httpx.Response) -> list[str]:
    return [re.sub(r"\A([^=]+)=[^;]+", r"\1=…", value) for value in answer.headers.get_list("set-cookie")]


GONE = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"


async def test_a_refusal_counts_after_the_cookie_was_given_a_domain(ledger: Ledger) -> None:
    before = parse_policy({**VALUES, "site": "site.test"}, source="test")
    after = parse_policy(
        {**VALUES, "site": "site.test", "cookie": {**VALUES["cookie"], "domain": "site.test"}}, source="test"
    )
    async with visiting(make(ledger, before), "http://www.site.test") as browser:
        await choose(browser, {"granted": ["advertising"]})
        old = browser.cookies["cookie_consent"]
    async with visiting(make(ledger, after), "http://www.site.test") as later:
        answer = await choose(later, REFUSE, cookie=f"cookie_consent={old}")
        assert sent(answer)[:2] == [
            f"cookie_consent=; {GONE}",  # the host's own
            f"cookie_consent=; {GONE}; Domain=www.site.test",
        ]
        assert sent(answer)[2].startswith("cookie_consent=…; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax; Domain=")
        assert len(sent(answer)) == 3
        new = answer.headers.get_list("set-cookie")[2].partition(";")[0]
        for both in (f"cookie_consent={old}; {new}", f"{new}; cookie_consent={old}"):
            got = await later.get("/", headers={**PAGE, "cookie": both})
            assert "data-consent" in got.text


@pytest.mark.parametrize(
    ("base", "domain", "carried", "deleted"),
    [
        ("https://a.site.test", None, "", []),
        ("https://a.site.test", None, "__Host-cookie_consent=x", []),  # the one that is set
        (
            "https://a.site.test",
            "site.test",
            "__Host-cookie_consent=x",
            [f"__Host-cookie_consent=; {GONE}; Secure"],
        ),
        (
            "https://a.site.test",
            None,
            "__Secure-cookie_consent=x; other=1",
            [f"__Secure-cookie_consent=; {GONE}{domain}; Secure" for domain in ("", "; Domain=a.site.test")]
            + [f"__Secure-cookie_consent=; {GONE}; Domain=site.test; Secure"],
        ),
        (
            "http://site.test",
            None,
            "cookie_consent=x; cookie_consent_gpc=1",
            [f"cookie_consent=; {GONE}; Domain=site.test"],
        ),
        ("http://127.0.0.1:8000", None, "cookie_consent=x", []),  # an address has no domain
    ],
)
async def test_twins_are_deleted(
    ledger: Ledger, base: str, domain: str | None, carried: str, deleted: list[str]
) -> None:
    policy = parse_policy(
        {**VALUES, "cookie": {**VALUES["cookie"], **({"domain": domain} if domain else {})}}, source="test"
    )
    async with visiting(make(ledger, policy), base) as browser:
        answer = await choose(browser, AGREE, cookie=carried)
    *before, last = sent(answer)
    assert [header for header in before if not header.startswith("cookie_consent_opt_out=")] == deleted
    assert "Max-Age=15552000" in last  # what is set comes last, whatever a browser makes of the others


# -- who may post ------------------------------------------------------------------------------------------------------

SITE = parse_policy({**VALUES, "site": "shop.example"}, source="test")
PROXIED = {"host": "127.0.0.1:8000", "x-forwarded-host": "shop.example", "x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    ("policy", "headers", "status"),
    [
        (SITE, {"origin": "https://shop.example"}, 200),
        (SITE, {"origin": "https://SHOP.example:443"}, 200),
        (SITE, {"origin": "https://shop.example", "sec-fetch-site": "same-origin"}, 200),
        (SITE, {"sec-fetch-site": "cross-site", "origin": "https://shop.example"}, 403),
        (SITE, {"origin": "http://shop.example"}, 403),  # the site uses https, and anybody can write by http
        (SITE, {"origin": "http://shop.example", "x-forwarded-proto": "http"}, 200),
        (SITE, {"origin": "http://shop.example", "x-forwarded-proto": ""}, 200),
        (SITE, {"origin": "https://shop.example:8443"}, 403),
        (SITE, {"origin": "https://www.shop.example"}, 403),
        (SITE, {"origin": "https://shop.example.evil.example"}, 403),
        (SITE, {"origin": "https://evil.example", "x-forwarded-host": "evil.example"}, 403),  # is not trusted
        (SITE, {"origin": "ftp://shop.example"}, 403),
        (SITE, {"origin": "null"}, 403),
        (SITE, {"origin": ""}, 403),
        (SITE, {"origin": "http://127.0.0.1:8000"}, 200),
        (POLICY, {"origin": "https://shop.example"}, 403),  # nobody has said that this is the site
        (parse_policy({**VALUES, "site": "*.shop.example"}, source="test"), {"origin": "https://a.shop.example"}, 403),
    ],
)
async def test_the_sites_own_origin_may_post_behind_a_proxy_that_replaces_host(
    ledger: Ledger, policy: Policy, headers: dict[str, str], status: int
) -> None:
    async with visiting(make(ledger, policy), "http://127.0.0.1:8000") as browser:
        answer = await choose(browser, REFUSE, **{**PROXIED, **headers})
    assert answer.status_code == status


async def test_every_origin_must_be_the_sites(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        for others in (["https://evil.example"], ["https://shop.example", "https://evil.example"]):
            headers = [("content-type", "application/json"), *(("origin", name) for name in others)]
            answer = await browser.post("/_consent/choices", content=b'{"granted": []}', headers=headers)
            assert answer.status_code == 403


async def test_cookies_of_the_sites_domain_are_deleted_behind_such_a_proxy(ledger: Ledger) -> None:
    cookies = [{"name": "theme", "category": "preferences"}]
    policy = parse_policy({**VALUES, "site": "shop.example", "cookies": cookies}, source="test")
    async with visiting(make(ledger, policy), "http://127.0.0.1:8000") as browser:
        answer = await choose(browser, REFUSE, **PROXIED, origin="https://shop.example", cookie="theme=1")
    assert any(value.startswith("theme=;") and "Domain=shop.example" in value for value in sent(answer))


# -- how many ----------------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def limited(ledger: Ledger, clock: Clock, **options: Any) -> ConsentMiddleware:
    app = make(ledger)
    app._parts.choices.limit = ChoiceLimit(clock=clock, **options)

    async def pause(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    app._parts.choices.joined = JoinedRecords(ledger, pause=pause)
    return app


async def test_too_many_choices_of_one_address_are_refused(ledger: Ledger) -> None:
    clock = Clock()
    app = limited(ledger, clock, burst=3)
    async with visiting(app) as browser, visiting(app, address="203.0.113.10") as neighbour:
        for _ in range(3):
            assert (await choose(browser, AGREE)).status_code == 200
            browser.cookies.clear()
        answer = await choose(browser, AGREE)
        assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (429, "too-many", "1")
        assert "set-cookie" not in answer.headers
        shown = await browser.post("/_consent/choices", data=AGREE, headers=PAGE)
        assert (shown.status_code, shown.headers["retry-after"]) == (429, "1")
        assert "<html" in shown.text
        assert (await choose(neighbour, AGREE)).status_code == 200
        clock.now = 1
        assert (await choose(browser, AGREE)).status_code == 200
    assert ledger.count() == 5


@pytest.mark.parametrize(
    ("before", "choice", "is_more"),
    [
        (None, REFUSE, False),
        (REFUSE, REFUSE, False),
        (AGREE, AGREE, False),
        ({"granted": ["analytics", "social"]}, AGREE, False),
        (AGREE, {"granted": ["analytics"], "services": {"maps": False}}, False),
        (AGREE, {"granted": ["social"]}, True),
        (REFUSE, {"granted": [], "services": {"maps": True}}, True),
        ({"granted": ["preferences"]}, {"granted": [], "services": {"maps": True}}, False),  # it was covered
        ({"granted": ["preferences"], "services": {"maps": False}}, {"granted": ["preferences"]}, True),
    ],
)
async def test_a_choice_that_grants_nothing_more_is_never_refused(
    ledger: Ledger, before: dict[str, Any] | None, choice: dict[str, Any], *, is_more: bool
) -> None:
    app = limited(ledger, Clock(), burst=1)
    async with visiting(app) as browser:
        await choose(browser, before or AGREE)
        if before is None:
            browser.cookies.clear()
        answers = [await choose(browser, choice) for _ in range(5)]
        state = (await browser.get("/_consent/state")).json()
    assert {answer.status_code for answer in answers} == {429 if is_more else 200}
    assert all(("set-cookie" in answer.headers) is not is_more for answer in answers)
    if not is_more:
        assert state["granted"] == sorted({"session", *choice["granted"]})
        last = list(ledger.records())[-1]
        assert (last.granted, last.url) == (tuple(choice["granted"]), "")


async def test_refusals_over_the_limit_are_joined_and_each_has_its_cookie(ledger: Ledger) -> None:
    app = limited(ledger, Clock(), burst=1)
    opened = anyio.Event()

    async def pause(_: float) -> None:
        await opened.wait()

    app._parts.choices.joined = JoinedRecords(ledger, pause=pause)
    answers = []

    async def refuse() -> None:
        async with visiting(app) as browser:
            answers.append(await choose(browser, REFUSE))

    await refuse()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(refuse)
        await anyio.wait_all_tasks_blocked()
        assert len(answers) == 1
        opened.set()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["set-cookie"] for answer in answers}) == 1
    _, joined = ledger.records()
    (event,) = ledger.events()
    assert event.detail == {"record": joined.id, "choices": 20}
    async with visiting(app) as browser:
        receipt = (await browser.get(answers[-1].json()["receipt"])).json()
    assert [record["id"] for record in receipt["records"]] == [joined.id]


async def test_behind_a_proxy_that_is_not_trusted_visitors_do_not_share_a_limit(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    app = limited(ledger, Clock(), burst=2, total_burst=10)
    codes = []
    with caplog.at_level(logging.WARNING, "cookie_consent"):
        async with visiting(app, address="127.0.0.1") as browser:
            for number in range(12):
                codes.append((await choose(browser, AGREE, **{"x-forwarded-for": f"192.0.2.{number}"})).status_code)
                browser.cookies.clear()
    assert codes == [200] * 10 + [429] * 2
    assert len([message for message in caplog.messages if "proxy" in message]) == 1


async def test_a_record_that_the_log_refuses_is_no_alarm(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def picky(*_: Any) -> None:
        raise RecordRefusedError("it is odd", url=ledger.url)

    monkeypatch.setattr(ledger, "write", picky)
    async with visiting(make(ledger)) as browser:
        answer = await choose(browser, AGREE)
    assert (answer.status_code, answer.json()["error"]) == (422, "refused")
    assert "set-cookie" not in answer.headers
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# -- the signal --------------------------------------------------------------------------------------------------------


async def test_the_guards_cookie_holds_the_next_page_and_is_put_on_record(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        await choose(browser, {"granted": ["advertising", "analytics"], "services": {"other.example": True}})
        open_page = (await browser.get("/", headers=PAGE)).text
        assert "data-gpc" not in open_page
        browser.cookies.set("cookie_consent_gpc", "1")
        held = (await browser.get("/", headers=PAGE)).text
        assert 'data-gpc="1"' in held
        assert (await browser.get("/_consent/state")).json()["granted"] == ["analytics", "session"]
        # What is agreed to in sight of the signal holds, even where it comes by no way at all.
        await choose(browser, {"granted": ["advertising"]})
        browser.cookies.delete("cookie_consent_gpc")
        known = (await browser.get("/", headers=PAGE)).text
    assert "<img src=https://ads.example/p.gif><img src=https://other.example/x.gif>" in open_page
    assert held.count("<img data-consent=") == 2  # what nobody has classified is refused too
    assert "<img src=https://ads.example/p.gif>" in known
    assert 'data-sight="1"' in known
    assert [record.action for record in ledger.records()] == ["given", "signal", "changed"]


TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("values", "updated"),
    [
        ({"version": "2024-05-01"}, date(2024, 5, 1)),
        ({"version": "2", "effective": date(2024, 5, 2)}, date(2024, 5, 2)),
        ({"version": "2024-05-01", "effective": date(2024, 5, 2)}, date(2024, 5, 2)),
        ({"version": "2", "effective": date(9999, 12, 31)}, TODAY),  # announced, but not in force
        ({"version": "9999-12-31"}, TODAY),
        ({"version": "spring"}, None),  # a label says nothing of the time
    ],
)
async def test_gpc_json_is_never_dated_in_the_future(
    ledger: Ledger, values: dict[str, Any], updated: date | None
) -> None:
    async with visiting(make(ledger, parse_policy(values, source="test"))) as browser:
        document = (await browser.get("/.well-known/gpc.json")).json()
    assert document["gpc"] is True
    found = document.get("lastUpdate")
    if updated == TODAY:
        assert TODAY <= date.fromisoformat(found) <= datetime.now(UTC).date()
    else:
        assert found == (updated.isoformat() if updated is not None else None)


# -- in another site's frame -------------------------------------------------------------------------------------------

LAX = "cookie_consent=…; Max-Age=15552000; Path=/; HttpOnly; SameSite=Lax"
FRAMED = "cookie_consent_framed=…; Max-Age=15552000; Path=/; HttpOnly; SameSite=None"


@pytest.mark.parametrize(
    ("choice", "headers", "is_framed"),
    [
        (AGREE, {}, False),
        (AGREE, {"sec-fetch-dest": "empty"}, False),
        (AGREE, {"sec-fetch-dest": "document"}, False),
        (AGREE, {"sec-fetch-dest": "iframe"}, True),
        (AGREE, {"sec-fetch-dest": "object"}, True),
        ({**AGREE, "framed": True}, {"sec-fetch-dest": "empty"}, True),
        ({**AGREE, "framed": False}, {"sec-fetch-dest": "empty"}, False),
    ],
)
@pytest.mark.parametrize("is_secure", [True, False])
async def test_a_choice_in_a_frame_has_a_partitioned_cookie_too(
    ledger: Ledger,
    choice: dict[str, Any],
    headers: dict[str, str],
    *,
    is_framed: bool,
    is_secure: bool,
) -> None:
    scheme, prefix, secure = ("https", "__Host-", "; Secure") if is_secure else ("http", "", "")
    async with visiting(make(ledger), f"{scheme}://shop.example") as browser:
        answer = await browser.post("/_consent/choices", json=choice, headers=headers)
    framed = [f"{prefix}{FRAMED}; Secure; Partitioned"] if is_framed else []
    assert sent(answer) == [f"{prefix}{LAX}{secure}", *framed]


async def test_a_choice_in_a_frame_is_kept_there_by_whatever_posts_the_next(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        first = await browser.post("/_consent/choices", json={**AGREE, "framed": True})
        framed = first.headers.get_list("set-cookie")[1].partition(";")[0]
        browser.cookies.clear()
        second = await browser.post("/_consent/choices", json=REFUSE, headers={"cookie": framed})
        assert sent(second)[-1] == f"__Host-{FRAMED}; Secure; Partitioned"
    given, withdrawn = ledger.records()
    assert (withdrawn.action, withdrawn.previous) == ("withdrawn", given.id)


async def test_a_choice_on_the_site_itself_deletes_the_one_of_a_frame(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        first = await browser.post("/_consent/choices", json={**AGREE, "framed": True})
        own, framed = [value.partition(";")[0] for value in first.headers.get_list("set-cookie")]
        browser.cookies.clear()
        answer = await browser.post("/_consent/choices", json=REFUSE, headers={"cookie": f"{own}; {framed}"})
        assert sent(answer) == [
            f"__Host-cookie_consent_framed=; {GONE}; Secure",
            f"__Host-cookie_consent_framed=; {GONE}; Secure; SameSite=None; Partitioned",
            f"__Host-{LAX}; Secure",
        ]


async def test_a_framed_page_in_which_a_choice_was_made_links_to_the_settings(ledger: Ledger) -> None:
    shown = {"accept": "text/html", "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"}
    async with visiting(make(ledger)) as browser:
        first = await browser.post("/_consent/choices", json={**AGREE, "framed": True})
        own, framed = [value.partition(";")[0] for value in first.headers.get_list("set-cookie")]
        browser.cookies.clear()
        pages = [await browser.get("/", headers={**shown, "cookie": cookie}) for cookie in ("", own, framed)]
    assert ["cc-back" in answer.text for answer in pages] == [False, False, True]
    assert "cc-panel" not in pages[2].text


async def test_framed_says_yes_or_no(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        assert (await browser.post("/_consent/choices", json={**AGREE, "framed": "yes"})).status_code == 400


async def test_a_visit_in_a_frame_ends_with_the_browser_too(ledger: Ledger) -> None:
    async with visiting(make(ledger)) as browser:
        choice = {"services": {"youtube": True}, "for": "visit", "framed": True}
        answer = await browser.post("/_consent/choices", json=choice)
        framed, visit = answer.headers.get_list("set-cookie")
        assert framed.startswith("__Host-cookie_consent_framed=")
        assert "Max-Age" not in framed + visit
        browser.cookies.clear()
        state = (await browser.get("/_consent/state", headers={"cookie": framed.partition(";")[0]})).json()
        assert (state["decided"], state["services"]) == (False, {"youtube": True})
