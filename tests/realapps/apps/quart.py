"""A Quart site: signing in, a flash message, a chat over a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Quart site"
PAGE = """<!doctype html><html lang="en"><head><title>Chat</title></head><body><h1>Chat</h1>
{% for text in get_flashed_messages() %}<p role="status">{{ text }}</p>{% endfor %}
{% if session.name %}<p>Signed in as {{ session.name }}</p>
<input placeholder="Message"><button id="send">Send</button><ul id="chat"></ul><script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "/chat");
socket.onmessage = (event) => {
  const line = document.createElement("li");
  line.textContent = event.data;
  document.querySelector("#chat").append(line);
};
document.querySelector("#send").onclick = () => socket.send(document.querySelector("input").value);
</script>{% else %}<form method="post"><input name="name" placeholder="Name"><button>Sign in</button></form>{% endif %}
</body></html>"""


def app(_: Path) -> ASGIApp:
    from quart import Quart, flash, redirect, render_template_string, request, session, url_for, websocket

    site = Quart(__name__)
    site.secret_key = "x" * 32

    @site.get("/")
    async def home() -> str:
        return await render_template_string(PAGE)

    @site.post("/")
    async def sign_in() -> Any:
        session["name"] = (await request.form)["name"]
        await flash("Welcome")
        return redirect(url_for("home"))

    @site.websocket("/chat")
    async def chat() -> None:
        while True:
            await websocket.send(f"{session['name']}: {await websocket.receive()}")

    return site


def act(page: Page) -> None:
    page.get_by_placeholder("Name").fill("Ann")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Welcome")).to_be_visible()
    expect(page.get_by_text("Signed in as Ann")).to_be_visible()
    page.get_by_placeholder("Message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#chat li")).to_have_text("Ann: Hello")
    page.reload()
    expect(page.get_by_text("Signed in as Ann")).to_be_visible()
    expect(page.get_by_text("Welcome")).to_be_hidden()
