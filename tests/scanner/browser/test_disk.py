"""What the browser may write to disk."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from cookie_consent.scanner.browser.disk import bytes_in, until_full
from tests.waiting import HANG

if TYPE_CHECKING:
    from pathlib import Path


def test_files_of_all_folders_count_and_links_lead_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    (folder / "a" / "b").mkdir(parents=True)
    assert bytes_in(str(folder)) == 0
    (folder / "a" / "b" / "file").write_bytes(os.urandom(100_000))
    (folder / "a" / "file").write_bytes(os.urandom(100_000))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(os.urandom(1_000_000))
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "link-to-file").symlink_to(tmp_path / "elsewhere" / "file")
    assert 200_000 <= bytes_in(str(folder)) < 300_000
    assert bytes_in(str(tmp_path / "none")) == 0


def test_a_long_file_that_is_empty_takes_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1_000_000_000)
    assert bytes_in(str(tmp_path)) < 100_000


@pytest.mark.anyio
async def test_it_waits_until_there_is_more_than_may_be(tmp_path: Path) -> None:
    waiting = asyncio.ensure_future(until_full(str(tmp_path), 50_000))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    await asyncio.wait_for(waiting, HANG)
