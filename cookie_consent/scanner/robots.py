"""What a site asks crawlers to leave alone (RFC 9309)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protego import Protego

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.scanner.links import Address

__all__ = ["LARGEST", "Robots"]

LARGEST = 512 * 1024
"""Bytes of the file that are read (RFC 9309, section 2.5)."""
_MOST_LINES = 5_000
_MOST_AGENTS = 200
"""How many crawlers one group may name: each gets a copy of its rules."""
_MOST_SITEMAPS = 50
LONGEST_DELAY = 10.0
"""The longest delay that is obeyed, in seconds."""
_AGENT = re.compile(r"\s*user[- ]?agent\b", re.IGNORECASE)


class Robots:
    """The rules of one origin for one crawler."""

    def __init__(self, text: str, user_agent: str) -> None:
        self._name = user_agent.partition("/")[0].strip()
        self._rules = Protego.parse("\n".join(_bounded(text.splitlines())))
        self.closed = ""
        """Why the file could not be read, so that nothing may be asked for; else empty."""

    @classmethod
    def nothing_allowed(cls, user_agent: str, why: str) -> Robots:
        """Return the rules for an origin whose file cannot be read (RFC 9309, section 2.3.1.4)."""
        robots = cls("User-agent: *\nDisallow: /", user_agent)
        robots.closed = why
        return robots

    def allows(self, address: Address) -> bool:
        """Say whether the address may be asked for."""
        return self._rules.can_fetch(str(address), self._name)

    @property
    def delay(self) -> float:
        """The seconds between two requests, at most ten."""
        return min(self._rules.crawl_delay(self._name) or 0.0, LONGEST_DELAY)

    @property
    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps as they are written."""
        return list(self._rules.sitemaps)[:_MOST_SITEMAPS]


def _bounded(lines: list[str]) -> Iterable[str]:
    agents = 0
    for line in lines[:_MOST_LINES]:
        is_agent = _AGENT.match(line) is not None
        agents = agents + 1 if is_agent else 0
        if agents <= _MOST_AGENTS:
            yield line
