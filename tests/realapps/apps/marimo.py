"""Marimo: a notebook as an application, whose cells run as the user moves a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Marimo"
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    return (mo,)


@app.cell
def _(mo):
    number = mo.ui.number(start=0, stop=10, value=3, label="Number")
    number
    return (number,)


@app.cell
def _(mo, number):
    mo.md(f"The square is **{number.value ** 2}**")
    return


if __name__ == "__main__":
    app.run()
"""


def app(folder: Path) -> ASGIApp:
    import marimo

    notebook = folder / "notebook.py"
    notebook.write_text(NOTEBOOK, "utf-8")
    return marimo.create_asgi_app().with_app(path="", root=str(notebook)).build()


def act(page: Page) -> None:
    expect(page.get_by_text("The square is 9")).to_be_visible()
    field = page.get_by_role("textbox", name="Number")
    field.fill("5")
    field.press("Tab")
    expect(page.get_by_text("The square is 25")).to_be_visible()
