"""The operator's page and the endpoint that browsers report to."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cookie_consent import ConfigurationError, ConsentMiddleware, Policy
from cookie_consent.endpoints.reports import Observation

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

pytestmark = pytest.mark.anyio
TOKEN = "a token for the tests, long enough".replace(" ", "-")
CSP = {"content-type": "application/csp-report"}
REPORT = json.dumps(
    {
        "csp-report": {
            "document-uri": "http://shop.example/a?mail=anna@mail.example",
            "blocked-uri": "https://tracker.example/pixel?id=7",
            "effective-directive": "img-src",
        }
    }
)


async def page(_: Request) -> Response:
    response = PlainTextResponse("")
    response.set_cookie("_ga", "secret-value")
    response.headers.append("set-cookie", "odd<b>=secret-value")
    return response


def site(ledger: str, *, policy: Path | None = None, **options: Any) -> ConsentMiddleware:
    app = Starlette(routes=[Route("/a", page)])
    return ConsentMiddleware(app, policy=policy or Policy(version="1"), secret="s" * 32, ledger=ledger, **options)


def opened(app: ConsentMiddleware) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example")


def basic(password: str) -> str:
    return "Basic " + b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),  # schemes have no case (RFC 9110, section 11.1)
        (basic(TOKEN), 200),
        ("", 401),
        ("Bearer", 401),
        ("Bearer " + TOKEN[:-1], 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Digest {TOKEN}", 401),
        (TOKEN, 401),
        (basic(""), 401),
        ("Basic " + b64encode(TOKEN.encode()).decode(), 401),  # the token as the user's name
        ("Basic ????", 401),
        ("Basic /w==", 401),  # no UTF-8
        ("Bearer \xff", 401),
    ],
)
async def test_only_the_token_opens_the_page(ledger_url: str, authorization: str, status: int) -> None:
    async with opened(site(ledger_url, admin_token=TOKEN)) as browser:
        answer = await browser.get("/_consent/admin", headers={b"authorization": authorization.encode("latin-1")})
        in_address = await browser.get(f"/_consent/admin?token={TOKEN}")
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert in_address.status_code == 401
    assert TOKEN not in answer.text


async def test_the_page_is_off_without_a_token(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_ADMIN_TOKEN", raising=False)
    async with opened(site(ledger_url)) as browser:
        assert (await browser.get("/_consent/admin", headers={"authorization": "Bearer "})).status_code == 404
    monkeypatch.setenv("CONSENT_ADMIN_TOKEN", TOKEN)
    async with opened(site(ledger_url)) as browser:
        assert (await browser.get("/_consent/admin")).status_code == 401
    for bad in ("short", "with a space in it, and long", "ü" * 30):
        with pytest.raises(ConfigurationError, match="at least 20"):
            site(ledger_url, admin_token=bad).check()


async def test_what_was_met_is_shown(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    async with opened(app) as browser:
        for _ in range(3):
            await browser.get("/a")
        answer = await browser.post("/_consent/report", content=REPORT, headers=CSP)
        assert (answer.status_code, answer.content) == (204, b"")
        assert "access-control-allow-origin" not in answer.headers
        shown = await browser.get("/_consent/admin", headers={"authorization": f"Bearer {TOKEN}"})
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "no-store"
    assert "<script" not in shown.text
    assert "tracker.example" in shown.text
    assert "odd&lt;b&gt;" in shown.text
    assert "[services.google-analytics]" in shown.text
    found = {finding.observation: finding.count for finding in app.reports.store.read()}
    assert found == {
        Observation(kind="cookie", name="_ga", directive="set-cookie", service="google-analytics"): 3,
        Observation(kind="cookie", name="odd<b>", directive="set-cookie"): 3,
        Observation(kind="host", name="tracker.example", directive="img-src"): 1,
    }
    for secret in ("secret-value", "anna", "mail.example", "pixel"):
        assert secret not in shown.text + caplog.text
    assert caplog.text.count("the cookie '_ga' of the site was dropped") == 1  # once


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        ("{", CSP, 400),
        (REPORT, {"content-type": "text/plain"}, 415),
        (REPORT, {**CSP, "sec-fetch-site": "cross-site"}, 403),
        (REPORT, {**CSP, "origin": "https://evil.example"}, 403),
        ("x" * 140_000, CSP, 413),
        (REPORT, {**CSP, "sec-fetch-site": "same-origin", "cookie": "a=b"}, 204),
        ("[]", {"content-type": "application/reports+json"}, 204),
    ],
)
async def test_reports_are_posted_by_the_site_s_own_pages(
    ledger_url: str, content: str, headers: dict[str, str], status: int
) -> None:
    async with opened(site(ledger_url)) as browser:
        assert (await browser.post("/_consent/report", content=content, headers=headers)).status_code == status
        assert (await browser.get("/_consent/report")).status_code == 405


async def test_a_flood_is_answered_and_not_counted(ledger_url: str) -> None:
    app = site(ledger_url)
    async with opened(app) as browser:
        for _ in range(300):
            assert (await browser.post("/_consent/report", content=REPORT, headers=CSP)).status_code == 204
    app.reports.flush()
    assert 200 <= app.reports.store.read()[0].count < 290


async def test_hosts_of_pages_and_headers_are_counted_with_where_they_stood(ledger_url: str) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        html = (
            b"<img src=//pixel.example/p.gif><iframe srcdoc='<script src=//inner.example/a.js></script>'></iframe>"
            b"<style>a{background:url(//css.example/b)}</style><script src=https://www.googletagmanager.com/gtm.js>"
            b"</script><img src=/own.png>"
        )
        headers = [(b"content-type", b"text/html"), (b"link", b"<https://linked.example/a.js>; rel=preload")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": html})

    gated = ConsentMiddleware(app, policy=Policy(version="1"), secret="s" * 32, ledger=ledger_url)
    async with opened(gated) as browser:
        await browser.get("/user/123456?mail=anna")
    gated.reports.flush()
    found = {(entry.observation.name, entry.observation.directive): entry for entry in gated.reports.store.read()}
    assert set(found) == {
        ("pixel.example", "img"),
        ("inner.example", "script"),
        ("css.example", "style"),
        ("linked.example", "header"),
        ("www.googletagmanager.com", "script"),
    }
    assert {entry.paths for entry in found.values()} == {("/user/*",)}


async def test_the_page_shows_what_breaks_and_what_is_own_by_its_domain(ledger_url: str) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    held = [{"kind": kind, "name": name} for kind, name in (("script-error", "a.test"), ("host", "img.shop.example"))]
    async with opened(app) as browser:
        body = {"path": "/a", "held": held}
        assert (await browser.post("/_consent/report", json=body)).status_code == 204
        shown = await browser.get(
            "/_consent/admin", headers={"authorization": f"Bearer {TOKEN}", "accept-language": "en"}
        )
    breaks, own = shown.text.partition('id="breaks"')[2].split('id="own"')
    assert "a.test" in breaks
    assert "img.shop.example" in own
    assert "Nothing undeclared has been observed." in shown.text


async def test_findings_are_saved_at_the_end(ledger_url: str) -> None:
    app = site(ledger_url)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            app.reports.host("late.example", None, "img", "/")

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert [entry.observation.name for entry in app.reports.store.read()] == ["late.example"]


async def test_it_shows_the_inventory_beside_reports_and_adds_none_to_it(ledger_url: str) -> None:
    app = site(ledger_url, admin_token=TOKEN)
    inventory = app._parts.site.inventory
    inventory.meet(["youtube"])
    async with opened(app) as browser:
        await browser.post("/_consent/report", content=REPORT, headers=CSP)
        answer = await browser.get("/_consent/admin", headers={"authorization": f"Bearer {TOKEN}"})
    reports, _, found = answer.text.partition('<section aria-labelledby="inventory">')
    assert "tracker.example" in reports
    assert '<code dir="ltr">youtube</code>' in found
    assert "tracker.example" not in found
    assert inventory.undeclared == ("youtube",)


@pytest.mark.parametrize(
    ("language", "heading"), [("en", "Loaded before consent"), ("de", "Vor der Einwilligung geladen")]
)
async def test_it_shows_what_loads_before_consent(tmp_path: Path, ledger_url: str, language: str, heading: str) -> None:
    pages = []
    for mode in ("basic", "advanced"):
        services = f'[services.google-analytics]\nconsent_mode = "{mode}"\n[services.facebook-pixel]\n'
        (policy := tmp_path / "consent.toml").write_text(f'version = "1"\n{services}')
        async with opened(site(ledger_url, admin_token=TOKEN, policy=policy)) as browser:
            headers = {"authorization": f"Bearer {TOKEN}", "accept-language": language}
            pages.append((await browser.get("/_consent/admin", headers=headers)).text)
    assert not any(text in pages[0] for text in (heading, "consent_mode", "Google Analytics"))
    section = pages[1].partition('<section aria-labelledby="advanced">')[2].partition("</section>")[0]
    assert heading in section
    assert "Google Analytics" in section
    assert 'services.google-analytics.consent_mode = "advanced"' in section
    assert "facebook" not in section
