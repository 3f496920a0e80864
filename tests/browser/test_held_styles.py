"""What styles load is held without a word in the console, also where the site has a policy of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.browser.test_csp import console
from tests.browser.test_guard import make

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

STYLES = {
    "a rule": "@import url({0}/a.css)",
    "a rule with a string": "@import '{0}/a.css'",
    "a font": "@font-face {{ font-family: f; src: url({0}/f) format('woff2'), url('{0}/g') }} p {{ font-family: f }}",
    "a background": "p {{ background: url({0}/a.png) }}",
    "candidates": "p {{ background: image-set('{0}/a.png' 1x, '{0}/b.png' 2x) }}",
    "a mask": "p {{ mask: url({0}/a.svg#m) }}",
    "a clip": "p {{ clip-path: url({0}/a.svg#m) }}",
    "a shape": "p {{ float: left; shape-outside: url({0}/a.png) }}",
    "a cursor": "p {{ cursor: url({0}/a.png), auto }}",
    "content": "p::before {{ content: url({0}/a.png) }}",
    "a property": "p {{ --a: url({0}/a.png); background: var(--a) }}",
}


def styled(style: str, policy: str) -> ASGIApp:
    page = (
        "<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=/icon.svg>"
        f"<style>{style.format('http://acme.test')}</style></head><body><p>text</p></body></html>"
    )

    def answer(_: Request) -> Response:
        return HTMLResponse(page, headers={"content-security-policy": policy} if policy else {})

    icon = Route("/icon.svg", lambda _: Response("<svg/>", media_type="image/svg+xml"))
    return Starlette(routes=[Route("/", answer), icon])


@pytest.mark.parametrize("policy", ["", "default-src 'self'; style-src 'self' 'unsafe-inline'"])
@pytest.mark.parametrize("what", list(STYLES))
def test_held_styles_are_silent(visiting: Visiting, ledger_url: str, what: str, policy: str) -> None:
    with visiting(make(styled(STYLES[what], policy), ledger_url)) as visit:
        said = console(visit)
        assert visit.open() == set()
        assert visit.page.evaluate("document.querySelector('style').textContent.includes('#consent/analytics/acme/')")
        assert said == []
        if policy:
            return
        choose(visit, "Accept all")
        assert "acme.test" in visit.settled(awaited={"acme.test"})
        assert visit.page.url == f"http://{SITE}/"
