"""A Sanic site: a form whose answer is a flash message, and lines that stream in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Sanic site"
PAGE = """<!doctype html><html lang="en"><head><title>Guests</title></head><body><h1>Guests</h1>
<form method="post"><input name="name" placeholder="Name"><button>Sign</button></form><p id="said">{}</p>
<button id="start">Count</button><pre id="lines"></pre><script>
document.querySelector("#start").onclick = async () => {{
  const reader = (await fetch("/lines")).body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done; ) document.querySelector("#lines").append(part.value);
}};
</script></body></html>"""


def app(_: Path) -> ASGIApp:
    from sanic import Request, Sanic, html
    from sanic.response import HTTPResponse, redirect

    site = Sanic("guests")

    @site.get("/")
    async def home(request: Request) -> HTTPResponse:
        return html(PAGE.format(request.cookies.get("guest") or "Nobody yet"))

    @site.post("/")
    async def sign(request: Request) -> HTTPResponse:
        answer = redirect("/", status=303)
        answer.add_cookie("guest", request.form.get("name"), httponly=True)
        return answer

    @site.get("/lines")
    async def lines(request: Request) -> None:
        response = await request.respond(content_type="text/plain")
        for number in range(3):
            await response.send(f"line {number}\n")

    return site


def act(page: Page) -> None:
    expect(page.get_by_text("Nobody yet")).to_be_visible()
    page.get_by_placeholder("Name").fill("Ann")
    page.get_by_role("button", name="Sign").click()
    expect(page.locator("#said")).to_have_text("Ann")
    page.get_by_role("button", name="Count").click()
    expect(page.locator("#lines")).to_have_text("line 0\nline 1\nline 2\n")
