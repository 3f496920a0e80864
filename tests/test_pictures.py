"""The pictures of the banner in the documentation are those that ``make pictures`` takes, and are small."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pictures import FOLDER, MOST, MOST_OF_ALL, PICTURES

DOCS = (Path(__file__).parents[1] / "docs" / "banner.md").read_text("utf-8")


def test_the_documentation_shows_each_picture() -> None:
    names = {f"{picture.name}.webp" for picture in PICTURES}
    assert {path.name for path in FOLDER.iterdir()} == names
    assert set(re.findall(r"\(banner/([\w-]+\.webp)\)", DOCS)) == names


def test_the_pictures_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) <= MOST
    assert sum(sizes) <= MOST_OF_ALL
