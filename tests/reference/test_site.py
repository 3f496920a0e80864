"""The documentation's site is whole, and fetches nothing from other hosts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.reference.code import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FETCHED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"?(?:https?:)?//[^\s\">]+[^>]*>")


def build(folder: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as ``make docs`` does: under ``--quiet`` the option ``--strict`` would see no warnings."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)


@pytest.mark.server
def test_it_builds_strictly_and_fetches_nothing_from_other_hosts(tmp_path: Path) -> None:
    built = build(ROOT, tmp_path)
    assert built.returncode == 0, built.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        tags = FETCHED.findall(page.read_text("utf-8"))
        assert [tag for tag in tags if 'rel="canonical"' not in tag] == [], page
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", style.read_text("utf-8")), style


@pytest.mark.server
@pytest.mark.parametrize("link", ["nowhere.md", "csp.md#nowhere", "/csp/"])
def test_a_link_that_leads_nowhere_fails(tmp_path: Path, link: str) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("CHANGELOG.md", "mkdocs.yml"):
        shutil.copy(ROOT / name, tmp_path)
    with (tmp_path / "docs" / "glossary.md").open("a") as page:
        page.write(f"\n[See]({link})\n")
    built = build(tmp_path, tmp_path / "site")
    assert built.returncode == 1
    assert link in built.stderr
