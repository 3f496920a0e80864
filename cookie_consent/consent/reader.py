"""From the headers of a request to the consent that holds for it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cookie_consent.consent.decide import decide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.consent.cookie import ConsentCookie
    from cookie_consent.consent.model import Consent
    from cookie_consent.policy import Policy

__all__ = ["ConsentReader"]

_KEPT = 1024
_LONGEST_KEPT = 1024
"""Consents of the latest cookies are kept, unless their values are longer than most that are in use."""


class ConsentReader:
    """Reads the consent of each request. Built once per policy.

    Signatures are not verified anew while a cookie's value is among the latest; a value means the same for ever.
    """

    def __init__(self, policy: Policy, cookie: ConsentCookie) -> None:
        self._policy = policy
        self._cookie = cookie
        self._names = {secure: cookie.name(secure=secure).encode("latin-1") for secure in (False, True)}
        self.undecided = decide(policy, None)
        """The consent for a request with neither a choice nor a signal."""
        self._signalled = decide(policy, None, gpc=True)
        self._known = lru_cache(maxsize=_KEPT)(self._of_value)

    def consent(
        self, headers: Iterable[tuple[bytes, bytes]], asked: dict[bytes, bytes], *, secure: bool = False
    ) -> Consent:
        """Return the consent for a request with ``headers``, of which ``asked`` holds the last of each name."""
        gpc = b"sec-gpc" in asked and asked[b"sec-gpc"].strip() == b"1"
        if b"cookie" in asked:
            name = self._names[secure]
            for header, value in headers:
                consent = self._of_header(value, name, gpc=gpc) if header == b"cookie" and name in value else None
                if consent is not None:
                    return consent
        return self._signalled if gpc else self.undecided

    def _of_header(self, header: bytes, name: bytes, *, gpc: bool) -> Consent | None:
        for pair in header.decode("latin-1").split(";"):
            key, _, text = pair.partition("=")
            if key.strip() == name.decode("latin-1"):
                value = text.strip()
                consent = self._known(value, gpc) if len(value) <= _LONGEST_KEPT else self._of_value(value, gpc)
                if consent is not None:  # another host of the same domain may have set a worthless one beside ours
                    return consent
        return None

    def _of_value(self, value: str, gpc: bool) -> Consent | None:  # noqa: FBT001 - as lru_cache passes it
        stored = self._cookie.read(value)
        return decide(self._policy, stored, gpc=gpc) if stored is not None else None
