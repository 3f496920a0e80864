"""Shiny for Python: inputs and outputs over a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Shiny"


def app(_: Path) -> ASGIApp:
    from shiny import App, Inputs, Outputs, Session, render, ui

    page = ui.page_sidebar(
        ui.sidebar(ui.input_slider("n", "N", 0, 100, 20), ui.input_text("name", "Name", "Ann")),
        ui.navset_tab(
            ui.nav_panel("Text", ui.output_text_verbatim("text")),
            ui.nav_panel("Table", "A table"),
        ),
        title="Twice",
    )

    def server(input: Inputs, output: Outputs, session: Session) -> None:  # noqa: A002, ARG001 - Shiny's names
        @render.text
        def text() -> str:
            return f"{input.name()}: {input.n() * 2}"

    return App(page, server)


def act(page: Page) -> None:
    expect(page.locator("#text")).to_have_text("Ann: 40")
    page.get_by_label("Name").fill("Ben")
    expect(page.locator("#text")).to_have_text("Ben: 40")
    handle = page.locator(".irs-handle").bounding_box()
    track = page.locator(".irs-line").bounding_box()
    assert handle
    assert track
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] + 20, handle["y"], steps=5)
    page.mouse.up()
    expect(page.locator("#text")).to_have_text("Ben: 200")
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_text("A table")).to_be_visible()
