"""``GET mirror/HOST/PACKAGE@VERSION/PATH``: a file of a public library, from the site's own origin."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from starlette.responses import PlainTextResponse, Response

from cookie_consent.endpoints.assets import takes_gzip
from cookie_consent.forks import reset_after_fork
from cookie_consent.gate.html.library_links import ORIGINAL, as_original
from cookie_consent.ledger.writing.waiter import make_waiter
from cookie_consent.mirror.sheets import mirrored_sheet, relative_path
from cookie_consent.rewriter.cache import GenerationalCache

if TYPE_CHECKING:
    from concurrent.futures import Future

    from starlette.requests import Request

    from cookie_consent.ledger.writing.waiter import Waiter
    from cookie_consent.mirror.libraries import LibraryFile
    from cookie_consent.mirror.mirror import Mirror
    from cookie_consent.mirror.store import Entry

__all__ = ["MirrorEndpoint"]

_DESTINATIONS = frozenset({"script", "style", "font", "image", "json", "worker", "empty"})
_JSON = "application/json"
_PACKED = ("text/", _JSON, "image/svg+xml", "font/ttf", "font/otf")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Should a browser show a file as a document after all, nothing in it runs and it has no origin.
    "Content-Security-Policy": "sandbox",
    "Vary": "Accept-Encoding, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site, Service-Worker",
}
_WORKER = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
"""The policy of workers, for which that of their page does not count (HTML standard, section 10.2.4)."""
_SHORTEST = 60
_SIZE = 32 * 1024 * 1024
_THREADS = 2
"""How many files are prepared at a time. They have threads of their own, since large ones take a while to compress."""
_PATIENCE = 30.0
"""The most seconds that a visitor waits for that."""


class _Prepared(NamedTuple):
    body: bytes
    packed: bytes | None


_Key: TypeAlias = tuple[str, str, str, bool]


class MirrorEndpoint:
    """Serves the files of the mirror to the elements and scripts of the site's own pages, and to nothing else.

    A file is rewritten and compressed once for all that ask for it at a time.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._prepared: GenerationalCache[_Key, _Prepared] = GenerationalCache(_SIZE)
        self._start_over()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Start over with the threads, which belong to the process that was forked."""
        self._start_over()

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, "consent-mirror-prepare")
        self._running: dict[_Key, Future[_Prepared]] = {}

    async def respond(self, request: Request, path: str) -> Response:
        """Return the response for a path below the mirror's. Path, query and headers are untrusted."""
        if request.method not in {"GET", "HEAD"}:
            return _refusal(405, "use GET", Allow="GET, HEAD")
        if not _is_for_page(request):
            return _refusal(403, "files of the mirror are for the site's own pages")
        query = request.scope.get("query_string", b"").decode("latin-1")
        rest, _, last = query.rpartition("&")
        is_original = last == ORIGINAL
        query = rest if is_original else query
        file = self._mirror.libraries.from_mirrored(path, query)
        if file is None or file.is_folder:
            return _refusal(404, "this is not a file of a library that the mirror serves")
        entry = await self._mirror.get(file)
        if entry is None:
            return _refusal(503, "the file cannot be fetched at the moment")
        if request.headers.get("sec-fetch-dest") == "json" and entry.media_type not in {"", _JSON}:
            return _refusal(403, "this is not JSON")
        return await self._response(request, file, entry, is_original=is_original)

    async def _response(self, request: Request, file: LibraryFile, entry: Entry, *, is_original: bool) -> Response:
        headers = {**_HEADERS, "Cache-Control": _cache_control(entry)}
        if entry.location:
            location = relative_path(file, as_original(entry.location) if is_original else entry.location)
            return Response(status_code=302, headers={**headers, "Location": location})
        headers["ETag"] = f'W/"{entry.digest[:32]}"'
        if request.headers.get("sec-fetch-dest") == "worker" and entry.media_type.startswith("text/javascript"):
            headers["Content-Security-Policy"] = _WORKER
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        headers["Content-Type"] = entry.media_type
        is_led = entry.media_type.startswith("text/css") and not is_original
        key = (entry.upstream, entry.digest, entry.media_type, is_led)
        prepared = self._prepared.get(key)
        if prepared is None:
            running = self._begin(key, file, entry)
            waiter = make_waiter()
            running.add_done_callback(partial(_wake, waiter))
            if not await waiter.wait(_PATIENCE):
                return _refusal(503, "the file is not ready yet")
            prepared = running.result()
        if prepared.packed is not None and takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(prepared.packed, headers={**headers, "Content-Encoding": "gzip"})
        return Response(prepared.body, headers=headers)

    def _begin(self, key: _Key, file: LibraryFile, entry: Entry) -> Future[_Prepared]:
        """Return the preparation of the file, which may have begun before."""
        with self._lock:
            running = self._running.get(key)
            if running is not None:
                return running
            running = self._running[key] = self._threads.submit(self._prepare, key, file, entry)
        running.add_done_callback(partial(self._end, key))
        return running

    def _end(self, key: _Key, _: Future[_Prepared]) -> None:
        with self._lock:
            self._running.pop(key, None)

    def _prepare(self, key: _Key, file: LibraryFile, entry: Entry) -> _Prepared:
        prepared = self._prepared.get(key)  # those who ask just when it is done find it here
        if prepared is None:
            is_led = key[-1]
            body = mirrored_sheet(entry.body, file, self._mirror.libraries) if is_led else entry.body
            is_text = entry.media_type.startswith(_PACKED)
            prepared = _Prepared(body, gzip.compress(body, 6, mtime=0) if is_text else None)
            self._prepared.put(key, prepared, len(prepared.body) + len(prepared.packed or b""))
        return prepared


def _wake(waiter: Waiter, _: object) -> None:
    with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
        waiter.call(waiter.wake)


def _is_for_page(request: Request) -> bool:
    """Say whether the request is one of an element or script of the site's own, as far as the browser says."""
    headers = request.headers
    return (
        all(value in _DESTINATIONS for value in headers.getlist("sec-fetch-dest"))
        and all(value == "same-origin" for value in headers.getlist("sec-fetch-site"))
        and "navigate" not in headers.getlist("sec-fetch-mode")
        and "service-worker" not in headers
    )


def _cache_control(entry: Entry) -> str:
    if entry.fresh_until is None:
        return "public, max-age=31536000, immutable"
    return f"public, max-age={max(int(entry.fresh_until - time.time()), _SHORTEST)}"


def _refusal(status: int, text: str, **headers: str) -> Response:
    return PlainTextResponse(text + "\n", status, headers={**_HEADERS, "Cache-Control": "no-store", **headers})
