"""The cookies that an answer sets, as browsers would keep them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cookie_consent.gate.cookies.set_cookie import parse_set_cookie
from cookie_consent.policy import host_of
from cookie_consent.policy.site_domain import site_domain
from cookie_consent.scanner.model import Initiator, ObservedCookie
from cookie_consent.scanner.reader import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.scanner.links import Address

__all__ = ["cookies_of", "default_path"]

_MOST = 200
"""How many cookies of one answer are read; browsers keep no more of one host (RFC 6265bis, section 6.1)."""
_SAMPLE = 40
_SAME_SITE = frozenset({"strict", "lax", "none"})


def cookies_of(headers: Iterable[str], address: Address) -> Iterator[ObservedCookie]:
    """Yield the cookies of ``Set-Cookie`` headers, decoded as Latin-1; those that browsers reject are left out.

    A cookie that is only deleted is left out, too.
    """
    by = Initiator(by="header", address=cleaned(str(address)))
    for number, header in enumerate(headers):
        if number >= _MOST:
            return
        cookie = parse_set_cookie(header)
        lifetime = cookie.lifetime(datetime.now(UTC))
        domain = _domain(cookie.attributes.get("domain", ""), address.host)
        if cookie.fault() or domain is None or (lifetime is not None and lifetime <= 0):
            continue
        path = cookie.attributes.get("path", "")
        same_site = cookie.attributes.get("samesite", "").lower()
        yield ObservedCookie(
            name=cleaned(_text(cookie.judged_name)),
            domain=domain or address.host,
            path=cleaned(_text(path)) if path.startswith("/") else default_path(address.path),
            host_only=not domain,
            lifetime=lifetime,
            http_only="httponly" in cookie.attributes,
            secure="secure" in cookie.attributes,
            same_site=same_site if same_site in _SAME_SITE else "",
            partitioned="partitioned" in cookie.attributes,
            sample=_text(cookie.value)[:_SAMPLE],
            initiators=[by],
        )


def _domain(written: str, host: str) -> str | None:
    """Return the cookie's domain, empty if it is for the host alone, or None if browsers reject it."""
    domain = host_of(written.lstrip("."))
    if not domain:
        return ""
    if domain == host:
        return "" if site_domain(host) is None else domain
    return domain if host.endswith(f".{domain}") and site_domain(domain) is not None else None


def default_path(path: str) -> str:
    """Return the path of a cookie that names none (RFC 6265, section 5.1.4)."""
    return path.rpartition("/")[0] or "/"


def _text(latin: str) -> str:
    """Return the header's bytes read as UTF-8."""
    return latin.encode("latin-1", "replace").decode("utf-8", "replace")
