"""Opens the privacy links that visitors are given, and tells which lead nowhere."""

from __future__ import annotations

import socket
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import anyio

from cookie_consent.scanner.fetch import REDIRECTS, Fetcher, UnreadableError
from cookie_consent.scanner.finding import Finding, Kind, Severity
from cookie_consent.scanner.links import parsed
from cookie_consent.scanner.options import CrawlOptions
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from cookie_consent.mirror.network import Network
    from cookie_consent.policy import Policy
    from cookie_consent.scanner.given import Given

__all__ = ["dead_links", "privacy_links"]

_AT_ONCE = 8
_SECONDS = 10.0
"""For one request."""
_ALL_SECONDS = 90.0
_MOST_LINKS = 500
_MOST_REDIRECTS = 5
_NO_HOST = "no such host"
_GONE = frozenset({404, 410})
_USER_AGENT = f"cookie-consent/{__version__} (+check)"


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


async def dead_links(
    policy: Policy,
    site: str,
    *,
    typed: Given | None = None,
    private: bool = False,
    network: Network | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Finding]:
    """Return a finding for each privacy link that cannot be opened.

    That a page or host does not exist is an error, unless none of several hosts does. Refusals, errors of a server and
    timeouts are notes, as many sites refuse programs. A few links are opened at once, of each host one after another,
    and no page is read. What may be asked is what a scan may ask: the host that the user has ``typed``, and public
    addresses, unless ``private`` is true.
    """
    keys: dict[str, list[str]] = defaultdict(list)
    for key, address in privacy_links(policy, site):
        if address in keys or len(keys) < _MOST_LINKS:
            keys[address].append(key)
    problems = dict.fromkeys(keys, (Severity.NOTE, "there was no time left to open it"))
    slots = anyio.Semaphore(_AT_ONCE)
    hosts: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
    options = CrawlOptions(private=private, page_seconds=_SECONDS, user_agent=_USER_AGENT, concurrency=_AT_ONCE)
    fetcher = Fetcher(options, typed, network, transport)

    async def opened(address: str) -> None:
        async with hosts[urlsplit(address).netloc], slots:
            found = await _problem(fetcher, address)
        if found is None:
            del problems[address]
        else:
            problems[address] = found

    try:
        with anyio.move_on_after(_ALL_SECONDS):
            async with anyio.create_task_group() as group:
                for address in keys:
                    group.start_soon(opened, address)
    finally:
        await fetcher.aclose()
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


async def _problem(fetcher: Fetcher, address: str) -> tuple[Severity, str] | None:
    """Return why an address cannot be opened, or None. Servers that know no HEAD are asked again by GET."""
    status = 0
    for method in ("HEAD", "GET"):
        try:
            with anyio.fail_after(_SECONDS):
                status = await _status(fetcher, address, method)
        except TimeoutError:
            return Severity.NOTE, f"it took longer than {_SECONDS:g} seconds"
        except UnreadableError as error:
            return (Severity.ERROR, _NO_HOST) if _is_unknown_name(error) else (Severity.NOTE, str(error)[:200])
        if status < 400:
            return None
    return (Severity.ERROR if status in _GONE else Severity.NOTE), f"status {status}"


async def _status(fetcher: Fetcher, written: str, method: str) -> int:
    """Return the status after redirects. Raises ``UnreadableError``."""
    base = ""
    for _ in range(_MOST_REDIRECTS + 1):
        address = parsed(written, base)
        if address is None:
            raise UnreadableError(f"it leads to {written[:200]!r}, which is no address")
        async with fetcher.get(address, method=method) as answer:
            location = answer.lines("location") if answer.status in REDIRECTS else []
            if not location:
                return answer.status
        written, base = location[0], str(address)
    raise UnreadableError(f"it redirects more than {_MOST_REDIRECTS} times")


def _is_unknown_name(error: BaseException) -> bool:
    """Return whether DNS says that there is no such name, rather than nothing."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return seen.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
        seen = seen.__cause__ or seen.__context__
    return False
