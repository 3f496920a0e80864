"""Who is shown the x-ray: everybody in development mode, else whoever has given the admin token."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from itsdangerous import BadData, TimestampSigner

from cookie_consent.consent import XRAY_COOKIE
from cookie_consent.policy.cookie_prefix import HOST_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Scope

__all__ = ["XRayDoor"]

_SECONDS = 3600
_LONGEST = 512
_SECURE = frozenset({"https", "wss"})


class XRayDoor:
    """Lets the owner of the site see what is held. ``script`` and ``endpoint`` are paths below ``root_path``.

    The cookie is signed with the site's secret and good for an hour, for this token only. ``token`` is empty where
    there is none; with ``dev`` nobody needs it.
    """

    def __init__(self, keys: Sequence[str], *, token: str, dev: bool, script: str, endpoint: str) -> None:
        self.script = script
        self.endpoint = endpoint
        self._is_open = dev
        self._seal = sha256(b"xray " + token.encode("utf-8")).hexdigest()[:32] if token else ""
        self._signer = TimestampSigner(list(reversed(keys)), salt="cookie-consent.xray", digest_method=sha256)

    def admits(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        """Return whether the request may see what is held. ``headers`` has the last header of each name."""
        if self._is_open:
            return True
        cookie = headers.get(b"cookie", b"")
        if not self._seal or XRAY_COOKIE.encode() not in cookie:
            return False
        name = self._name(scope)
        for pair in cookie.decode("latin-1").split(";"):
            key, _, value = pair.strip(" \t").partition("=")
            if key == name and self._is_valid(value):
                return True
        return False

    def cookie(self, scope: Scope, *, on: bool) -> str:
        """Return the ``Set-Cookie`` value that shows the x-ray from now on, or no longer."""
        value = self._signer.sign(self._seal).decode("ascii") if on else ""
        secure = "; Secure" if scope.get("scheme") in _SECURE else ""
        ends = "" if on else "; Max-Age=0"
        return f"{self._name(scope)}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}"

    def _is_valid(self, value: str) -> bool:
        try:
            sealed = self._signer.unsign(value[:_LONGEST], max_age=_SECONDS)
        except (BadData, ValueError):
            return False
        return bool(sealed.decode("ascii", "replace") == self._seal)

    def _name(self, scope: Scope) -> str:
        return (HOST_PREFIX if scope.get("scheme") in _SECURE else "") + XRAY_COOKIE
