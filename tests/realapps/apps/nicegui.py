"""NiceGUI: what the user does goes to the server over a WebSocket, and what changes comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "NiceGUI"


def app(_: Path) -> ASGIApp:
    from fastapi import FastAPI
    from nicegui import ui

    site = FastAPI()

    @ui.page("/")
    def home() -> None:
        count = {"n": 0}
        label = ui.label("Count: 0")

        def add() -> None:
            count["n"] += 1
            label.set_text(f"Count: {count['n']}")

        ui.button("Add", on_click=add)
        with ui.dialog() as dialog, ui.card():
            ui.label("In the dialog")
            ui.button("Close", on_click=dialog.close)
        ui.button("Open", on_click=dialog.open)
        name = ui.input("Name")
        ui.label().bind_text_from(name, "value", lambda value: f"Hello {value}")
        ui.table(rows=[{"name": "Ann"}, {"name": "Ben"}])

    ui.run_with(site, storage_secret="a secret of the tests")
    return site


def act(page: Page) -> None:
    for number in (1, 2):
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text(f"Count: {number}")).to_be_visible()
    page.get_by_label("Name").fill("Ann")
    expect(page.get_by_text("Hello Ann")).to_be_visible()
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("In the dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_text("In the dialog")).to_be_hidden()
    expect(page.get_by_role("cell", name="Ben")).to_be_visible()
