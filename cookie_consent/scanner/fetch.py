"""Asks a site for its pages: bounded in time and bytes, and only at addresses that may be asked."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from cookie_consent.exchange.content_encoding import READABLE, CodingError, coding_for
from cookie_consent.mirror.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cookie_consent.scanner.given import Given
    from cookie_consent.scanner.links import Address
    from cookie_consent.scanner.options import CrawlOptions

__all__ = ["REDIRECTS", "Answer", "Fetcher", "UnreadableError"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses whose ``Location`` is followed."""

_MOST_REMEMBERED = 500
"""How many hosts' addresses and turns are remembered."""
_MOST_ADDRESSES = 4
_CONNECT_SECONDS = 10.0
_PIECE = 64 * 1024
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For http: without it the certificates would be loaded for nothing, which takes a while."""
_LINE = re.compile(r"[\x00-\x1f\x7f]+")


class UnreadableError(Exception):
    """A page cannot be had, or not in full; the text says why."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """The head of a response, whose body can be read once."""

    address: Address
    response: httpx.Response
    is_cut: bool = False
    """Whether the body was longer than allowed."""
    size: int = 0
    """The decoded bytes that were read."""

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status_code

    def lines(self, name: str) -> list[str]:
        """Return the values of a header, in order; each character is a byte."""
        wanted = name.encode("ascii")
        return [value.decode("latin-1") for key, value in self.response.headers.raw if key.lower() == wanted]

    async def pieces(self, most: int) -> AsyncIterator[bytes]:
        """Yield the decoded body, at most so many bytes of it. Raises ``UnreadableError`` and httpx's errors.

        What arrives is counted as well, since compressed data may decode to nothing for ever.
        """
        name = ", ".join(self.lines("content-encoding"))
        coding = coding_for(name)
        if coding is None:
            raise UnreadableError(f"it is in the content coding {name[:80]!r}, which cannot be read")
        arrived = 0
        try:
            async for raw in self.response.aiter_raw(_PIECE):
                arrived += len(raw)
                for piece in coding.decode(raw):
                    whole = piece[: most - self.size]
                    self.size += len(whole)
                    if whole:
                        yield whole
                    if len(whole) < len(piece) or self.size >= most:
                        self.is_cut = True
                        return
                    # A body that is at hand must not keep time limits and other pages waiting.
                    await asyncio.sleep(0)
                if arrived >= most:
                    self.is_cut = True
                    return
        except CodingError as error:
            raise UnreadableError(f"its content coding is broken: {error}") from None


class Fetcher:
    """Makes the requests of one scan. Follows no redirects, and keeps no cookies.

    The host that the user has named is asked wherever it is. What its pages lead to is asked at public addresses only,
    unless ``private`` allows others. Proxies that the environment names are not used.
    """

    def __init__(
        self,
        options: CrawlOptions,
        given: Given | None,
        network: Network | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options = options
        self._given = given.address if given is not None else None
        self._credentials = given.basic if given is not None else ""
        self._one = transport
        self._network = network or Network()
        self._anywhere = replace(self._network, is_public=_is_anything)
        self._tls: ssl.SSLContext | None = self._network.tls
        self._transports: dict[tuple[str, str], httpx.AsyncHTTPTransport] = {}
        self._addresses: dict[str, list[str]] = {}
        self._next: dict[str, float] = {}
        self._accepted = ", ".join(sorted(READABLE - {"identity", "x-gzip"}))

    async def turn(self, address: Address, delay: float) -> None:
        """Wait until the host may be asked again."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        start = max(now, self._next.get(address.authority, now))
        if len(self._next) >= _MOST_REMEMBERED:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._next[address.authority] = start + delay
        if start > now:
            await asyncio.sleep(start - now)

    def pause(self, address: Address, seconds: float) -> None:
        """Leave a host that says it is busy alone for so long."""
        until = asyncio.get_running_loop().time() + seconds
        self._next[address.authority] = max(self._next.get(address.authority, until), until)

    @asynccontextmanager
    async def get(self, address: Address, cookies: str = "", *, method: str = "GET") -> AsyncIterator[Answer]:
        """Give the answer to a request. Raises ``UnreadableError``."""
        try:
            response = await self._sent(method, address, cookies)
            try:
                yield Answer(address=address, response=response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise UnreadableError(_said(error)) from None

    async def aclose(self) -> None:
        """Close all connections."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def _sent(self, method: str, address: Address, cookies: str) -> httpx.Response:
        name = address.host.strip("[]")
        failure: Exception | None = None
        for at in await self._resolved(address.host, name):
            # The connection is made to the address that was looked at, since the name may have another one by now.
            # Certificate and request are for the name all the same.
            url = httpx.URL(str(address)).copy_with(host=at)
            seconds = self._options.page_seconds
            timeouts = {"connect": min(_CONNECT_SECONDS, seconds), "read": seconds, "write": seconds, "pool": seconds}
            headers = {
                "Host": address.authority,
                "User-Agent": self._options.user_agent,
                "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
                "Accept-Encoding": self._accepted,
                **({"Cookie": cookies} if cookies else {}),
                **({"Authorization": self._credentials} if self._is_given(address) else {}),
            }
            extensions = {"sni_hostname": name, "timeout": timeouts}
            request = httpx.Request(method, url, headers=headers, extensions=extensions)
            try:
                return await self._transport(address).handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise UnreadableError(f"{address.authority} cannot be reached: {_said(failure)}")

    def _is_given(self, address: Address) -> bool:
        """Return whether the credentials that the user typed are for an address."""
        return bool(self._credentials) and self._given is not None and address.origin == self._given.origin

    def _transport(self, address: Address) -> httpx.AsyncBaseTransport:
        if self._one is not None:
            return self._one
        # Each host has connections of its own: a connection is known by its IP address, which hosts may share.
        key = (address.scheme, address.host)
        found = self._transports.get(key)
        if found is None:
            if address.scheme == "https" and self._tls is None:
                self._tls = httpx.create_ssl_context()
            limits = httpx.Limits(max_connections=self._options.concurrency * 2)
            tls = self._tls if address.scheme == "https" and self._tls is not None else _NO_TLS
            found = self._transports[key] = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
        return found

    async def _resolved(self, host: str, name: str) -> list[str]:
        known = self._addresses.get(host)
        if known is None:
            allows_all = self._options.private or (self._given is not None and host == self._given.host)
            network = self._anywhere if allows_all else self._network
            network = replace(network, resolve=_itself) if _is_ip(name) else network
            try:
                known = (await network.addresses(name))[:_MOST_ADDRESSES]
            except (OSError, UnicodeError) as error:
                if isinstance(error, socket.gaierror):
                    raise UnreadableError(f"{name} cannot be found: {error.strerror}") from None
                hint = "" if allows_all or "not public" not in str(error) else "; --private allows it"
                raise UnreadableError(f"{_line(str(error))}{hint}") from None
            if len(self._addresses) < _MOST_REMEMBERED:
                self._addresses[host] = known
        return known


def _is_anything(_: str) -> bool:
    return True


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _itself(address: str) -> list[str]:
    return [address]


def _said(error: Exception | None) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)  # such as "Connection refused"; the number of a TLS error is OpenSSL's
        cause = cause.__cause__ or cause.__context__
    text = _line(str(error)) if error is not None else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _line(text: str) -> str:
    return _LINE.sub(" ", text)[:300]
