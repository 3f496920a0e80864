"""The pictures of pages, each of which is a file from the moment when it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.scanner.model import Phase, ScannedPage

__all__ = ["Pictures"]

_MOST_PAGES = 12
"""So many pages have pictures: a report shows no more."""
_MOST_BYTES = 100_000_000
"""Of all pictures together."""


class Pictures:
    """Keeps pictures of the first pages of a scan in a folder. Without a folder it keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pages: set[str] = set()
        self._count = self._bytes = 0

    def wants(self, page: ScannedPage) -> bool:
        """Return whether a picture of this page would be kept."""
        has_room = self._bytes < _MOST_BYTES and (page.address in self._pages or len(self._pages) < _MOST_PAGES)
        return self._folder is not None and has_room

    def keep(self, page: ScannedPage, phase: Phase, image: bytes) -> None:
        """Write a picture. Raises ``OSError``."""
        if self._folder is None:
            return
        self._pages.add(page.address)
        self._count += 1
        self._bytes += len(image)
        file = self._folder / f"{self._count}.png"
        file.write_bytes(image)
        page.screenshots[phase] = file
