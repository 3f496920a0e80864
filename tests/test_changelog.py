from __future__ import annotations

import re
from pathlib import Path

import cookie_consent

ROOT = Path(__file__).parents[1]


def test_the_newest_entry_is_this_version() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    released = [version for version in versions if version != "Unreleased"]
    assert released[0] == cookie_consent.__version__
