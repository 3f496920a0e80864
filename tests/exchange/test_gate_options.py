"""What each gate does when it is switched off."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy import CookieRule, GateOptions

pytestmark = pytest.mark.anyio

PAGE = (
    "<!doctype html><head><script src=//x.test/a.js></script><style>a{background:url(//x.test/a)}</style></head>"
    "<script>fbq('init')</script><iframe src=//x.test/f srcdoc='<img src=//x.test/b>'></iframe>"
    "<meta http-equiv=refresh content='5;url=//x.test/'><body onload=go()><p>&amp;</body></html>"
)


async def test_without_the_html_gate_tags_pass_and_the_banner_stays(ledger_url: str) -> None:
    app = HTMLResponse(PAGE, headers={"Link": "<//x.test/a.js>; rel=preload, </own>; rel=preload"})
    cookies = (CookieRule(name="seen", category="analytics"),)
    policy = Policy(version="1", gate=GateOptions(html=False), cookies=cookies)
    gated = ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger_url)
    transport = httpx.ASGITransport(app=gated)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
        await client.get("/other", headers={"accept": "text/html"})
        response = await client.get("/", headers={"accept": "text/html"})
    before, after = PAGE.split("</body>")
    text = re.sub(r'<script src="[^"]*/guard\.[^>]*></script>', "", response.text)
    assert text.startswith(before)
    assert text.endswith("</body>" + after)
    banner = text.removeprefix(before).removesuffix("</body>" + after)
    assert 'id="consent-root"' in banner
    assert 'value="unclassified"' in banner, "the page's unknown hosts are seen and can be agreed to"
    assert response.headers["link"] == "</own>; rel=preload"


async def test_without_the_html_gate_libraries_are_judged_by_where_they_lead(ledger_url: str) -> None:
    page = "<!doctype html><head><script src=https://unpkg.com/vue@3.4.1/vue.js></script></head><body></body></html>"
    app = HTMLResponse(page, headers={"Link": "<https://unpkg.com/vue@3.4.1/vue.js>; rel=preload; as=script"})
    for html, is_led in ((True, True), (False, False)):
        gated = ConsentMiddleware(
            app, Policy(version="1", gate=GateOptions(html=html)), secret="x" * 40, ledger=ledger_url
        )
        transport = httpx.ASGITransport(app=gated)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
            response = await client.get("/", headers={"accept": "text/html"})
        assert ("/_consent/mirror/unpkg.com/vue@3.4.1/vue.js" in response.text) is is_led
        assert ("/_consent/mirror/" in response.headers.get("link", "")) is is_led
