"""Starlette-Admin: make a row, search for it, delete it in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Starlette-Admin"
PATH = "/admin/"
POLICY = """
[services.inter]
name = "Inter"
category = "preferences"
purpose = "Shows text in the font Inter"
hosts = ["rsms.me"]
"""


def app(folder: Path) -> ASGIApp:
    from starlette.applications import Starlette
    from starlette_admin.contrib.sqla import Admin, ModelView

    from tests.realapps.books import make_books

    Book, engine = make_books(folder)  # noqa: N806 - a class
    site = Starlette()
    admin = Admin(engine, title="Library")
    admin.add_view(ModelView(Book))
    admin.mount_to(site)
    return site


def act(page: Page) -> None:
    page.get_by_role("link", name="Books").click()
    page.get_by_role("link", name="New Book").click()
    page.locator("input[name=title]").fill("Emma")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("cell", name="Emma")).to_be_visible()
    search = page.get_by_role("searchbox")
    search.fill("nothing of this name")
    search.press("Enter")
    expect(page.get_by_role("cell", name="Emma")).to_be_hidden()
    search.fill("Emm")
    search.press("Enter")
    expect(page.get_by_role("cell", name="Emma")).to_be_visible()
    page.get_by_role("row", name="Emma").get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_role("cell", name="Emma")).to_be_hidden()
