"""Notes cookies: from the headers of answers, from scripts, and from what the browser holds in the end."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cookie_consent.gate.cookies.set_cookie import BROWSERS_LONGEST, parse_set_cookie
from cookie_consent.policy.site_domain import site_domain
from cookie_consent.scanner.browser.addresses import parsed
from cookie_consent.scanner.model import Initiator, ObservedCookie

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cookie_consent.scanner.collector import Collector
    from cookie_consent.scanner.model import Sighting

__all__ = ["CookieNotes"]

_SAMPLE = 64
_ELSEWHERE = frozenset(
    {
        "UserPreferences",
        "ThirdPartyPhaseout",
        "ThirdPartyBlockedInFirstPartySet",
        "SameSiteStrict",
        "SameSiteLax",
        "SameSiteUnspecifiedTreatedAsLax",
        "SameSiteNoneInsecure",
        "SchemefulSameSiteStrict",
        "SchemefulSameSiteLax",
        "SchemefulSameSiteUnspecifiedTreatedAsLax",
    }
)
"""Why Chromium rejects cookies that other browsers, or Chromium with other settings, keep."""


class CookieNotes:
    """Notes each cookie under its name, domain and path."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._held: dict[tuple[str, str, str], float] = {}
        """The cookies that the browser holds, with their ends."""

    def forget(self) -> None:
        """Begin with an empty browser."""
        self._held.clear()

    def from_header(self, line: str, address: str, sighting: Sighting, refused: set[str]) -> None:
        """Note what a ``Set-Cookie`` header says."""
        if not refused - _ELSEWHERE:
            by = Initiator(by="header", address=self._collector.cut(address))
            self._parsed(line, address, sighting, by)

    def from_script(self, line: str, page: str, sighting: Sighting, by: Initiator) -> None:
        """Note what was written to ``document.cookie``."""
        self._parsed(line, page, sighting, by, by_script=True)

    def from_store(self, name: str, value: Mapping[str, Any], page: str, sighting: Sighting, by: Initiator) -> None:
        """Note what was given to ``cookieStore.set``."""
        expires = value.get("expires")
        lifetime = None
        if isinstance(expires, int | float):
            lifetime = expires / 1000 - datetime.now(UTC).timestamp()
        found = _Found(
            name=name,
            value=str(value.get("value", "")),
            domain=str(value.get("domain") or ""),
            path=str(value.get("path") or "/"),
            lifetime=lifetime,
            secure=True,
            same_site=str(value.get("sameSite") or "").lower(),
            partitioned=value.get("partitioned") is True,
        )
        self._note(found, page, sighting, by)

    def from_browser(self, cookies: Sequence[Mapping[str, Any]], sighting: Sighting) -> None:
        """Note what the browser holds, of which some may have been set in ways that nothing else tells of."""
        now = datetime.now(UTC).timestamp()
        for cookie in cookies:
            name, domain, path = (str(cookie.get(key, "")) for key in ("name", "domain", "path"))
            end = float(cookie.get("expires", -1))
            key = (name, domain, path)
            if self._held.get(key) == end or len(self._held) >= self._collector.bounds.things:
                continue
            self._held[key] = end
            found = _Found(
                name=name,
                value=str(cookie.get("value", "")),
                domain=domain if domain.startswith(".") else "",
                path=path,
                lifetime=end - now if end > 0 else None,
                http_only=cookie.get("httpOnly") is True,
                secure=cookie.get("secure") is True,
                same_site=str(cookie.get("sameSite") or "").lower(),
                partitioned=bool(cookie.get("partitionKey")),
            )
            self._add(found, domain.lstrip("."), sighting, None)

    def _parsed(self, line: str, address: str, sighting: Sighting, by: Initiator, *, by_script: bool = False) -> None:
        cookie = parse_set_cookie(line)
        if cookie.fault():
            return
        attributes = cookie.attributes
        path = attributes.get("path", "")
        found = _Found(
            name=cookie.judged_name,
            value=cookie.value,
            domain=attributes.get("domain", ""),
            path=path if path.startswith("/") else _default_path(address),
            lifetime=cookie.lifetime(datetime.now(UTC)),
            http_only="httponly" in attributes and not by_script,
            secure="secure" in attributes,
            same_site=attributes.get("samesite", "").lower(),
            partitioned="partitioned" in attributes,
        )
        self._note(found, address, sighting, by)

    def _note(self, found: _Found, address: str, sighting: Sighting, by: Initiator) -> None:
        parts = parsed(address)
        host = (parts.hostname or "").rstrip(".") if parts else ""
        if not host or (found.lifetime is not None and found.lifetime <= 0):
            return  # it deletes a cookie
        domain = found.domain.lstrip(".").lower()
        if domain and domain != host:
            # A script may try one domain after another until a cookie stays. Browsers keep none for a public suffix.
            if not host.endswith(f".{domain}") or _is_address(host) or ("." in domain and site_domain(domain) is None):
                return
            if "." not in domain:
                return
        if domain == host and _is_address(host):
            found.domain = ""
        self._add(found, domain or host, sighting, by)

    def _add(self, found: _Found, domain: str, sighting: Sighting, by: Initiator | None) -> None:
        cut = self._collector.cut
        name, path, domain = cut(found.name), cut(found.path), cut(domain.lower())
        seen = self._collector.see(
            self._collector.scan.cookies,
            (name, domain, path),
            lambda: ObservedCookie(
                name=name, domain=domain, path=path, host_only=not found.domain, sample=found.value[:_SAMPLE]
            ),
            sighting,
            by,
        )
        if seen is None:
            return
        if found.lifetime is not None:
            seen.lifetime = max(seen.lifetime or 0.0, min(found.lifetime, BROWSERS_LONGEST))
        seen.host_only = seen.host_only and not found.domain
        seen.http_only = seen.http_only or found.http_only
        seen.secure = seen.secure or found.secure
        seen.partitioned = seen.partitioned or found.partitioned
        if found.same_site in {"strict", "lax", "none"}:
            seen.same_site = found.same_site


class _Found:
    """A cookie, as one source describes it."""

    __slots__ = ("domain", "http_only", "lifetime", "name", "partitioned", "path", "same_site", "secure", "value")

    def __init__(
        self,
        *,
        name: str,
        value: str,
        domain: str,
        path: str,
        lifetime: float | None,
        http_only: bool = False,
        secure: bool = False,
        same_site: str = "",
        partitioned: bool = False,
    ) -> None:
        self.name, self.value, self.domain, self.path, self.lifetime = name, value, domain, path, lifetime
        self.http_only, self.secure, self.same_site, self.partitioned = http_only, secure, same_site, partitioned


def _default_path(address: str) -> str:
    """Return the path of a cookie that names none (RFC 6265, section 5.1.4)."""
    parts = parsed(address)
    folder = parts.path.rpartition("/")[0] if parts else ""
    return folder if folder.startswith("/") else "/"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
