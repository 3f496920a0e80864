"""Where commands get a scan from: an address that is scanned now, or a file that ``scan --format json`` wrote."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cookie_consent.cli.progress import progress_shown
from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import unwritable
from cookie_consent.policy.site_domain import has_known_suffix
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.given import Given, given
from cookie_consent.scanner.links import parsed
from cookie_consent.scanner.options import CrawlOptions
from cookie_consent.scanner.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.ledger.exports.destination import Output
    from cookie_consent.policy import Policy
    from cookie_consent.scanner.model import Scan

__all__ = [
    "INTERRUPTED",
    "ScanSettings",
    "browsed",
    "crawled",
    "ensure_read",
    "is_address",
    "pictures_folder",
    "read_scan",
    "scan_of",
    "typed",
]

INTERRUPTED = 130
"""The exit status after Ctrl-C."""
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(
    r"(?:[^\s/\\@]*@)?(?:localhost|\[[0-9a-f:.]+\]|(?:[^\s/\\.:@]+\.)+[^\s/\\.:@]+)(?::[0-9]+)?(?:/.*)?", re.IGNORECASE
)
"""A host as people type it, with or without a port and a path."""
_MARKED = re.compile(r"[^/]*(?::[0-9]+(?:/|\Z)|:.*@|/)|\[|localhost\Z", re.IGNORECASE)
"""A host that no file is named like: with a port, a password or a path."""
_OF_NETWORKS = ("example", "internal", "local", "localhost", "test")
"""Ends of names that are not in the Public Suffix List, as nobody can register them (RFC 6761 and 6762)."""
_FILES = (".json", ".jsonl", ".har")
_LONGEST_FILE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How a command scans."""

    browser: bool = False
    """In Chromium, rather than by HTTP alone."""
    pages: int | None = None
    """The most pages; None for the scan's own limit."""
    private: bool = False
    """Whether to follow what leads to private addresses."""
    setup: Path | None = None
    """The Python file whose ``setup(page)`` signs in, in Chromium."""
    screenshots: Path | None = None
    """The folder for pictures of the pages, if they are wanted."""


@contextmanager
def pictures_folder(output: Output | None) -> Iterator[Path]:
    """Make a folder for pictures of pages, and remove it in the end. Raises ``ConfigurationError``.

    It is beside the file that they go into, since the system's own folder for such may be in memory.
    """
    beside = output.path.parent if output is not None and not output.is_stream else None
    try:
        folder = tempfile.TemporaryDirectory(prefix=".cookie-consent.", dir=beside)
    except OSError as error:
        raise unwritable(beside or "the folder for temporary files", error) from None
    with folder as name:
        yield Path(name)


def is_address(source: str) -> bool:
    """Return whether it is an address, or a host, rather than a file.

    A host without a port, a password and a path is one only if it is an IP address, or if its name ends as names of
    hosts do: ``scan.txt`` is a file, even if there is none.
    """
    if _ADDRESS.match(source) is not None:
        return True
    return _HOST.fullmatch(source) is not None and _is_host(source) and not _exists(source)


def _is_host(source: str) -> bool:
    if source.endswith(_FILES):
        return False
    found = parsed(f"https://{source}")
    if found is None:
        return False
    return (
        _MARKED.match(source) is not None
        or found.host.rpartition(".")[2] in _OF_NETWORKS
        or _is_ip(found.host)
        or has_known_suffix(found.host)
    )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # such as a name that is too long for a file
        return False


def typed(source: str) -> Given:
    """Return the address that somebody typed, and say which scheme was taken where none was."""
    found = given(source)
    if found.is_assumed:
        typer.echo(f"no scheme was given: {Redaction().address(str(found.address))} is scanned", err=True)
    return found


def scan_of(source: str, settings: ScanSettings, policy: Policy | None = None) -> Scan:
    """Scan an address now, or read a scan from a file.

    ``policy`` may declare signatures of inline scripts, besides those of the registry. Raises ``ConfigurationError``,
    and ``typer.Exit`` when it is interrupted, since nothing can be said of half a site.
    """
    if settings.setup is not None and not settings.browser:
        raise ConfigurationError("--setup needs --browser")
    if not is_address(source):
        if settings.setup is not None:
            raise ConfigurationError(
                f"--setup says nothing for a scan in a file: leave it out, or scan with it: {source}"
            )
        return read_scan(Path(source))
    site = typed(source)
    typer.echo(
        f"scanning {Redaction().address(str(site.address))} ({'browser' if settings.browser else 'http'})", err=True
    )
    limits: dict[str, Any] = {} if settings.pages is None else {"pages": settings.pages}
    if settings.browser:
        options = BrowseOptions(
            private=settings.private, setup=settings.setup, screenshots=settings.screenshots, **limits
        )
        scan, is_whole = browsed(source, options, policy=policy)
    else:
        scan, is_whole = crawled(source, CrawlOptions(private=settings.private, **limits), policy=policy)
    if not is_whole:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED)
    ensure_read(scan, site)
    return scan


def crawled(
    url: str, options: CrawlOptions, *, journal: Path | None = None, policy: Policy | None = None
) -> tuple[Scan, bool]:
    """Scan without a browser; return what was seen, and whether the scan was not interrupted."""
    try:
        from cookie_consent.scanner.crawl import Crawler
    except ModuleNotFoundError as error:
        if error.name != "protego":
            raise
        raise ConfigurationError("a scan needs the package protego: pip install 'cookie-consent[standard]'") from None
    with progress_shown() as tell:
        crawler = Crawler(
            url, options, progress=lambda now: tell(now.done, now.total, ""), journal=journal, policy=policy
        )
        try:
            asyncio.run(crawler.run())
        except KeyboardInterrupt:
            return crawler.scan, False
    return crawler.scan, True


def browsed(
    url: str, options: BrowseOptions, *, state: Path | None = None, policy: Policy | None = None
) -> tuple[Scan, bool]:
    """Scan in Chromium; return what was seen, and whether the scan was not interrupted."""
    from cookie_consent.scanner.browse import Browsing

    with progress_shown() as tell:
        browsing = Browsing(
            url,
            options,
            progress=lambda now: tell(now.done, min(now.known, options.pages), now.phase.value),
            state=state,
            policy=policy,
        )
        try:
            asyncio.run(browsing.run())
        except KeyboardInterrupt:
            return browsing.scan, False
    return browsing.scan, True


def ensure_read(scan: Scan, site: Given) -> None:
    """Raise ``ConfigurationError`` if not one page of the scan could be read."""
    if all(page.error for page in scan.pages):
        why = scan.pages[0].error if scan.pages else "the time was over"
        other = "http" if site.address.scheme == "https" else "https"
        hint = f"; {other} was not tried, as no scheme was given" if site.is_assumed else ""
        raise ConfigurationError(f"{scan.site[:200]} could not be read: {why}{hint}")


def read_scan(path: Path) -> Scan:
    """Read a scan from a file of JSON. Raises ``ConfigurationError``."""
    from cookie_consent.scanner.as_dict import from_dict, parsed

    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}; give an address, or a saved scan") from None
    except ValueError as error:
        raise ConfigurationError(f"{str(path)[:200]!r} is no file: {error}") from None
    if len(content) > _LONGEST_FILE:
        raise ConfigurationError(f"{path} is larger than {_LONGEST_FILE} bytes; save a smaller scan")
    try:
        document = parsed(content)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not JSON: {error}; write a scan with `cookie-consent scan URL --format json`"
        ) from None
    return from_dict(document)
