"""The inert form of a tag, for which neither browsers nor lazy loaders load anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.rewriter import StartTag

__all__ = [
    "ANY_HOST",
    "BLOCKED",
    "INERT_ADDRESS",
    "hold_attribute",
    "hold_value",
    "make_text",
    "mark_held",
    "released",
    "released_css",
]

INERT_ADDRESS = "https://#consent/"
"""The prefix of a held address in CSS; ``CATEGORY/SERVICE/`` and the address follow it.

An address without a host is none (URL standard, section 4.4): browsers ask nobody for it, and log nothing.
"""
BLOCKED = "blocked"
"""The value of ``data-consent`` where the policy never allows the address, whatever the visitor chooses."""
ANY_HOST = "*"
"""The value of ``data-consent-service`` for an undeclared host that no notice can name, so that nothing allows it."""
_PREFIX = b"data-consent-"
"""The prefix of the name of each held attribute."""
_MARKS = frozenset({b"data-consent-service", b"data-consent-placeholder"})
_INERT = re.compile(rb"https://#consent/[^/\s\"']*/[^/\s\"']*/")


def hold_attribute(tag: StartTag, name: bytes) -> None:
    """Rename the attribute to one that neither browsers nor lazy loaders read, unlike ``data-src``."""
    held = _PREFIX + name
    if held in tag.names():
        tag.add(held, tag.get(name) or "")  # the first of duplicates counts: let it be ours
    tag.rename(name, held)


def hold_value(tag: StartTag, name: bytes, value: str) -> None:
    """Add what the attribute is to have once it may load, beside what it has until then."""
    tag.add(_PREFIX + name, value)


def make_text(tag: StartTag) -> None:
    """Give a script or style element a type that browsers do not run or apply."""
    if tag.get(b"type") is not None:
        hold_attribute(tag, b"type")
    tag.add(b"type", "text/plain")


def mark_held(tag: StartTag, waits: Iterable[tuple[str, str]]) -> None:
    """Mark the tag with the categories and services (``-`` for none) that it waits for."""
    waits = list(waits)
    categories = [category for category, _ in waits]
    if BLOCKED in categories:
        tag.add(b"data-consent", BLOCKED)
        return
    tag.add(b"data-consent", " ".join(categories))
    services = [service for _, service in waits]
    if any(service != "-" for service in services):
        tag.add(b"data-consent-service", " ".join(services))


def released(tag: StartTag) -> StartTag:
    """Return the tag as it was before it was held, or the tag itself if it is not held."""
    names = set(tag.names())
    if b"data-consent" not in names:
        return tag
    made = tag.copy(released_css(tag.raw))
    held = [name for name in names if name.startswith(_PREFIX) and name not in _MARKS]
    for name in (b"type",) if tag.name in {b"script", b"style"} else (b"srcdoc",):
        if name in names and _PREFIX + name not in held:  # it is ours: the mark of a text, or a placeholder
            made.rename(name, b"data-" + name)
    for name in held:
        made.add(name.removeprefix(_PREFIX), made.get(name) or "")
    return tag.copy(made.to_bytes())


def released_css(css: bytes) -> bytes:
    """Return CSS with the addresses that it had before they were held."""
    return _INERT.sub(b"", css) if INERT_ADDRESS.encode("ascii") in css else css
