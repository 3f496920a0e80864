"""The addresses below the middleware's prefix on a site that runs it, which are no pages of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.scanner.links import parsed

if TYPE_CHECKING:
    from cookie_consent.scanner.links import Address

__all__ = ["OwnPrefixes", "prefix_of"]

_CHOICES = "/choices"
_MOST = 20


def prefix_of(endpoint: str, page: str) -> str:
    """Return the address below which the middleware's own pages are, or an empty text.

    ``endpoint`` is where the banner on ``page`` sends choices. One on another host, or below no path, is not believed:
    it would rule out pages that the middleware does not answer.
    """
    address, base = parsed(endpoint, page), parsed(page)
    if address is None or base is None or address.authority != base.authority:
        return ""
    path = address.path.removesuffix(_CHOICES)
    return f"{address.origin}{path}" if path != address.path and path.strip("/") else ""


class OwnPrefixes:
    """What ``prefix_of`` has found on a site, whatever the scheme. Memory is bounded."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    @property
    def prefixes(self) -> list[str]:
        """What was added, each with its scheme."""
        return list(self._known.values())

    def add(self, prefix: str) -> bool:
        """Add a prefix; return whether it is new."""
        address = parsed(prefix) if prefix else None
        if address is None or len(self._known) >= _MOST:
            return False
        key = (address.authority, address.path)
        is_new = key not in self._known
        self._known.setdefault(key, prefix)
        return is_new

    def cover(self, address: Address) -> bool:
        """Return whether the middleware answers this address, rather than the site."""
        return any(
            address.authority == authority and (address.path == path or address.path.startswith(f"{path}/"))
            for authority, path in self._known
        )
