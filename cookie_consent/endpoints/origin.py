"""Accept posts from the site's own pages only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from cookie_consent.consent.local_path import is_local_path
from cookie_consent.errors import ChoiceError
from cookie_consent.policy import host_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.policy import Policy

__all__ = ["SiteOrigin", "is_secure"]

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_LONGEST = 2048
_FRAMES = frozenset({"iframe", "frame", "object", "embed", "fencedframe"})


class SiteOrigin:
    """Tells the site's own pages from those of others, even behind a proxy that replaces ``Host``.

    It trusts the browser's ``Sec-Fetch-Site`` and ``Origin``, which no script can set (Fetch, section 2.2.2).
    """

    def __init__(self, policy: Policy) -> None:
        site = (policy.site or "").partition("/")[0]
        self._site = "" if site.startswith("*") else site

    def refuse_cross_site(self, request: Request) -> None:
        """Raise ``ChoiceError`` for posts from other sites (Fetch Metadata, section 2.3; else RFC 6454, section 7).

        A request with neither header is allowed: it comes from a program, since all browsers send one of them.
        """
        sites = request.headers.getlist("sec-fetch-site")
        if sites:
            allowed = {*sites} <= {"same-origin", "none"}
        else:
            allowed = all(self._is_own(origin, request) for origin in request.headers.getlist("origin"))
        if not allowed:
            raise ChoiceError("a choice can only be made on the site itself", status=403, code="cross-site")

    def is_framed(self, request: Request) -> bool:
        """Return whether the response is shown in a frame (Fetch Metadata, section 2.1), as far as the browser says."""
        return request.headers.get("sec-fetch-dest") in _FRAMES

    def host(self, request: Request) -> str:
        """Return the host that the browser requested, without its port, normalised."""
        origin = _split(request.headers.get("origin", ""))
        if origin is not None and self._is_site(origin, request):
            return self._site
        return host_of(request.headers.get("host", ""))

    def address(self, request: Request) -> str:
        """Return the site's URL without a trailing slash, or an empty string if ``Host`` is malformed."""
        host = request.headers.get("host", "")
        root_path = request.scope.get("root_path", "").rstrip("/")
        return f"{request.scope['scheme']}://{host}{root_path}" if _AUTHORITY.fullmatch(host) else ""

    def referer_path(self, request: Request) -> str:
        """Return the path of the page that the visitor came from, or an empty string if it is on another site."""
        referer = request.headers.get("referer", "")[:_LONGEST]
        parts = _split(referer)
        if parts is None or not self._is_own(referer, request):
            return ""
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return path if is_local_path(path) else ""

    def _is_own(self, address: str, request: Request) -> bool:
        parts = _split(address)
        if parts is None:
            return False
        host = request.headers.get("host", "").lower()
        return _authority(parts.scheme, host) == _authority(parts.scheme, parts.netloc) or self._is_site(parts, request)

    def _is_site(self, parts: SplitResult, request: Request) -> bool:
        """Return whether an address belongs to the policy's ``site``, whose ``Host`` a proxy may have replaced.

        If the site is known to use https, http pages do not count: anybody on the network can change them.
        """
        if not self._site or _authority(parts.scheme, parts.netloc) != self._site:
            return False
        forwarded = request.headers.get("x-forwarded-proto", "").strip().lower()
        return parts.scheme == "https" or (
            parts.scheme == "http" and not is_secure(request) and not forwarded.startswith("https")
        )


def is_secure(request: Request) -> bool:
    """Return whether the browser uses https, as far as the server knows."""
    return bool(request.scope["scheme"] == "https")


def _split(address: str) -> SplitResult | None:
    """Return the parts of an address, or None if it is malformed, like ``http://[``."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _authority(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix(_USUAL_PORTS.get(scheme, "\0"))
