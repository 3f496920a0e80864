"""Opens the privacy links that visitors are given, and tells which lead nowhere."""

from __future__ import annotations

import socket
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import anyio

from cookie_consent.scanner.finding import Finding, Kind, Severity
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cookie_consent.policy import Policy

__all__ = ["dead_links", "privacy_links"]

_AT_ONCE = 8
_SECONDS = 10.0
"""For one request."""
_ALL_SECONDS = 90.0
_MOST_LINKS = 500
_MOST_REDIRECTS = 5
_NO_HOST = "no such host"
_GONE = frozenset({404, 410})
_HEADERS = {"User-Agent": f"cookie-consent/{__version__} (+check)", "Accept": "text/html, */*;q=0.5"}


def privacy_links(policy: Policy, site: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the address of each link; those that are paths lead to ``site``."""
    links = [("banner.privacy_url", policy.banner.privacy_url)]
    if policy.controller is not None:
        links.append(("controller.authority_url", policy.controller.authority_url))
    for service in policy.services:
        links.append((f"services.{service.id}.privacy_url", service.privacy_url))
        links.append((f"services.{service.id}.opt_out_url", service.opt_out_url))
    for key, link in links:
        try:
            address = urljoin(site, link) if link else ""
        except ValueError:  # of a saved scan that somebody has changed
            address = ""
        if address.lower().startswith(("http:", "https:")):
            yield key, address


async def dead_links(policy: Policy, site: str, *, transport: httpx.AsyncBaseTransport | None = None) -> list[Finding]:
    """Return a finding for each privacy link that cannot be opened.

    That a page or host does not exist is an error, unless none of several hosts does. Refusals, errors of a server and
    timeouts are notes, as many sites refuse programs. A few links are opened at once, of each host one after another,
    and no page is read.
    """
    import httpx

    keys: dict[str, list[str]] = defaultdict(list)
    for key, address in privacy_links(policy, site):
        if address in keys or len(keys) < _MOST_LINKS:
            keys[address].append(key)
    problems = dict.fromkeys(keys, (Severity.NOTE, "there was no time left to open it"))
    slots = anyio.Semaphore(_AT_ONCE)
    hosts: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
    async with httpx.AsyncClient(
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        timeout=_SECONDS,
        headers=_HEADERS,
        transport=transport,
        trust_env=transport is None,
    ) as client:

        async def opened(address: str) -> None:
            async with hosts[urlsplit(address).netloc], slots:
                found = await _problem(client, address)
            if found is None:
                del problems[address]
            else:
                problems[address] = found

        with anyio.move_on_after(_ALL_SECONDS):
            async with anyio.create_task_group() as group:
                for address in keys:
                    group.start_soon(opened, address)
    unknown = {urlsplit(address).hostname for address, (_, why) in problems.items() if why == _NO_HOST}
    if len(unknown) > 1 and all(why == _NO_HOST for _, why in problems.values()) and len(problems) == len(keys):
        # More likely this machine resolves no names than that all of them are wrong.
        problems = dict.fromkeys(problems, (Severity.NOTE, "no name of any link can be resolved from here"))
    return [
        Finding(
            kind=Kind.DEAD_LINK,
            severity=severity,
            subject=f"link {keys[address][0]}",
            message=f"{', '.join(keys[address])}: {address} cannot be opened: {why}.",
            key=keys[address][0],
        )
        for address, (severity, why) in problems.items()
    ]


async def _problem(client: httpx.AsyncClient, address: str) -> tuple[Severity, str] | None:
    """Return why an address cannot be opened, or None. Servers that know no HEAD are asked again by GET."""
    import httpx

    status = 0
    for method in ("HEAD", "GET"):
        try:
            async with client.stream(method, address) as response:  # its body is not read
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError, OSError) as error:
            if _is_unknown_name(error):
                return Severity.ERROR, _NO_HOST
            return Severity.NOTE, str(error)[:200] or type(error).__name__
        if status < 400:
            return None
    return (Severity.ERROR if status in _GONE else Severity.NOTE), f"status {status}"


def _is_unknown_name(error: BaseException) -> bool:
    """Return whether DNS says that there is no such name, rather than nothing."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return seen.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
        seen = seen.__cause__ or seen.__context__
    return False
