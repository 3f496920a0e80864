"""The consent cookie's twins: those of the same visitor that were set for another domain or under another prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cookie_consent.gate.cookies.deletion import deletions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.consent import ConsentCookie
    from cookie_consent.gate import CookieUrl

__all__ = ["delete_duplicates"]


def delete_duplicates(cookies: Iterable[str], own: ConsentCookie, url: CookieUrl) -> list[str]:
    """Return the ``Set-Cookie`` values that delete them, to be sent before the one that is set.

    ``cookies`` are the ``Cookie`` headers of the request. A browser keeps cookies of one name apart by their domain and
    does not tell it (RFC 6265bis, section 5.7), so each that came is deleted for the host and its parents.
    """
    names = {pair.partition("=")[0].strip() for header in cookies for pair in header.split(";")}
    found, _ = deletions([(name, "/") for name in sorted(names) if own.is_choice(name)], replace(url, path="/"))
    kept = own.name(secure=url.secure), f"Domain={own.domain}" if own.domain is not None else None
    return [header for header in found if _target(header) != kept and "Partitioned" not in header]


def _target(header: str) -> tuple[str, str | None]:
    pair, *attributes = header.split("; ")
    domain = next((attribute for attribute in attributes if attribute.startswith("Domain=")), None)
    return pair.removesuffix("="), domain
