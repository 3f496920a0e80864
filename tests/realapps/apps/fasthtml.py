"""FastHTML as it comes: htmx and more from a CDN. Add to a list without a new page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "FastHTML"
CDN = ("cdn.jsdelivr.net",)
POLICY = """
[services.jsdelivr]
"""


def app(folder: Path) -> ASGIApp:
    from fasthtml.common import H1, Button, Form, Input, Li, Titled, Ul, fast_app

    site, route = fast_app(secret_key="x" * 32, key_fname=str(folder / "key"))
    todos: list[str] = []

    @route("/")
    def home() -> Any:
        form = Form(
            Input(name="title", placeholder="What"),
            Button("Add"),
            hx_post="/todos",
            hx_target="#todos",
            hx_swap="beforeend",
        )
        return Titled("Todos", H1("To do"), form, Ul(*(Li(todo) for todo in todos), id="todos"))

    @route("/todos", methods=["post"])
    def add(title: str) -> Any:
        todos.append(title)
        return Li(title)

    return site


def act(page: Page) -> None:
    page.evaluate("window.stayed = true")
    for number, title in enumerate(("Buy milk", "Call Ann"), 1):
        page.get_by_placeholder("What").fill(title)
        page.get_by_role("button", name="Add").click()
        expect(page.locator("#todos li")).to_have_count(number)
        expect(page.locator("#todos li").last).to_have_text(title)
    assert page.evaluate("window.stayed"), "the page was reloaded"
