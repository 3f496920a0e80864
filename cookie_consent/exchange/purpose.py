"""What a request is for: a page, something that a script asks for, or a prefetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFETCH_HEADERS", "SCRIPT_HEADERS", "Role", "is_prefetch", "is_soft_navigation", "role_of"]

Role: TypeAlias = Literal["page", "either", "part"]
"""What a response becomes: a page of its own, a part of one, or either, which its beginning decides."""
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
"""Headers of libraries that swap responses into a page. No navigation has them.

They matter on hosts without https, where browsers send no ``Sec-Fetch-Dest``.
"""
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Moz")

_SCRIPT_NAMES = frozenset(name.lower().encode("ascii") for name in SCRIPT_HEADERS)
_REQUESTED_WITH = b"x-requested-with"
_PREFETCH_NAMES = frozenset(name.lower().encode("ascii") for name in PREFETCH_HEADERS)


def role_of(headers: Mapping[bytes, bytes]) -> Role:
    """Return what the response to a request with these headers becomes (Fetch Metadata, section 2.1)."""
    destination = headers.get(b"sec-fetch-dest")
    if destination not in {None, b"document", b"empty"}:
        return "part"
    if destination == b"empty" or b"text/html" not in headers.get(b"accept", b""):
        return "either"
    if _SCRIPT_NAMES.isdisjoint(headers):
        return "page"
    # Android's WebView sends X-Requested-With with each navigation: its app's name, such as "com.example.shop".
    is_app = b"." in headers.get(_REQUESTED_WITH, b"") and _SCRIPT_NAMES.intersection(headers) == {_REQUESTED_WITH}
    return "page" if is_app else "either"


def is_soft_navigation(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a library that swaps pages asks, so that a page becomes a part of the one that is there."""
    return role_of(headers) == "either" and not _SCRIPT_NAMES.isdisjoint(headers)


def is_prefetch(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether the browser prefetches or prerenders (Fetch standard, section 3.8, ``Sec-Purpose``)."""
    return not _PREFETCH_NAMES.isdisjoint(headers) and any(
        headers[name].strip().lower().startswith((b"prefetch", b"prerender"))
        for name in _PREFETCH_NAMES.intersection(headers)
    )
