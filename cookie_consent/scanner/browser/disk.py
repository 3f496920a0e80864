"""Bounds what the browser writes to disk: the quota that Chromium gives to each origin is a part of the whole disk."""

from __future__ import annotations

import asyncio
import os

__all__ = ["bytes_in", "until_full"]

_LOOK_SECONDS = 0.5


def bytes_in(folder: str, most: float = float("inf")) -> int:
    """Return how much of the disk the files below a folder take. It stops counting beyond ``most``."""
    found = 0
    folders = [folder]
    while folders and found <= most:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    state = entry.stat(follow_symlinks=False)
                    # Some files are long and empty.
                    found += state.st_blocks * 512 if hasattr(state, "st_blocks") else state.st_size
                    if found > most:
                        break
        except OSError:  # it was removed meanwhile
            continue
    return found


async def until_full(folder: str, most: int) -> None:
    """Wait until the folder takes more than ``most`` bytes."""
    while await asyncio.to_thread(bytes_in, folder, most) <= most:  # noqa: ASYNC110 - nothing tells of a write
        await asyncio.sleep(_LOOK_SECONDS)
