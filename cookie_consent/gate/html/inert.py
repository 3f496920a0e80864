"""The inert form of a tag: it stays in its place, and no browser, and no lazy loader, loads anything for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.rewriter import StartTag

__all__ = ["BLOCKED", "INERT_ADDRESS", "make_text", "mark_held", "put_away"]

INERT_ADDRESS = "about:invalid#consent/"
"""What stands before a held address in CSS, followed by ``CATEGORY/SERVICE/`` and the address."""
BLOCKED = "blocked"
"""Stands in ``data-consent`` where the policy never lets the address load; no choice activates it."""
_PREFIX = b"data-consent-"
"""Stands before the name of each attribute that is held."""


def put_away(tag: StartTag, name: bytes) -> None:
    """Keep the attribute under a name that no browser reads, and no lazy loader: ``data-src`` is the page's own."""
    held = _PREFIX + name
    if held in tag.names():
        tag.add(held, tag.get(name) or "")  # of duplicates the first counts, which is to be ours
    tag.rename(name, held)


def make_text(tag: StartTag) -> None:
    """Give a script or style element a type that no browser runs or applies."""
    if tag.get(b"type") is not None:
        put_away(tag, b"type")
    tag.add(b"type", "text/plain")


def mark_held(tag: StartTag, waits: Iterable[tuple[str, str]]) -> None:
    """Name the categories and services (``-`` for none) that the tag waits for, as many of each."""
    waits = list(waits)
    categories = [category for category, _ in waits]
    if BLOCKED in categories:
        tag.add(b"data-consent", BLOCKED)
        return
    tag.add(b"data-consent", " ".join(categories))
    services = [service for _, service in waits]
    if any(service != "-" for service in services):
        tag.add(b"data-consent-service", " ".join(services))
