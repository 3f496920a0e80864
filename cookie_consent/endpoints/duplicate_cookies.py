"""Delete duplicates of the consent cookie: set for another domain, with another prefix, or for a frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cookie_consent.gate.cookies.deletion import deletions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.consent import ConsentCookie
    from cookie_consent.gate import CookieUrl

__all__ = ["delete_duplicates"]


def delete_duplicates(cookies: Iterable[str], own: ConsentCookie, url: CookieUrl, *, is_framed: bool) -> list[str]:
    """Return the ``Set-Cookie`` values that delete the duplicates. Send them before the consent cookie.

    The cookie of a choice made in a frame is one, unless the new choice is made in a frame too (``is_framed``).

    ``cookies`` are the request's ``Cookie`` headers. Browsers do not send a cookie's domain (RFC 6265bis, section 5.7),
    so each is deleted for the host and all its parents.
    """
    names = {pair.partition("=")[0].strip() for header in cookies for pair in header.split(";")}
    at_root = replace(url, path="/")
    found, _ = deletions([(name, "/") for name in sorted(names) if own.is_choice(name)], at_root)
    domain = f"Domain={own.domain}" if own.domain is not None else None
    kept = {(name(secure=url.secure), domain) for name in (own.name, own.visit_name)}
    duplicates = [header for header in found if _target(header) not in kept and "Partitioned" not in header]
    framed = [] if is_framed else [(name, "/") for name in sorted(names) if own.is_framed_choice(name)]
    return duplicates + deletions(framed, at_root)[0]


def _target(header: str) -> tuple[str, str | None]:
    pair, *attributes = header.split("; ")
    domain = next((attribute for attribute in attributes if attribute.startswith("Domain=")), None)
    return pair.removesuffix("="), domain
