"""The pages that a scan in a browser visits in one phase."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookie_consent.scanner.model import Phase

__all__ = ["MOST_KNOWN", "Tour"]

MOST_KNOWN = 10_000
"""So many addresses of pages are remembered."""


class Tour:
    """The pages of one phase: those that wait, and all that are known."""

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.queue: deque[str] = deque()
        self.known: dict[str, None] = {}
        """In the order in which they were found."""
        self.done = 0
        """How many were visited."""
        self.is_left = False
        """Whether the phase cannot be visited, as nothing on the site takes its answer."""

    def add(self, pages: Iterable[str]) -> None:
        """Add the pages that are not known yet."""
        for page in pages:
            if page not in self.known and len(self.known) < MOST_KNOWN:
                self.known[page] = None
                self.queue.append(page)

    def leave_out(self, is_left_out: Callable[[str], bool]) -> None:
        """Leave out pages that wait."""
        left = {page for page in self.queue if is_left_out(page)}
        for page in left:
            del self.known[page]
        self.queue = deque(page for page in self.queue if page not in left)
