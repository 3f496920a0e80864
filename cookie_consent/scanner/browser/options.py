"""The options of a scan in a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.browser.network import Network
from cookie_consent.scanner.collector import Bounds
from cookie_consent.scanner.model import Phase
from cookie_consent.scanner.options import check_numbers

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BrowseOptions", "Progress"]

_LOWEST = {
    "pages": 1,
    "seconds": 1,
    "page_seconds": 1,
    "quiet_seconds": 0,
    "stay_seconds": 0,
    "answer_seconds": 0,
    "disk_bytes": 1,
    "clicks": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a scan is: a page is about to be visited."""

    phase: Phase
    page: str
    done: int
    """How many pages of the phase were visited."""
    known: int
    """How many pages of the phase are known so far, visited or not."""


@dataclass(frozen=True, kw_only=True)
class BrowseOptions:
    """How to scan in a browser. Raises ``ConfigurationError`` for a value that makes no sense."""

    addresses: tuple[str, ...] = ()
    """The pages to visit, beside the site's own address. None given: links within the site are followed."""
    pages: int = 20
    """How many pages to visit at most, in each phase."""
    phases: tuple[Phase, ...] = (Phase.UNDECIDED, Phase.REFUSED, Phase.ACCEPTED)
    page_seconds: float = 30.0
    """How long a page may take at most, with loading, scrolling and clicking."""
    seconds: float = 900.0
    """How long the scan may take at most."""
    quiet_seconds: float = 1.0
    """A page counts as quiet when it has asked for nothing for so long."""
    stay_seconds: float = 4.0
    """How long to stay on a page at least, as some tags wait before they load."""
    answer_seconds: float = 4.0
    """How long to wait at most for a consent dialogue that can be answered."""
    disk_bytes: int = 1_000_000_000
    """How much Chromium may write to disk in a phase. Of itself it writes a few MB."""
    clicks: int = 8
    """How many elements to click on a page at most."""
    executable: str | None = None
    """The path of Chromium. None: Playwright's own, else one that is installed on the system."""
    setup: Path | None = None
    """A Python file with a function ``setup(page)``, which may be ``async``. It signs in, for example."""
    private: bool = False
    """Whether pages may load from private addresses too. The site itself is always asked."""
    keep_queries: bool = False
    """Whether to keep values in addresses, as of queries, which may open a session or name a person."""
    headless: bool = True
    screenshots: Path | None = None
    """The folder for pictures of the first pages; None for no pictures."""
    viewport: tuple[int, int] = (1280, 900)
    """Width and height in CSS pixels."""
    locale: str = "en-US"
    bounds: Bounds = field(default_factory=Bounds)
    network: Network = field(default_factory=Network)
    arguments: tuple[str, ...] = ()
    """Further arguments for Chromium."""

    def __post_init__(self) -> None:
        check_numbers(self, _LOWEST)
        if not self.phases:
            raise ConfigurationError("there is no phase to scan: give at least one")
        if min(self.viewport) < 1:
            raise ConfigurationError("the viewport is empty: give a width and a height of at least 1")
