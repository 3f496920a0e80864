"""SQLAdmin: make, change and delete a row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "SQLAdmin"
PATH = "/admin/"


def app(folder: Path) -> ASGIApp:
    from sqladmin import Admin, ModelView
    from starlette.applications import Starlette

    from tests.realapps.books import make_books

    Book, engine = make_books(folder)  # noqa: N806 - a class

    class BookAdmin(ModelView, model=Book):  # type: ignore[call-arg, misc]
        column_list = ("id", "title", "written")
        column_searchable_list = ("title",)

    site = Starlette()
    Admin(site, engine).add_view(BookAdmin)
    return site


def act(page: Page) -> None:
    page.get_by_role("link", name="Books").click()
    page.get_by_role("link", name="New Book").click()
    page.get_by_label("Title").fill("Emma")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("cell", name="Emma")).to_be_visible()
    page.get_by_role("row", name="Emma").get_by_role("link", name="Edit").click()
    page.get_by_label("Title").fill("Persuasion")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("cell", name="Persuasion")).to_be_visible()
    page.get_by_role("row", name="Persuasion").get_by_role("link", name="Delete").click()
    expect(page.get_by_text("Please confirm")).to_be_visible()
    # The dialog learns what it deletes when it has been shown.
    expect(page.locator("#modal-delete-button")).to_have_attribute("data-url", re.compile("."))
    page.locator("#modal-delete-button").click()
    expect(page.get_by_role("cell", name="Persuasion")).to_be_hidden()
