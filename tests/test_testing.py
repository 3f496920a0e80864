"""What sites' own tests use."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from cookie_consent import ConfigurationError, Consent, ConsentMiddleware, Ledger, PolicyError, consent_of
from cookie_consent.testing import ConsentClient, choose, make_policy, wrap

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

pytestmark = pytest.mark.anyio

TAG = "<script src=https://www.googletagmanager.com/gtag/js></script>"
POLICY = make_policy(services={"google-analytics": {}, "youtube": {}})


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with nothing set but what is a trap."""
    for name in ("CONSENT_SECRET", "CONSENT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONSENT_LEDGER", f"sqlite:///{tmp_path}/not-for-tests.db")
    monkeypatch.setenv("CONSENT_DEV", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shop() -> Starlette:
    def granted(request: Any) -> JSONResponse:
        return JSONResponse(sorted(consent_of(request).granted))

    page = f"<!doctype html><html><head>{TAG}</head><body></body></html>"
    return Starlette(routes=[Route("/", lambda _: HTMLResponse(page)), Route("/granted", granted)])


async def test_a_client_has_chosen_and_the_log_says_so(folder: Path) -> None:
    async with ConsentClient(shop(), POLICY, granted={"analytics"}, services={"youtube": True}) as client:
        page = await client.get("/")
        assert TAG in page.text
        assert 'id="consent-root"' in page.text
        assert (await client.get("/granted")).json() == ["analytics", "session"]
        (record,) = client.ledger.records()
        assert record.granted == ("analytics",)
        assert record.granted_services == ("youtube",)
        assert client.policy is POLICY
        state = await client.choose()
        assert (state["decided"], state["granted"]) == (True, ["session"])
        assert TAG not in (await client.get("/")).text
    assert [record.action for record in client.ledger.records()] == ["given", "withdrawn"]  # after the end too
    assert os.listdir(folder) == []  # noqa: PTH208 - a blocking call like any other, in a test
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cookie-consent-")]


async def test_a_client_has_not_chosen() -> None:
    async with ConsentClient(shop(), POLICY, headers={"sec-gpc": "1"}, base_url="https://shop.example") as client:
        assert TAG not in (await client.get("/")).text
        assert list(client.ledger.records()) == []
        state = (await client.get("/_consent/state")).json()
        assert state["decided"] is False


async def test_a_client_refuses_all() -> None:
    async with ConsentClient(shop(), POLICY, granted=()) as client:
        assert (await client.get("/_consent/state")).json()["decided"] is True
        assert [record.action for record in client.ledger.records()] == ["refused"]


async def test_a_choice_that_is_not_taken_is_told() -> None:
    client = ConsentClient(shop(), POLICY, granted={"anylytics"})
    with pytest.raises(ConfigurationError, match=r"not taken \(422\).*anylytics"):
        await client.__aenter__()
    await client.aclose()


async def test_a_category_in_which_nothing_is_declared_is_not_granted_in_silence() -> None:
    with pytest.raises(ConfigurationError, match="'preferences' was not granted: nothing is declared"):
        async with ConsentClient(shop(), POLICY, granted={"analytics", "preferences"}):
            pass
    async with ConsentClient(shop(), make_policy()) as client:
        with pytest.raises(ConfigurationError, match="'analytics' was not granted"):
            await client.choose("analytics")


def wrapped() -> ASGIApp:
    return ConsentMiddleware(shop(), POLICY, prefix="/consent", admin_token="t" * 20)


def added() -> ASGIApp:
    app = shop()
    app.add_middleware(ConsentMiddleware, POLICY, prefix="/consent", admin_token="t" * 20)
    return app


@pytest.mark.parametrize("make", [wrapped, added])
async def test_a_wrapped_application_keeps_its_policy_and_needs_no_secret(make: Any) -> None:
    ledger = Ledger("sqlite://", memory=True)
    async with ConsentClient(make(), granted={"analytics"}, ledger=ledger) as client:
        page = await client.get("/")
        assert TAG in page.text
        assert page.text.count('id="consent-root"') == 1
        assert client.policy is POLICY
        assert (await client.get("/consent/admin")).status_code == 401
    assert ledger.count() == 1
    other = make_policy(version="other")
    assert wrap(make(), other, prefix="/other").policy is other


def test_a_wrong_policy_is_told(folder: Path) -> None:
    (folder / "consent.toml").write_text("version = 1\n")
    with pytest.raises(PolicyError):
        wrap(shop())
    with pytest.raises(PolicyError):
        make_policy(services={"no-such-service": {}})


def test_a_synchronous_client_chooses() -> None:
    app = FastAPI()

    @app.get("/granted")
    def granted(request: Request) -> list[str]:
        return sorted(consent_of(request).granted)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have another release of httpx
        from starlette.testclient import TestClient
    site = wrap(app, POLICY)
    with TestClient(site) as client:
        assert choose(client, "analytics", services={"youtube": True})["services"] == {"youtube": True}
        assert client.get("/granted").json() == ["analytics", "session"]
        with pytest.raises(ConfigurationError, match="not taken"):
            choose(client, "nonsense")
    assert site.ledger.count() == 1


def test_any_client_with_its_post_chooses() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"granted": ["login", "session"]})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://shop.example") as client:
        assert choose(client, "login", prefix="/consent") == {"granted": ["login", "session"]}
    assert asked[0].url.path == "/consent/choices"
    assert asked[0].read() == b'{"granted":["login"],"services":{}}'


def test_code_can_be_given_a_consent() -> None:
    scope = {"type": "http", "consent": Consent(policy=make_policy(), granted=frozenset({"session", "analytics"}))}
    assert consent_of(scope).allows("analytics")
