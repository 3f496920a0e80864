"""How far a scan goes, how long it takes at most, and how it behaves towards the site."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["USER_AGENT", "CrawlOptions", "Progress", "check_numbers"]

USER_AGENT = f"cookie-consent/{__version__} (+scan)"
_LOWEST = {
    "pages": 1,
    "depth": 0,
    "alike": 1,
    "seconds": 0.001,
    "page_seconds": 0.001,
    "page_bytes": 1,
    "total_bytes": 1,
    "concurrency": 1,
    "delay": 0,
}
_MOST_AT_ONCE = 64


def check_numbers(options: object, lowest: Mapping[str, float]) -> None:
    """Raise ``ConfigurationError`` if a number among the options is below its lowest value, or is not finite."""
    for name, least in lowest.items():
        value = getattr(options, name)
        if not math.isfinite(value) or value < least:
            allowed = "more than 0" if 0 < least < 1 else f"{least:g} or more"
            how = "a finite number, " if not math.isfinite(value) else ""
            raise ConfigurationError(f"--{name.replace('_', '-')} is {value}; it must be {how}{allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a scan has come."""

    done: int
    """Pages that were visited, or that failed."""
    total: int
    """The same with those that are known and will be visited, as far as ``pages`` allows."""
    address: str
    """The page that was done last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlOptions:
    """The limits of a scan. Raises ``ConfigurationError`` for numbers that allow no scan."""

    pages: int = 100
    """How many pages are visited."""
    depth: int = 5
    """How many links a page may be away from the first; pages of sitemaps and seeds count as one link away."""
    alike: int = 25
    """How many pages of one kind in a row may show nothing new before the others of that kind are left."""
    seconds: float = 300.0
    """For the whole scan."""
    page_seconds: float = 20.0
    """For one page."""
    page_bytes: int = 5_000_000
    """Of a decoded body. The rest is not read."""
    total_bytes: int = 500_000_000
    """Of all decoded bodies."""
    concurrency: int = 4
    """How many pages are read at the same time."""
    delay: float = 0.1
    """The seconds between the starts of two pages or style sheets of one host."""
    private: bool = False
    """Whether to follow what leads to private, loopback and link-local addresses. The given host is always asked."""
    keep_queries: bool = False
    """Whether to keep values in addresses, as of queries, which may open a session or name a person."""
    robots: bool = True
    """Whether to obey ``robots.txt``."""
    user_agent: str = USER_AGENT
    include: tuple[str, ...] = ()
    """Patterns of paths such as ``/shop/*``: if there are any, only pages that match one are visited."""
    exclude: tuple[str, ...] = ()
    """Patterns of paths that are not visited. They come before ``include``."""
    seeds: tuple[str, ...] = ()
    """Further addresses, or paths, to start from."""

    def __post_init__(self) -> None:
        check_numbers(self, _LOWEST)
        if self.concurrency > _MOST_AT_ONCE:
            raise ConfigurationError(f"--concurrency is {self.concurrency}; it must be {_MOST_AT_ONCE} or less")
        if not self.user_agent.isascii() or not self.user_agent.isprintable() or not self.user_agent.strip():
            raise ConfigurationError("--user-agent must consist of printable ASCII characters")
        for pattern in (*self.include, *self.exclude):
            if not pattern.startswith(("/", "*")):
                raise ConfigurationError(
                    f"{pattern[:200]!r} is no pattern of a path; begin it with a slash, as in '/shop/*'"
                )
