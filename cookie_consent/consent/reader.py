"""Read the consent from a request's headers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from cookie_consent.consent.decide import asked_since, decide
from cookie_consent.consent.gpc import GPC_HEADER, sends_gpc
from cookie_consent.policy import Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.consent.cookie import ConsentCookie, StoredChoice, StoredVisit
    from cookie_consent.consent.model import Consent
    from cookie_consent.policy import Policy

__all__ = ["ConsentReader"]

_CACHE_SIZE = 1024
_LONGEST_CACHED = 1024
"""Longer cookie values are rare, and are not cached."""
_MOST_COOKIES = 16
"""The number of consent cookies that are verified per request. A browser sends two or three at most."""

Basis = tuple[frozenset[str], frozenset[str], date | None]
"""The services and categories that the site's notices name, and the day before which choices do not count."""


class ConsentReader:
    """Reads the consent of each request. Built once per policy.

    Without an ``inventory``, the site's notices name what the policy declares. Verified cookie values are cached.
    """

    def __init__(self, policy: Policy, cookie: ConsentCookie, inventory: Inventory | None = None) -> None:
        self._policy = policy
        self._inventory = inventory if inventory is not None else Inventory(policy)
        self._cookie = cookie
        self._names = {secure: cookie.names_read(secure=secure) for secure in (False, True)}
        self._visits = {secure: cookie.visit_name(secure=secure) for secure in (False, True)}
        self._framed = {secure: frozenset({cookie.framed_name(secure=secure)}) for secure in (False, True)}
        self._name = cookie.base_name.encode("latin-1")
        self.undecided = decide(policy, None)
        """The consent for a request with neither a choice nor GPC."""
        self._undecided_with_gpc = decide(policy, None, gpc=True)
        self._undecided_opted_out = decide(policy, None, opted_out=True)
        self._opt_outs = {secure: cookie.opt_out_name(secure=secure) for secure in (False, True)}
        self._cached = lru_cache(maxsize=_CACHE_SIZE)(self._of_value)

    @property
    def basis(self) -> Basis:
        """Everything besides the request on which the consent depends now."""
        return self._inventory.offered, self._inventory.categories, asked_since(self._policy)

    def consent(
        self, headers: Iterable[tuple[bytes, bytes]], by_name: dict[bytes, bytes], *, secure: bool = False
    ) -> Consent:
        """Return the consent for a request with ``headers``. ``by_name`` holds the last header of each name.

        A choice made in a frame counts only where there is no other, and never for a page that fills the window: a
        browser that does not know partitioned cookies would send it there too.
        """
        gpc = GPC_HEADER in by_name and sends_gpc(headers)
        consent, opted_out, is_unreadable = None, False, False
        if b"cookie" in by_name:
            pairs = list(self._own_pairs(headers))
            gpc = gpc or (self._cookie.gpc_cookie_name, "1") in pairs
            opted_out = (self._opt_outs[secure], "1") in pairs
            stored, consent = self._latest(pairs, self._names[secure], gpc=gpc)
            is_unreadable = consent is None and any(name in self._names[secure] for name, _ in pairs)
            if consent is None and by_name.get(b"sec-fetch-dest") != b"document":
                stored, framed = self._latest(pairs, self._framed[secure], gpc=gpc)
                consent = replace(framed, framed=True) if framed is not None else None
            visit = self._visit(value for name, value in pairs if name == self._visits[secure])
            if visit is not None:
                is_framed = consent is not None and consent.framed
                offered, categories, _ = self.basis
                allowed = decide(
                    self._policy,
                    stored,
                    visit,
                    gpc=gpc,
                    opted_out=opted_out,
                    offered=offered,
                    categories=categories,
                )
                return replace(allowed, framed=is_framed)
        if consent is None:
            undecided = self._undecided_opted_out if opted_out else self.undecided
            undecided = self._undecided_with_gpc if gpc else undecided
            # Such as one that was signed with an earlier secret.
            return replace(undecided, unsure=True) if is_unreadable and undecided.ahead else undecided
        if opted_out and not gpc:
            return replace(consent, opted_out=consent.grants_no_sale)
        return consent

    def _own_pairs(self, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
        for header, value in headers:
            if header == b"cookie" and self._name in value:
                for pair in value.decode("latin-1").split(";"):
                    name, _, text = pair.partition("=")
                    yield name.strip(), text.strip()

    def _visit(self, values: Iterable[str]) -> StoredVisit | None:
        """Return what the latest valid cookie allows for this visit, or None."""
        found = (self._cookie.read_visit(value) for value in islice(dict.fromkeys(values), _MOST_COOKIES))
        now = datetime.now(UTC)
        return max(
            (visit for visit in found if visit is not None and not visit.is_over(now)),
            key=attrgetter("at"),
            default=None,
        )

    def _latest(
        self, pairs: Iterable[tuple[str, str]], names: frozenset[str], *, gpc: bool
    ) -> tuple[StoredChoice | None, Consent | None]:
        """Return the highest-ranking valid choice and its consent, or None for both.

        A browser sends several if the cookie's domain has changed, or if another host of the domain has set one.
        """
        values, basis = dict.fromkeys(value for name, value in pairs if name in names), self.basis
        found = [
            (self._cached if len(value) <= _LONGEST_CACHED else self._of_value)(value, gpc, basis)
            for value in islice(values, _MOST_COOKIES)
        ]
        valid = ((stored, consent) for stored, consent in found if stored is not None)
        return max(valid, key=lambda pair: pair[0].rank, default=(None, None))

    def _of_value(
        self,
        value: str,
        gpc: bool,  # noqa: FBT001 - as lru_cache passes it
        basis: Basis,
    ) -> tuple[StoredChoice, Consent] | tuple[None, None]:
        stored = self._cookie.read(value)
        if stored is None:
            return None, None
        return stored, decide(self._policy, stored, gpc=gpc, offered=basis[0], categories=basis[1])
