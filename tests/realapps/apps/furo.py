"""A site built by Sphinx with furo: its theme switch, and the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Sphinx furo"


def app(folder: Path) -> ASGIApp:
    import subprocess
    import sys

    from starlette.staticfiles import StaticFiles

    source = folder / "docs"
    source.mkdir()
    (source / "conf.py").write_text('project = "Handbook"\nhtml_theme = "furo"\n', "utf-8")
    (source / "index.rst").write_text("Handbook\n========\n\n.. toctree::\n\n   more\n", "utf-8")
    (source / "more.rst").write_text("More\n====\n\nThere are zebras.\n", "utf-8")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", source, folder / "site"], check=True)
    return StaticFiles(directory=folder / "site", html=True)


def act(page: Page) -> None:
    page.locator("article").get_by_role("link", name="More").click()
    expect(page.get_by_role("heading", name="More")).to_be_visible()
    theme = page.locator("body").get_attribute("data-theme")
    page.locator(".theme-toggle:visible").first.click()
    expect(page.locator("body")).not_to_have_attribute("data-theme", theme or "")
    chosen = page.locator("body").get_attribute("data-theme")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-theme", chosen or "")
    page.get_by_placeholder("Search").fill("zebras")
    page.get_by_placeholder("Search").press("Enter")
    expect(page.locator("#search-results li").first).to_contain_text("zebras")
