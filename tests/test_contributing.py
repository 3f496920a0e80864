"""What contributors are told is true: targets, files and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md")])
TARGETS = set(re.findall(r"^([a-z ]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
TARGETS = {target for targets in TARGETS for target in targets.split()}
MAKE = re.compile(r"(?:`|\brun: |^)make ((?:[a-z]+\b(?!=) ?)+)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)\s]*)\)")
PATHS = re.compile(r"`((?:cookie_consent|docs|static|tests|\.github)/[\w./-]*)`")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_there_are_pages_and_links_to_look_at() -> None:
    assert {"CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", "PULL_REQUEST_TEMPLATE.md"} <= {
        page.name for page in PAGES
    }
    assert LINK.findall((ROOT / "SECURITY.md").read_text("utf-8"))


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob(".github/workflows/*.yml"))], ids=lambda page: page.name)
def test_each_make_target_that_is_named_exists(page: Path) -> None:
    for targets in MAKE.findall(page.read_text("utf-8")):
        assert set(targets.split()) <= TARGETS, targets


def test_contributing_names_each_tier_of_the_tests_and_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = {target for targets in MAKE.findall(text) for target in targets.split()}
    assert {"check", "coverage", "test", "leaklab", "torture", "fuzz", "lowest", "newest", "release", "sbom"} <= named
    for path in PATHS.findall(text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`(test_\w+)`", text):
        assert any(f"def {name}(" in file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py")), name
