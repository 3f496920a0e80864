"""The scan in a browser, on a site with trackers of every carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cookie_consent.scanner.browse import browse
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.model import Phase
from tests.scanner.planted import ALIASES, PLANTS, SITE, answers
from tests.scanner.stand_in import ARGUMENTS, app_of, standing_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.anyio]


async def test_all_planted_trackers_are_found(chromium_path: str, tmp_path: Path) -> None:
    async with standing_in(app_of(answers), tmp_path, ALIASES) as network:
        options = BrowseOptions(
            executable=chromium_path,
            pages=1,
            phases=(Phase.UNDECIDED,),
            stay_seconds=8,
            page_seconds=120,
            network=network,
            arguments=ARGUMENTS,
        )
        scan = await browse(f"https://{SITE}/", options)
    (page,) = scan.pages
    assert not page.error
    missing = [plant.name for plant in PLANTS if not plant.finds(scan)]
    assert not missing, f"{len(PLANTS) - len(missing)} of {len(PLANTS)} were found"
