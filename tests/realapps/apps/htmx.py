"""A site with htmx of its own: boosted links, a search as one types, a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

TITLE = "htmx site"
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title><script src="/lib/htmx.min.js"></script></head>
<body hx-boost="true"><header><nav><a href="/">Home</a> <a href="/birds">Birds</a> <a href="/about">About</a></nav>
</header><main><h1>{title}</h1>{body}</main><footer>Bird book</footer></body></html>"""
SEARCH = """<input type="search" name="q" placeholder="Search" hx-get="/search" hx-trigger="input changed delay:100ms"
hx-target="#found"><ul id="found"></ul><form hx-post="/sightings" hx-target="#sightings" hx-swap="beforeend">
<input name="bird" placeholder="Bird"><button>Note</button></form><ul id="sightings"></ul>"""
BIRDS = ("Blackbird", "Black grouse", "Robin")


def app(_: Path) -> ASGIApp:
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    from tests.realapps.libraries import LIBRARIES

    async def page(request: Request) -> HTMLResponse:
        title = request.url.path.strip("/").title() or "Home"
        return HTMLResponse(PAGE.format(title=title, body=SEARCH if title == "Birds" else f"<p>{title} page</p>"))

    async def search(request: Request) -> HTMLResponse:
        text = request.query_params["q"].lower()
        return HTMLResponse("".join(f"<li>{bird}</li>" for bird in BIRDS if text in bird.lower()))

    async def note(request: Request) -> HTMLResponse:
        async with request.form() as form:
            return HTMLResponse(f"<li>{form['bird']}</li>")

    return Starlette(
        routes=[
            Route("/search", search),
            Route("/sightings", note, methods=["POST"]),
            Mount("/lib", StaticFiles(directory=LIBRARIES / "htmx.org" / "dist")),
            *(Route(path, page) for path in ("/", "/birds", "/about")),
        ]
    )


def act(page: Page) -> None:
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Birds").click()
    expect(page.get_by_role("heading", name="Birds")).to_be_visible()
    page.get_by_placeholder("Search").press_sequentially("black")
    expect(page.locator("#found li")).to_have_text(["Blackbird", "Black grouse"])
    page.get_by_placeholder("Bird", exact=True).fill("Robin")
    page.get_by_role("button", name="Note").click()
    expect(page.locator("#sightings li")).to_have_text("Robin")
    page.get_by_role("link", name="About").click()
    expect(page).to_have_title("About")
    page.go_back()
    expect(page.get_by_role("heading", name="Birds")).to_be_visible()
    assert page.evaluate("window.stayed"), "the page was reloaded"
