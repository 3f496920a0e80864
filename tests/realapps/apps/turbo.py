"""A site with Turbo of its own: Drive, a frame, a stream that answers a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

TITLE = "Turbo site"
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title>
<script type="module" src="/lib/turbo.es2017-esm.js"></script></head>
<body><header><nav><a href="/">Home</a> <a href="/messages">Messages</a> <a href="/about">About</a></nav></header>
<main><h1>{title}</h1>{body}</main><footer>Post office</footer></body></html>"""
MESSAGES = """<turbo-frame id="detail"><a href="/messages/1">Open</a></turbo-frame>
<form action="/messages" method="post"><input name="text" placeholder="Text"><button>Send</button></form>
<ul id="sent"></ul>"""
STREAM = '<turbo-stream action="append" target="sent"><template><li>{}</li></template></turbo-stream>'


def app(_: Path) -> ASGIApp:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    from tests.realapps.libraries import LIBRARIES

    async def page(request: Request) -> HTMLResponse:
        title = request.url.path.strip("/").title() or "Home"
        return HTMLResponse(PAGE.format(title=title, body=MESSAGES if title == "Messages" else f"<p>{title} page</p>"))

    async def detail(_: Request) -> HTMLResponse:
        body = '<turbo-frame id="detail"><p>The first message</p></turbo-frame>'
        return HTMLResponse(PAGE.format(title="Message", body=body))

    async def send(request: Request) -> Response:
        async with request.form() as form:
            return Response(STREAM.format(form["text"]), media_type="text/vnd.turbo-stream.html")

    return Starlette(
        routes=[
            Route("/messages", send, methods=["POST"]),
            Route("/messages/1", detail),
            Mount("/lib", StaticFiles(directory=LIBRARIES / "@hotwired" / "turbo" / "dist")),
            *(Route(path, page) for path in ("/", "/messages", "/about")),
        ]
    )


def act(page: Page) -> None:
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Messages").click()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    page.get_by_role("link", name="Open").click()
    expect(page.locator("#detail")).to_have_text("The first message")
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    page.get_by_placeholder("Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent li")).to_have_text("Hello")
    page.get_by_role("link", name="About").click()
    expect(page).to_have_title("About")
    page.go_back()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    assert page.evaluate("window.stayed"), "the page was reloaded"
