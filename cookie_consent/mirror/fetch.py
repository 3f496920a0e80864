"""Fetch one file of a listed library from its host."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from cookie_consent.mirror.media import media_type

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    import httpx

    from cookie_consent.mirror.libraries import Libraries, LibraryFile
    from cookie_consent.mirror.network import Network

__all__ = ["LARGEST_FILE", "FetchError", "Fetched", "Fetcher", "UnreachableError"]

LARGEST_FILE = 16 * 1024 * 1024
"""The most bytes of a file."""
_LONGEST = 30.0
"""The most seconds for a file, with its redirects."""
_TIMEOUTS = {"connect": 3.0, "read": _LONGEST, "write": 3.0, "pool": 3.0}
_MOST_REDIRECTS = 5
_MOST_ADDRESSES = 4
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=\"?([0-9]{1,10})", re.IGNORECASE)
_DEFAULT_AGE = 3600
_SHORTEST_AGE = 300
_LONGEST_AGE = 7 * 86_400
_HEADERS = {
    "Accept": "*/*",
    # A coded body could be a thousand times as large as what arrives.
    "Accept-Encoding": "identity",
    # The same for all sites and visitors. Google Fonts sends its smallest format only to browsers that it knows.
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 cookie-consent-mirror",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FetchError(Exception):
    """A file cannot be had; the text says why."""


class UnreachableError(FetchError):
    """``host`` cannot be reached, so that no other file of it can be had either."""

    def __init__(self, host: str, text: str) -> None:
        super().__init__(text)
        self.host = host


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the host has sent."""

    file: LibraryFile
    """The file that it is: another one than was asked for if the host has redirected."""
    body: bytes
    media_type: str
    max_age: int
    """For how many seconds it is fresh, unless its version is exact."""


class Fetcher:
    """Fetches files by https: without cookies, and the same whoever asks. Runs under asyncio."""

    def __init__(self, libraries: Libraries, network: Network) -> None:
        self._libraries = libraries
        self._network = network
        self._trusted: ssl.SSLContext | None = network.tls

    async def fetch(self, file: LibraryFile) -> Fetched:
        """Return the file. Raises ``FetchError``."""
        import httpx

        try:
            async with asyncio.timeout(_LONGEST):
                return await self._follow(file)
        except TimeoutError:
            raise FetchError(f"it took longer than {_LONGEST:.0f} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise FetchError(f"{type(error).__name__}: {error}") from None

    async def _follow(self, file: LibraryFile) -> Fetched:
        """Follow redirects by hand: each address must be one of a listed library."""
        at, max_age = file, _LONGEST_AGE
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._answer(at) as response:
                max_age = min(max_age, _max_age(response.headers.get("cache-control", "")))
                if response.status_code not in _REDIRECTS:
                    return await self._read(response, at, max_age)
                location = urljoin(at.upstream, response.headers.get("location", ""))
            found = self._libraries.from_address(location)
            if found is None or found[0].is_folder:
                raise FetchError(f"{at.upstream} redirects to {location[:200]!r}, which is no listed library")
            if at.is_exact and not found[0].is_exact:
                raise FetchError(f"{at.upstream} redirects to {location[:200]!r}, which may change")
            at = found[0]
        raise FetchError(f"it redirects more than {_MOST_REDIRECTS} times")

    @asynccontextmanager
    async def _answer(self, file: LibraryFile) -> AsyncIterator[httpx.Response]:
        """Give the response of the file's host, whose body has not been read. Raises ``UnreachableError``."""
        import httpx

        if self._trusted is None:
            self._trusted = httpx.create_ssl_context(trust_env=False)
        failure: Exception | None = None
        for address in await self._addresses(file.host):
            # The connection is made to the address that was looked at, since the name may have another one by now;
            # certificate and request are for the name all the same. A transport of its own keeps no cookies.
            url = httpx.URL(file.upstream).copy_with(host=address, port=self._network.port)
            extensions = {"sni_hostname": file.host, "timeout": _TIMEOUTS}
            request = httpx.Request("GET", url, headers={"Host": file.host, **_HEADERS}, extensions=extensions)
            async with httpx.AsyncHTTPTransport(verify=self._trusted, trust_env=False) as transport:
                try:
                    response = await transport.handle_async_request(request)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    failure = error
                    continue
                try:
                    yield response
                finally:
                    await response.aclose()
                return
        raise UnreachableError(file.host, f"{file.host} cannot be reached: {failure}")

    async def _addresses(self, host: str) -> list[str]:
        try:
            return (await self._network.addresses(host))[:_MOST_ADDRESSES]
        except OSError as error:
            raise UnreachableError(host, str(error)) from None

    async def _read(self, response: httpx.Response, file: LibraryFile, max_age: int) -> Fetched:
        if response.status_code != 200:
            raise FetchError(f"{file.upstream} was answered with status {response.status_code}")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise FetchError(f"{file.upstream} came in a coding that was not asked for")
        served_as = media_type(response.headers.get("content-type", ""), file.place.path)
        if served_as is None:
            raise FetchError(f"{file.upstream} has the type {response.headers.get('content-type', '')[:80]!r}")
        length = response.headers.get("content-length")
        if length is None and "transfer-encoding" not in response.headers:
            raise FetchError(f"{file.upstream} comes without a length, so that nobody can tell whether it is whole")
        if length is not None and int(length) > LARGEST_FILE:
            raise FetchError(f"{file.upstream} is larger than {LARGEST_FILE} bytes")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > LARGEST_FILE:
                raise FetchError(f"{file.upstream} is larger than {LARGEST_FILE} bytes")
        return Fetched(file=file, body=bytes(body), media_type=served_as, max_age=max_age)


def _max_age(cache_control: str) -> int:
    match = _MAX_AGE.search(cache_control)
    return min(max(int(match[1]), _SHORTEST_AGE), _LONGEST_AGE) if match is not None else _DEFAULT_AGE
