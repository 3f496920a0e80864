"""What a request is for: a page that the browser shows, something a script asks for, or a guess of what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFETCH_HEADERS", "SCRIPT_HEADERS", "Role", "is_prefetch", "is_soft_navigation", "role_of"]

Role: TypeAlias = Literal["page", "either", "part"]
"""What an answer becomes: a page of its own, or a part of one; of what a script asks for the beginning tells."""
SCRIPT_HEADERS = (
    "HX-Request",  # htmx
    "X-Requested-With",  # jQuery, swup, Turbolinks, Phoenix LiveView and many others
    "Turbo-Frame",  # Turbo
    "X-Turbo-Request-Id",
    "X-Up-Version",  # Unpoly
    "X-Alpine-Request",  # Alpine AJAX
    "Datastar-Request",
    "X-PJAX",
    "X-Livewire",
    "X-Livewire-Navigate",
    "X-Inertia",
    "X-IC-Request",  # intercooler
    "X-Barba",
    "FX-Request",  # fixi
    "X-SPF-Request",
    "X-Splade",
)
"""Headers that only libraries send, which swap what they receive into a page; no navigation carries them.

They matter on hosts without https, where browsers send no ``Sec-Fetch-Dest``.
"""
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Moz")

_SCRIPT_NAMES = frozenset(name.lower().encode("ascii") for name in SCRIPT_HEADERS)
_REQUESTED_WITH = b"x-requested-with"
_PREFETCH_NAMES = frozenset(name.lower().encode("ascii") for name in PREFETCH_HEADERS)


def role_of(asked: Mapping[bytes, bytes]) -> Role:
    """Return what the answer to a request with these headers becomes (Fetch Metadata, section 2.1)."""
    destination = asked.get(b"sec-fetch-dest")
    if destination not in {None, b"document", b"empty"}:
        return "part"
    if destination == b"empty" or b"text/html" not in asked.get(b"accept", b""):
        return "either"
    if _SCRIPT_NAMES.isdisjoint(asked):
        return "page"
    # Android's WebView sends the name of its app with each navigation, such as "com.example.shop".
    is_app = b"." in asked.get(_REQUESTED_WITH, b"") and _SCRIPT_NAMES.intersection(asked) == {_REQUESTED_WITH}
    return "page" if is_app else "either"


def is_soft_navigation(asked: Mapping[bytes, bytes]) -> bool:
    """Say whether a library that swaps pages asks, so that a page becomes a part of the one that is there."""
    return role_of(asked) == "either" and not _SCRIPT_NAMES.isdisjoint(asked)


def is_prefetch(asked: Mapping[bytes, bytes]) -> bool:
    """Say whether the browser asks in advance, prerendering too (Fetch standard, section 3.8, ``Sec-Purpose``)."""
    return not _PREFETCH_NAMES.isdisjoint(asked) and any(
        asked[name].strip().lower().startswith((b"prefetch", b"prerender"))
        for name in _PREFETCH_NAMES.intersection(asked)
    )
