"""Answers in part: single services are answered, and everything else stays as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import Consent, consent_of
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
        "services": {"youtube": {}, "vimeo": {}},
        "cookies": own_cookies(),
    },
    source="test",
)
OPTIONAL = ["advertising", "analytics", "login", "preferences", "social", "unclassified"]
SOLD = ["advertising", "social", "unclassified"]
FILM: dict[str, Any] = {"services": {"youtube": True}}
HTML = {"accept": "text/html"}
FRAMES = (
    "<!doctype html><title>x</title><iframe src=https://www.youtube.com/embed/x></iframe>"
    "<iframe src=https://player.vimeo.com/video/1></iframe><script src=https://www.google-analytics.com/a.js></script>"
)
seen: list[Consent] = []


async def page(request: Request) -> Response:
    seen.append(consent_of(request))
    return HTMLResponse(FRAMES)


APP = Starlette(routes=[Route("/", page)])


async def choose(browser: httpx.AsyncClient, choice: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await browser.post("/_consent/choices", json=choice, headers=headers)
    assert answer.status_code == 200
    state: dict[str, Any] = answer.json()
    assert state == {**(await browser.get("/_consent/state", headers=headers)).json(), **_receipt(state)}
    return state


def _receipt(state: dict[str, Any]) -> dict[str, Any]:
    return {"receipt": state["receipt"]} if "receipt" in state else {}


async def test_allowing_one_film_refuses_nothing_else() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        before = (await browser.get("/_consent/state")).json()
        assert (before["decided"], before["refused"], before["unanswered"]) == (False, [], OPTIONAL)
        state = await choose(browser, FILM)
        assert not state["decided"]
        assert state["granted"] == ["session"]
        assert (state["refused"], state["unanswered"]) == ([], OPTIONAL)
        assert state["services"] == {"youtube": True}
        assert state["id"] is not None
        text = (await browser.get("/")).text
        assert "<iframe src=https://www.youtube.com/embed/x>" in text
        assert text.count(" data-consent-placeholder") == 1  # the other film
        assert 'data-consent="analytics"' in text
        assert 'class="cc-panel"' in text  # the rest is still to be answered
    consent = seen[-1]
    assert not consent.decided
    assert (consent.refused, consent.unanswered) == (frozenset(), frozenset(OPTIONAL))
    assert consent.allows_service("youtube")
    assert not consent.allows_service("vimeo")
    (record,) = browser.ledger.records()
    assert (record.action, record.granted, record.refused) == ("given", (), ())
    assert (record.granted_services, record.refused_services) == (("youtube",), ())
    stats = browser.ledger.stats()
    assert (stats.categories(), stats.outcomes) == ({}, {"some": 1})


async def test_earlier_answers_stay() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, {"granted": ["analytics"], "services": {"vimeo": False}})
        state = await choose(browser, FILM)
        assert state["decided"]
        assert state["granted"] == ["analytics", "session"]
        assert (state["unanswered"], len(state["refused"])) == ([], 5)
        assert state["services"] == {"vimeo": False, "youtube": True}
        assert 'class="cc-panel"' not in (await browser.get("/")).text
        state = await choose(browser, {"granted": []})  # categories answer for their services again
        assert (state["decided"], state["services"]) == (True, {})
    first, second, third = browser.ledger.records()
    assert [record.action for record in (first, second, third)] == ["given", "changed", "withdrawn"]
    assert (second.granted, second.previous) == (("analytics",), first.id)
    assert second.refused == tuple(name for name in OPTIONAL if name != "analytics")
    assert (second.granted_services, second.refused_services) == (("youtube",), ("vimeo",))
    assert third.previous == second.id


@pytest.mark.parametrize(
    ("choices", "actions"),
    [
        ([FILM, {"services": {"youtube": False}}], ["given", "withdrawn"]),
        ([{"services": {"youtube": False}}, FILM], ["refused", "changed"]),
        ([FILM, FILM], ["given", "given"]),
        ([FILM, {"services": {"vimeo": True}}], ["given", "changed"]),
        ([FILM, {"services": {"vimeo": False}}], ["given", "changed"]),
        ([{"services": {"youtube": False}}, {"services": {"vimeo": False}}], ["refused", "refused"]),
        ([FILM, {"granted": []}], ["given", "withdrawn"]),
        ([FILM, {"granted": ["analytics"]}], ["given", "changed"]),
        ([{"granted": ["social"]}, {"services": {"youtube": False}}], ["given", "withdrawn"]),
        ([{"granted": ["social"]}, {"services": {"youtube": True}}], ["given", "changed"]),
        ([{"granted": []}, FILM], ["refused", "changed"]),
        ([{"granted": []}, {"services": {"youtube": False}}], ["refused", "refused"]),
    ],
)
async def test_the_action_says_what_an_answer_in_part_did(choices: list[dict[str, Any]], actions: list[str]) -> None:
    async with ConsentClient(APP, POLICY) as browser:
        for choice in choices:
            await choose(browser, choice)
    assert [record.action for record in browser.ledger.records()] == actions


async def test_a_refused_service_alone_leaves_no_mark_in_the_browser() -> None:
    values = []
    async with ConsentClient(APP, POLICY) as browser:
        for _ in range(2):
            browser.cookies.clear()
            state = await choose(browser, {"services": {"youtube": False}})
            assert (state["decided"], state["refused"], state["id"]) == (False, [], None)
            assert state["services"] == {"youtube": False}
            values.append(dict(browser.cookies))
    assert values[0] == values[1]


async def test_a_signal_refuses_what_is_sold_and_leaves_the_rest_unanswered() -> None:
    signal = {"sec-gpc": "1"}
    rest = sorted(set(OPTIONAL) - set(SOLD))
    async with ConsentClient(APP, POLICY) as browser:
        state = (await browser.get("/_consent/state", headers=signal)).json()
        assert (state["decided"], state["refused"], state["unanswered"]) == (False, SOLD, rest)
        state = await choose(browser, FILM, **signal)  # on purpose, although social media are refused
        assert (state["refused"], state["unanswered"], state["services"]) == (SOLD, rest, {"youtube": True})
        state = (await browser.get("/_consent/state")).json()  # without the signal
        assert (state["refused"], state["unanswered"]) == ([], OPTIONAL)
    (record,) = browser.ledger.records()
    assert (record.granted, record.refused) == ((), tuple(SOLD))
    async with ConsentClient(APP, POLICY) as browser:
        await choose(browser, FILM)
        await browser.get("/", headers={**HTML, **signal})
        state = (await browser.get("/_consent/state", headers=signal)).json()
        assert (state["decided"], state["services"], state["unanswered"]) == (False, {}, rest)
        assert (await browser.get("/_consent/state")).json()["services"] == {}
    assert [record.action for record in browser.ledger.records()] == ["given", "signal"]


@pytest.mark.parametrize(
    ("form", "decided", "services"),
    [
        ({"service.youtube": "1", "answers": "services", "notice": ""}, False, {"youtube": True}),
        ({"service.youtube": "1"}, False, {"youtube": True}),
        ({"answers": "services", "service.youtube": "1", "service.vimeo": ""}, False, {"youtube": True}),
        # Forms that answer for the categories: nothing checked refuses all.
        ({"return_to": "/"}, True, {}),
        ({"answers": "services"}, True, {}),
        ({"service.youtube": "1", "answers": "all"}, True, {"youtube": True}),
        ({"service.youtube": "1", "service.vimeo": ""}, True, {"youtube": True}),
        ({"service.youtube": "1", "notice": ""}, True, {"youtube": True}),
        ({"service.youtube": "1", "answers": "services", "granted": "analytics"}, True, {"youtube": True}),
    ],
)
async def test_forms(form: dict[str, str], decided: bool, services: dict[str, bool]) -> None:  # noqa: FBT001
    async with ConsentClient(APP, POLICY) as browser:
        answer = await browser.post("/_consent/choices", data=form, headers=HTML)
        assert answer.status_code == 303
        state = (await browser.get("/_consent/state")).json()
    assert (state["decided"], state["services"]) == (decided, services)
    assert state["unanswered"] == ([] if decided else OPTIONAL)


async def test_the_form_of_a_placeholder_answers_for_its_service_and_stays_in_the_frame() -> None:
    async with ConsentClient(APP, POLICY) as browser:
        text = (await browser.get("/", headers=HTML)).text
        document = re.findall(r'srcdoc="([^"]*)"', text)[0].replace("&quot;", '"').replace("&lt;", "<")
        assert "_top" not in document
        assert 'target="_parent"' in document
        form = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', document))
        button = re.findall(r'<button type="submit" name="([^"]*)" value="([^"]*)"', document)[0]
        await browser.post("/_consent/choices", data={**form, button[0]: button[1]}, headers=HTML)
        state = (await browser.get("/_consent/state")).json()
        assert (state["services"], state["unanswered"]) == ({"youtube": True}, OPTIONAL)


@pytest.mark.parametrize(
    "choice", [{}, {"services": {}}, {"granted": None}, {"granted": None, "services": {"youtube": True}}]
)
async def test_what_answers_nothing_is_no_choice(choice: dict[str, Any]) -> None:
    async with ConsentClient(APP, POLICY) as browser:
        assert (await browser.post("/_consent/choices", json=choice)).status_code == 400
