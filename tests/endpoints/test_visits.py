"""Services that are allowed for one visit: a signed session cookie beside the lasting answers, which stay."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import Consent, consent_of
from cookie_consent.consent import cookie as cookie_module
from cookie_consent.policy import parse_policy
from cookie_consent.testing import ConsentClient
from tests.declaring import own_cookies

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

pytestmark = pytest.mark.anyio

POLICY = parse_policy(
    {
        "version": "1",
        "limits": {"choices_per_address": 0, "choices": 0},
        "services": {"youtube": {}, "recaptcha": {}},
        "cookies": own_cookies(),
    },
    source="test",
)
FILM: dict[str, Any] = {"services": {"youtube": True}, "for": "visit"}
REFUSED_FILM: dict[str, Any] = {"services": {"youtube": False}}
seen: list[Consent] = []


async def page(request: Request) -> Response:
    seen.append(consent_of(request))
    response = HTMLResponse("<!doctype html><title>x</title><iframe src=https://www.youtube.com/embed/x></iframe>")
    response.set_cookie("_GRECAPTCHA", "x", max_age=3600)
    return response


APP = Starlette(routes=[Route("/", page)])


async def choose(browser: httpx.AsyncClient, choice: dict[str, Any], **headers: str) -> httpx.Response:
    answer = await browser.post("/_consent/choices", json=choice, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


async def state(browser: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = (await browser.get("/_consent/state", headers=headers)).json()
    return found


def close(browser: httpx.AsyncClient) -> None:
    """Do what a browser does when it is closed: forget the cookies without a lifetime."""
    for cookie in list(browser.cookies.jar):
        if cookie.expires is None:
            browser.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)


async def test_a_service_is_allowed_until_the_browser_closes() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        answer = await choose(browser, FILM)
        (header,) = answer.headers.get_list("set-cookie")
        assert "_visit=" in header
        assert "max-age" not in header.lower()
        assert "expires" not in header.lower()
        found = await state(browser)
        assert (found["decided"], found["services"], found["visit"]) == (False, {"youtube": True}, ["youtube"])
        assert "data-consent-placeholder" not in (await browser.get("/")).text
        assert seen[-1].allows_service("youtube")
        close(browser)
        found = await state(browser)
        assert (found["services"], found["visit"], found["id"]) == ({}, [], None)
        assert "data-consent-placeholder" in (await browser.get("/")).text
    (record,) = browser.ledger.records()
    assert (record.action, record.channel, record.granted_services) == ("given", "visit", ("youtube",))
    assert record.refused == ()


async def test_the_lasting_answers_stay_as_they_were() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, {"granted": ["analytics"], **REFUSED_FILM})
        before = await state(browser)
        await choose(browser, FILM)
        during = await state(browser)
        assert (during["decided"], during["granted"]) == (True, before["granted"])
        assert during["services"] == {"youtube": True}
        assert during["id"] == before["id"]
        # Another answer that lasts does not make this one last.
        await choose(browser, {"services": {"recaptcha": True}})
        assert (await state(browser))["visit"] == ["youtube"]
        preferences = (await browser.get("/_consent/preferences")).text
        assert "Allowed for this visit only: YouTube" in preferences
        close(browser)
        assert (await state(browser))["services"] == {"recaptcha": True, "youtube": False}
    first, second, third = browser.ledger.records()
    assert (second.action, second.previous, second.subject) == ("changed", first.id, first.subject)
    assert (third.previous, third.channel) == (second.id, "api")


@pytest.mark.parametrize("choice", [{"granted": []}, {"granted": ["analytics"]}, REFUSED_FILM])
async def test_a_lasting_answer_ends_it(choice: dict[str, Any]) -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        answer = await choose(browser, choice)
        (ended,) = [header for header in answer.headers.get_list("set-cookie") if "_visit=" in header]
        assert "_visit=;" in ended
        assert "Max-Age=0" in ended
        found = await state(browser)
        assert (found["visit"], found["services"].get("youtube", False)) == ([], False)
    assert list(browser.ledger.records())[-1].action in {"withdrawn", "changed"}


async def test_a_refusal_before_leaves_its_cookie_without_an_id() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, {"granted": []})
        await choose(browser, FILM)
        during = await state(browser)
        assert (during["decided"], during["services"]) == (True, {"youtube": True})
        assert during["id"] is not None
        close(browser)
        after = await state(browser)
        assert (after["decided"], after["services"], after["id"]) == (True, {}, None)


async def test_a_visit_lasts_for_a_day_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        await browser.get("/")
        assert seen[-1].visit == {"youtube"}
        monkeypatch.setattr(cookie_module, "VISIT_LIFETIME", -timedelta(seconds=2))
        await browser.get("/")
        assert seen[-1].visit == frozenset()
        assert not seen[-1].allows_service("youtube")


async def test_a_signal_overrules_what_was_allowed_without_it() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        assert (await state(browser, **{"sec-gpc": "1"}))["services"] == {}
        assert (await state(browser))["services"] == {"youtube": True}
        await choose(browser, FILM, **{"sec-gpc": "1"})
        assert (await state(browser, **{"sec-gpc": "1"}))["services"] == {"youtube": True}


async def test_its_cookies_end_with_the_visit() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, {"services": {"recaptcha": True}, "for": "visit"})
        answer = await browser.get("/")
        assert answer.headers["set-cookie"].startswith("_GRECAPTCHA=")
        assert "max-age" not in answer.headers["set-cookie"].lower()
        await choose(browser, {"services": {"recaptcha": True}})
        assert "max-age=3600" in (await browser.get("/")).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "choice",
    [
        {"granted": [], "services": {"youtube": True}, "for": "visit"},
        {"services": {"youtube": False}, "for": "visit"},
        {"services": {"youtube": True}, "for": "ever"},
    ],
)
async def test_nothing_else_can_be_answered_for_a_visit(choice: dict[str, Any]) -> None:
    async with ConsentClient(APP, POLICY) as browser:
        answer = await browser.post("/_consent/choices", json=choice)
        assert (answer.status_code, answer.json()["error"]) == (422, "visit")
        assert list(browser.ledger.records()) == []


async def test_a_form_does_the_same() -> None:
    form = {"answers": "services", "service.youtube": "1", "for": "visit", "return_to": "/film"}
    async with ConsentClient(APP, POLICY) as browser:
        answer = await browser.post("/_consent/choices", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/film")
        assert (await state(browser))["visit"] == ["youtube"]


async def test_pages_of_visits_are_never_those_of_others() -> None:
    """With and without a lasting answer the same services are allowed; only the guard's tag differs."""
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        assert 'data-visit="youtube"' in (await browser.get("/")).text
        await choose(browser, {"services": {"youtube": True}})
        assert "data-visit" not in (await browser.get("/")).text


async def test_a_changed_cookie_allows_nothing() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        ((name, value),) = browser.cookies.items()
        lasting = name.removesuffix("_visit")
        for cookie in (f"{name}={value[:-1]}", f"{lasting}={value}", f"{name}={value}x"):
            browser.cookies.clear()
            assert (await state(browser, cookie=cookie))["services"] == {}
