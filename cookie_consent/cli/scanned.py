"""Where commands get a scan from: an address that is scanned now, or a file that ``scan --format json`` wrote."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import typer

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from cookie_consent.scanner.model import Scan

__all__ = ["ScanSettings", "is_address", "read_scan", "scan_of"]

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
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


def is_address(source: str) -> bool:
    """Return whether it is an http(s) address rather than a file."""
    return _ADDRESS.match(source) is not None


def scan_of(source: str, settings: ScanSettings) -> Scan:
    """Scan an address now, or read a scan from a file. Raises ``ConfigurationError``."""
    if not is_address(source):
        return read_scan(Path(source))
    kind = "browser" if settings.browser else "http"
    typer.echo(f"scanning {source} ({kind})", err=True)
    try:
        found = _browsed(source, settings) if settings.browser else _crawled(source, settings)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cookie_consent."):
            raise
        name, extra = (error.name or "").partition(".")[0], "browser" if settings.browser else "standard"
        raise ConfigurationError(f"a scan needs the package {name}: pip install 'cookie-consent[{extra}]'") from None
    if all(page.error for page in found.pages):
        why = found.pages[0].error if found.pages else "the time was over"
        raise ConfigurationError(f"{source[:200]} could not be read: {why}")
    return found


# Both are imported when they are used, since they take long, and the browser's needs an extra.
def _crawled(source: str, settings: ScanSettings) -> Scan:
    options = import_module("cookie_consent.scanner.options").CrawlOptions(**_limits(settings))
    found: Scan = anyio.run(import_module("cookie_consent.scanner.crawl").crawl, source, options)
    return found


def _browsed(source: str, settings: ScanSettings) -> Scan:
    options = import_module("cookie_consent.scanner.browser.options").BrowseOptions(**_limits(settings))
    found: Scan = anyio.run(import_module("cookie_consent.scanner.browse").browse, source, options)
    return found


def _limits(settings: ScanSettings) -> dict[str, Any]:
    return {"private": settings.private, **({"pages": settings.pages} if settings.pages is not None else {})}


def read_scan(path: Path) -> Scan:
    """Read a scan from a file of JSON. Raises ``ConfigurationError``."""
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
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not JSON: {error}; write a scan with `cookie-consent scan URL --format json`"
        ) from None
    found: Scan = import_module("cookie_consent.scanner.as_dict").from_dict(document)
    return found
