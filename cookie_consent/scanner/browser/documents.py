"""Reads the documents of a page as the server sent them, with what reads the pages of a scan without a browser."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.scanner.links import Site, parsed
from cookie_consent.scanner.model import ScannedPage
from cookie_consent.scanner.reader import PageReader
from cookie_consent.scanner.visit import Visit, add_request, add_snippet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cookie_consent.policy.classifier import Classifier
    from cookie_consent.scanner.browser.targets import Target
    from cookie_consent.scanner.collector import Collector
    from cookie_consent.scanner.model import Sighting

__all__ = ["LARGEST", "Documents"]

LARGEST = 5_000_000
"""Bytes of a document that are read."""
_PIECE = 65_536
_MOST = 20
"""Documents of one visit that are read: a page may lead on to others."""
_PAGES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})


class Documents:
    """Adds to a scan what the documents of a visit name: inline scripts of services, and what may never be loaded."""

    def __init__(self, collector: Collector, classifier: Classifier) -> None:
        self._collector = collector
        self._classifier = classifier
        self._answers: dict[str, tuple[Mapping[str, Any], Sighting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._page: ScannedPage | None = None

    def begin(self, page: ScannedPage) -> None:
        """Begin with a visit of a page."""
        self._page, self._count = page, 0
        self._answers.clear()

    def heard(self, target: Target, method: str, given: Mapping[str, Any], sighting: Sighting) -> None:
        """Take an event of the page's own target."""
        number = str(given.get("requestId"))
        if method == "Network.responseReceived":
            is_document = given.get("type") == "Document" and given.get("frameId") == target.main_frame
            if target.kind == "page" and is_document and isinstance(given.get("response"), dict):
                self._answers[number] = given["response"], sighting
        elif method == "Network.loadingFinished" and number in self._answers and self._page and self._count < _MOST:
            self._count += 1
            task = asyncio.ensure_future(self._read(target, number, self._page, *self._answers.pop(number)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def done(self) -> None:
        """Wait until everything is read that was heard of."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _read(
        self, target: Target, number: str, page: ScannedPage, answer: Mapping[str, Any], sighting: Sighting
    ) -> None:
        address = parsed(str(answer.get("url", "")))
        mime = str(answer.get("mimeType", ""))
        if address is None or mime not in _PAGES:
            return
        try:
            found = await target.send("Network.getResponseBody", requestId=number)
        except OSError:
            self._collector.limit(
                "document", LARGEST, f"{page.address} was not read as it was sent, only as it was shown"
            )
            return
        body = str(found.get("body", ""))
        data = b64decode(body) if found.get("base64Encoded") else body.encode("utf-8", "replace")
        visit = Visit(page=ScannedPage(address=page.address))
        reader = PageReader(address, Site(address), visit, self._classifier)
        headers = answer.get("headers")
        for name, value in headers.items() if isinstance(headers, dict) else ():
            for line in str(value).split("\n"):
                reader.header(str(name).lower(), line)
        # It is what Chromium has decoded, whatever it was encoded in.
        reader.begin(content_type_of(f"{mime};charset=utf-8".encode()))
        for start in range(0, min(len(data), LARGEST), _PIECE):
            reader.feed(data[start : min(start + _PIECE, LARGEST)])
            await asyncio.sleep(0)
        reader.feed(b"", final=True)
        page.content_security_policy = visit.page.content_security_policy
        self._add(visit, sighting)

    def _add(self, visit: Visit, sighting: Sighting) -> None:
        for request in visit.requests:
            add_request(self._collector, request, sighting)
        for snippet in visit.snippets:
            add_snippet(self._collector, snippet, sighting)
