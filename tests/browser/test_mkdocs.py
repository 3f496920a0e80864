"""A site built by MkDocs with the Material theme, Google Analytics and Google Fonts."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from starlette.staticfiles import StaticFiles

from tests.browser.journey import (
    assert_activated_on_the_page,
    assert_held_to_the_choice,
    assert_live,
    assert_works_without_scripts,
)

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

CONFIG = """\
site_name: Handbook
site_url: http://site.test/
theme: {name: material}
extra: {analytics: {provider: google, property: G-TEST}}
plugins: []
"""
FONTS = {"fonts.googleapis.com", "fonts.gstatic.com"}
HOSTS = {"www.googletagmanager.com", "www.google-analytics.com", "fonts.googleapis.com"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mkdocs")
    (folder / "docs").mkdir()
    (folder / "docs" / "index.md").write_text("# Handbook\n\nWelcome. See [more](more.md).\n")
    (folder / "docs" / "more.md").write_text("# More\n\nThere is more.\n")
    (folder / "mkdocs.yml").write_text(CONFIG)
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=folder, check=True, capture_output=True)
    return folder / "site"


@pytest.fixture
def site(built: Path) -> ASGIApp:
    return StaticFiles(directory=built, html=True)


def test_it_leaks_without_the_middleware(visiting: Visiting, site: ASGIApp) -> None:
    assert_live(visiting, site, HOSTS)


def test_it_is_held_to_the_choice(visiting: Visiting, site: ASGIApp, ledger_url: str) -> None:
    assert_held_to_the_choice(visiting, site, ledger_url, HOSTS, "/more/")


def test_what_was_held_back_starts_on_the_page_of_the_choice(
    visiting: Visiting, site: ASGIApp, ledger_url: str
) -> None:
    # Material calls its analytics once, while the page loads: the reload starts it.
    assert_activated_on_the_page(visiting, site, ledger_url, {*FONTS, *HOSTS})


def test_it_works_without_scripts(visiting: Visiting, site: ASGIApp, ledger_url: str) -> None:
    assert_works_without_scripts(visiting, site, ledger_url, {"fonts.googleapis.com"})
