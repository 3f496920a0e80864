"""Read the consent from a request's headers."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from cookie_consent.consent.decide import decide
from cookie_consent.consent.gpc import GPC_HEADER, sends_gpc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.consent.cookie import ConsentCookie, Rank
    from cookie_consent.consent.model import Consent
    from cookie_consent.policy import Policy

__all__ = ["ConsentReader"]

_CACHE_SIZE = 1024
_LONGEST_CACHED = 1024
"""Longer cookie values are rare, and are not cached."""
_MOST_COOKIES = 16
"""The number of consent cookies that are verified per request. A browser sends two or three at most."""


class ConsentReader:
    """Reads the consent of each request. Built once per policy.

    Verified cookie values are cached: the meaning of a value never changes.
    """

    def __init__(self, policy: Policy, cookie: ConsentCookie) -> None:
        self._policy = policy
        self._cookie = cookie
        self._names = {secure: cookie.names_read(secure=secure) for secure in (False, True)}
        self._name = cookie.base_name.encode("latin-1")
        self.undecided = decide(policy, None)
        """The consent for a request with neither a choice nor GPC."""
        self._undecided_with_gpc = decide(policy, None, gpc=True)
        self._cached = lru_cache(maxsize=_CACHE_SIZE)(self._of_value)

    def consent(
        self, headers: Iterable[tuple[bytes, bytes]], by_name: dict[bytes, bytes], *, secure: bool = False
    ) -> Consent:
        """Return the consent for a request with ``headers``. ``by_name`` holds the last header of each name."""
        gpc = GPC_HEADER in by_name and sends_gpc(headers)
        consent = None
        if b"cookie" in by_name:
            pairs = list(self._own_pairs(headers))
            gpc = gpc or (self._cookie.gpc_cookie_name, "1") in pairs
            consent = self._latest(pairs, self._names[secure], gpc=gpc)
        if consent is not None:
            return consent
        return self._undecided_with_gpc if gpc else self.undecided

    def _own_pairs(self, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
        for header, value in headers:
            if header == b"cookie" and self._name in value:
                for pair in value.decode("latin-1").split(";"):
                    name, _, text = pair.partition("=")
                    yield name.strip(), text.strip()

    def _latest(self, pairs: Iterable[tuple[str, str]], names: frozenset[str], *, gpc: bool) -> Consent | None:
        """Return the consent of the highest-ranking valid choice, or None.

        A browser sends several if the cookie's domain has changed, or if another host of the domain has set one.
        """
        values = dict.fromkeys(value for name, value in pairs if name in names)
        found = [
            self._cached(value, gpc) if len(value) <= _LONGEST_CACHED else self._of_value(value, gpc)
            for value in islice(values, _MOST_COOKIES)
        ]
        latest = max((ranked for ranked in found if ranked is not None), key=itemgetter(0), default=None)
        return latest[1] if latest is not None else None

    def _of_value(self, value: str, gpc: bool) -> tuple[Rank, Consent] | None:  # noqa: FBT001 - as lru_cache passes it
        stored = self._cookie.read(value)
        return (stored.rank, decide(self._policy, stored, gpc=gpc)) if stored is not None else None
