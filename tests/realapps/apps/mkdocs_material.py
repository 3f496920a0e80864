"""A site built by MkDocs with the Material theme as it comes: search, the palette, a tab. Its fonts are Google's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "MkDocs Material"
CONFIG = """\
site_name: Handbook
theme:
  name: material
  features: [navigation.instant, content.code.copy]
  palette:
    - {scheme: default, toggle: {icon: material/weather-night, name: Dark}}
    - {scheme: slate, toggle: {icon: material/weather-sunny, name: Light}}
markdown_extensions: [pymdownx.superfences, {pymdownx.tabbed: {alternate_style: true}}]
"""
MORE = """# More

=== "Python"

    ```python
    print("hello")
    ```

=== "Shell"

    ```sh
    echo hello
    ```
"""


def app(folder: Path) -> ASGIApp:
    import subprocess
    import sys

    from starlette.staticfiles import StaticFiles

    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "index.md").write_text("# Handbook\n\nWelcome. See [more](more.md).\n", "utf-8")
    (folder / "docs" / "more.md").write_text(MORE, "utf-8")
    (folder / "mkdocs.yml").write_text(CONFIG, "utf-8")
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=folder, check=True)
    return StaticFiles(directory=folder / "site", html=True)


def act(page: Page) -> None:
    page.locator("article").get_by_role("link", name="more").click()
    expect(page.get_by_role("heading", name="More")).to_be_visible()
    page.locator("label", has_text="Shell").click()
    expect(page.get_by_text("echo hello")).to_be_visible()
    expect(page.get_by_text('print("hello")')).to_be_hidden()
    page.locator("label[title=Dark]").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.get_by_role("textbox", name="Search").click()
    page.get_by_role("textbox", name="Search").press_sequentially("welcome")
    expect(page.locator(".md-search-result__item").first).to_contain_text("Welcome")
