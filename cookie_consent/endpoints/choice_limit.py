"""Limit the rate of choices, per address and in total."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from cookie_consent.endpoints.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from cookie_consent.policy import LimitOptions

__all__ = ["Address", "AddressReader", "ChoiceLimit", "choice_limit"]

logger = logging.getLogger("cookie_consent")

Address = tuple[int, int] | str
"""The IP version and the address as a number (of IPv6 the first 64 bits), or a name if the server gives no address."""

_AN_HOUR = 3600.0
_ANY_RATE = 1e9
"""More per second than any process can handle."""
_FORWARDING = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip"})
_OWN_NETWORKS = tuple(
    ip_network(net)
    for net in (
        "127.0.0.0/8 ::1/128 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 fe80::/10 fc00::/7"
    ).split()
)
"""The addresses of a server's own proxies: loopback, private, shared and link-local ones (RFC 6890)."""
_SEPARATORS = re.compile(r"[\s,;=\"\[\]]+")


class ChoiceLimit:
    """A token bucket for each address, and a common one. Safe to use from several threads.

    While the common bucket is less than half full, addresses that have already posted within the last hour get nothing
    from it. So a flood leaves room for visitors who choose once. Addresses are kept in memory only: the latest
    ``remembered`` ones of the last hour.
    """

    def __init__(
        self,
        *,
        burst: int = 30,
        rate: float = 1.0,
        total_burst: int = 1000,
        total_rate: float = 100.0,
        remembered: int = 16_384,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._rate = rate
        self._remembered = remembered
        self._clock = clock
        self._buckets: OrderedDict[Address, TokenBucket] = OrderedDict()
        """The buckets of the addresses. The most recent address is last."""
        self._total = TokenBucket(rate=total_rate, burst=total_burst, at=clock())
        self._needed_again = 1 + total_burst / 2
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: Address | None) -> float:
        """Take a token and return 0, or return the seconds until the next one.

        Without an address only the common bucket counts.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            known = self._buckets.pop(address, None) if address is not None else None
            wait = self._total.wait(now, self._needed_again if known is not None else 1.0)
            own = known
            if address is not None:
                own = self._buckets[address] = known or TokenBucket(rate=self._rate, burst=self._burst, at=now)
                wait = max(wait, own.wait(now))
            if not wait:
                self._total.spend()
                if own is not None:
                    own.spend()
            return wait

    def _forget(self, now: float) -> None:
        while self._buckets:
            oldest = next(iter(self._buckets.values()))
            if len(self._buckets) < self._remembered and now - oldest.at < _AN_HOUR:
                return
            self._buckets.popitem(last=False)


def choice_limit(options: LimitOptions, *, clock: Callable[[], float] = time.monotonic) -> ChoiceLimit:
    """Return the limit that the policy sets."""
    one, all_ = options.choices_per_address or _ANY_RATE, options.choices or _ANY_RATE
    return ChoiceLimit(
        burst=max(1, round(30 * one)),
        rate=one,
        total_burst=max(2, round(10 * all_)),
        total_rate=all_,
        clock=clock,
    )


class AddressReader:
    """Finds a visitor's address in the scope. Whether to trust a proxy's headers is left to the server."""

    def __init__(self) -> None:
        self._has_warned = False

    def read(self, scope: Scope) -> Address | None:
        """Return the visitor's address, or None if the scope has a proxy's address instead.

        That is the case if the client is in the server's own network, and the request has the headers of a proxy
        (RFC 7239) that the server was not told to trust.
        """
        client = scope.get("client")
        host = str(client[0]) if client else ""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return host[:256] or None  # a Unix socket has no address
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        if any(address in network for network in _OWN_NETWORKS) and _is_forwarded(scope, host):
            self._warn(host)
            return None
        number = int(address) >> 64 if isinstance(address, IPv6Address) else int(address)
        return address.version, number

    def _warn(self, host: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "requests come from a proxy at %s, so choices cannot be limited per visitor: let the server trust "
                "it (uvicorn: --proxy-headers --forwarded-allow-ips); see 'limits' in docs/reference/policy.md",
                host,
            )


def _is_forwarded(scope: Scope, host: str) -> bool:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name in _FORWARDING]
    return bool(values) and not any(host in _SEPARATORS.split(value) for value in values)
