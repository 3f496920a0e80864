"""Datasette: look into a table, filter it, write SQL."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Datasette"


def app(folder: Path) -> ASGIApp:
    from datasette.app import Datasette

    file = folder / "museum.db"
    file.unlink(missing_ok=True)
    with sqlite3.connect(file) as database:
        database.execute("create table paintings (id integer primary key, title text, year integer)")
        database.executemany(
            "insert into paintings (title, year) values (?, ?)",
            [("Mona Lisa", 1503), ("Girl with a Pearl Earring", 1665), ("The Kiss", 1908)],
        )
    site: ASGIApp = Datasette([str(file)]).app()
    return site


def act(page: Page) -> None:
    page.get_by_role("link", name="museum", exact=True).first.click()
    page.get_by_role("link", name="paintings", exact=True).first.click()
    expect(page.get_by_role("heading", name="paintings")).to_be_visible()
    expect(page.locator("table.rows-and-columns tbody tr")).to_have_count(3)
    page.locator("select[name=_filter_column]").select_option("year")
    page.locator("select[name=_filter_op]").select_option("gt")
    page.locator("input[name=_filter_value]").fill("1900")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("table.rows-and-columns tbody tr")).to_have_count(1)
    expect(page.get_by_role("cell", name="The Kiss")).to_be_visible()
    # The column's menu is a script's.
    page.locator("th[data-column=title] svg").click()
    expect(page.get_by_role("link", name="Sort ascending")).to_be_visible()
    page.goto("/museum?sql=select+count(*)+as+n+from+paintings")
    # The editor is CodeMirror, which puts itself in the place of the text area.
    expect(page.locator(".CodeMirror")).to_be_visible()
    expect(page.locator("table.rows-and-columns tbody td")).to_have_text("3")
