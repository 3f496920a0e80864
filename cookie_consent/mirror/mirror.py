"""The mirror: what is stored, what is being fetched, and what has failed recently."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
import threading
import time
from concurrent.futures import Future
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread

from cookie_consent.endpoints.token_bucket import TokenBucket
from cookie_consent.forks import reset_after_fork
from cookie_consent.ledger.writing.waiter import make_waiter
from cookie_consent.mirror.fetch import Fetcher, FetchError, UnreachableError
from cookie_consent.mirror.network import Network
from cookie_consent.mirror.store import USED_FOR, Entry, make_store
from cookie_consent.rewriter.cache import GenerationalCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from cookie_consent.ledger.writing.waiter import Waiter
    from cookie_consent.mirror.libraries import Libraries, LibraryFile
    from cookie_consent.mirror.store import Store

__all__ = ["Mirror"]

logger = logging.getLogger("cookie_consent")

_PATIENCE = 3.0
"""The most seconds that a visitor waits for a file."""
_FAILED = 600.0
"""For how many seconds a failure is remembered."""
_MOST_FAILURES = 4096
_MOST_SERVED = 4096
"""Of how many files is remembered that they have been served, for times when their hosts cannot be reached."""
_MOST_NAMED = 4096
"""Of how many files is remembered that pages name them."""
_MOST_FETCHES, _MOST_OTHERS = 32, 16
"""The most fetches at a time, and how many there may be for one of files that no page has named to begin."""
_RATE, _BURST = 5.0, 300
"""Fetches per second of one process, and how many may come at once: of files that pages name, and of others."""
_HOT = 32 * 1024 * 1024


class Mirror:
    """Returns files of listed libraries, from the store or from their hosts.

    One fetch serves all that wait for a file. It runs in a thread of its own, so that it goes on if a visitor leaves.
    ``store`` is by default made when it is first used. ``named`` is told what pages name, as ``LibraryFile.declared``.
    """

    def __init__(
        self,
        libraries: Libraries,
        *,
        store: Store | None = None,
        network: Network | None = None,
        named: Callable[[Iterable[str]], object] = lambda _: None,
    ) -> None:
        self.libraries = libraries
        self._tell_named = named
        self._store = store
        self._fetcher = Fetcher(libraries, network if network is not None else Network())
        self._hot: GenerationalCache[str, Entry] = GenerationalCache(_HOT)
        self._used: dict[str, float] = {}
        """When the store was last told that a file that is served from memory is used."""
        self._failures: dict[str, float] = {}
        self._failing = ""
        self._next_change = math.inf
        self._served: dict[str, None] = {}
        self._serving: frozenset[str] = frozenset()
        """The hosts of which this process has served anything."""
        self._named: dict[str, None] = {}
        self._count = 0
        self._bucket, self._others = (TokenBucket(rate=_RATE, burst=_BURST, at=time.monotonic()) for _ in range(2))
        self._start_over()
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Start over with the thread and what was being fetched, which belong to the process that was forked."""
        self._start_over()

    def _start_over(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: dict[str, Future[Entry | None]] = {}

    def close(self) -> None:
        """End the thread, if there is one; what is being fetched is given up. The next fetch starts another."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(self._stopped.set)
            thread.join(_PATIENCE)

    def offers(self, address: str) -> str | None:
        """Return the path below the mirror's, with query and fragment, for an address that a page names.

        None if it is not a library, or while it cannot be fetched and this process has not served it yet. Never waits.
        The first page to name a file that has failed already has it led all the same: see ``failing``.
        """
        found = self.libraries.from_address(address)
        if found is None:
            return None
        file, fragment = found
        is_new = file.upstream not in self._named
        if self.failing and self._has_failed(file, is_new=is_new) and file.upstream not in self._served:
            return None
        if is_new:
            self._name(file.upstream)
            self._tell_named(file.declared)
        return file.mirrored + fragment

    def _name(self, upstream: str) -> None:
        with self._lock:
            while len(self._named) >= _MOST_NAMED:
                del self._named[next(iter(self._named))]
            self._named[upstream] = None
            if upstream in self._failures:
                self._forget_failures()

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts whose libraries are mirrored."""
        return self.libraries.hosts

    @property
    def reachable(self) -> frozenset[str]:
        """The same without those of which there is nothing at the moment."""
        if not self.failing:
            return self.hosts
        now = time.monotonic()
        return frozenset(host for host in self.hosts if host in self._serving or self._failures.get(host, 0.0) <= now)

    @property
    def failing(self) -> str:
        """Stands for the hosts, and the files that pages name, that cannot be fetched at the moment; empty for none.

        What only visitors ask for is not in it: they could have all pages made again, as often as they like.
        """
        if time.monotonic() >= self._next_change:
            with self._lock:
                self._forget_failures()
        return self._failing

    @property
    def state(self) -> Hashable:
        """Changes whenever ``offers`` may return something else than before."""
        return (self.failing, self._count) if self.failing else ""

    async def get(self, file: LibraryFile, *, patience: float = _PATIENCE) -> Entry | None:
        """Return the file, or None if it cannot be had within ``patience`` seconds.

        One that is no longer fresh is returned at once, and fetched again for those who ask next.
        """
        entry = self._hot.get(file.upstream)
        if entry is None:
            entry = await to_thread.run_sync(self._stored, file.upstream)
        elif self._used.get(file.upstream, -math.inf) <= time.monotonic() - USED_FOR:
            # Or it would be among the first to go from the store.
            self._note_use(file.upstream)
            await to_thread.run_sync(self.store.touch, file.upstream)
        if entry is not None and (entry.is_fresh(time.time()) or self._has_failed(file)):
            return entry
        if self._has_failed(file):
            return None
        running = self._begin(file)
        if entry is not None or running is None:
            return entry
        waiter = make_waiter()
        running.add_done_callback(partial(_wake, waiter))
        return running.result() if await waiter.wait(patience) and not running.cancelled() else None

    def _stored(self, upstream: str) -> Entry | None:
        entry = self.store.get(upstream)
        if entry is not None:
            self._keep_hot(entry)
        return entry

    def _note_use(self, upstream: str) -> None:
        with self._lock:
            while len(self._used) >= _MOST_SERVED:
                del self._used[next(iter(self._used))]
            self._used[upstream] = time.monotonic()

    @property
    def store(self) -> Store:
        """Where the files are kept. May create the folder."""
        with self._lock:
            if self._store is None:
                self._store = make_store()
            return self._store

    def _keep_hot(self, entry: Entry) -> None:
        self._hot.put(entry.upstream, entry, len(entry.body) + len(entry.upstream))
        self._note_use(entry.upstream)
        with self._lock:
            if entry.upstream not in self._served:
                if len(self._served) >= _MOST_SERVED:
                    del self._served[next(iter(self._served))]
                self._served[entry.upstream] = None
                host = entry.upstream.split("/")[2]
                self._count += entry.upstream in self._named or host not in self._serving
                self._serving |= {host}

    def _has_failed(self, file: LibraryFile, *, is_new: bool = False) -> bool:
        """Say whether the file or its host has failed recently; with ``is_new``, only the host counts."""
        failures = self._failures
        if not failures:
            return False
        now = time.monotonic()
        names = (file.host,) if is_new else (file.upstream, file.host)
        return any(failures.get(name, 0.0) > now for name in names)

    def _note_failure(self, name: str) -> None:
        with self._lock:
            while len(self._failures) >= _MOST_FAILURES:
                del self._failures[next(iter(self._failures))]
            self._failures[name] = time.monotonic() + _FAILED
            self._forget_failures()

    def _forget_failures(self) -> None:
        """Forget the failures that are over. Call it with the lock held."""
        now = time.monotonic()
        for name in [name for name, end in self._failures.items() if end <= now]:
            del self._failures[name]
        self._next_change = min(self._failures.values(), default=math.inf)
        names = "\n".join(sorted(name for name in self._failures if "/" not in name or name in self._named))
        self._failing = hashlib.blake2b(names.encode("utf-8"), digest_size=8).hexdigest() if names else ""

    def _begin(self, file: LibraryFile) -> Future[Entry | None] | None:
        """Return the fetch of the file, which may have begun before; None if too many are running."""
        with self._lock:
            running = self._running.get(file.upstream)
            if running is not None:
                return running
            # Visitors can ask for any file of a listed library, so those that pages name do not wait for others.
            is_named = file.upstream in self._named
            most, bucket = (_MOST_FETCHES, self._bucket) if is_named else (_MOST_OTHERS, self._others)
            if len(self._running) >= most or not bucket.take(time.monotonic()):
                return None
            if self._loop is None:
                ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
                self._thread = threading.Thread(target=_run, args=[ready], name="consent-mirror", daemon=True)
                self._thread.start()
                self._loop, self._stopped = ready.result()
            # In an empty context: that of the request says which library runs its tasks, and may hold what is the
            # visitor's.
            running = Context().run(asyncio.run_coroutine_threadsafe, self._fetch(file), self._loop)
            self._running[file.upstream] = running
        running.add_done_callback(partial(self._end, file.upstream))
        return running

    def _end(self, upstream: str, _: Future[Entry | None]) -> None:
        with self._lock:
            self._running.pop(upstream, None)

    async def _fetch(self, file: LibraryFile) -> Entry | None:
        """Fetch and store the file. None if it failed, which has been logged and remembered."""
        try:
            found = await self._fetcher.fetch(file)
            entry = _entry(found.file, found.body, found.media_type, max_age=found.max_age)
            await asyncio.to_thread(self._accept, entry, found.file)
            if found.file != file:
                entry = _entry(file, b"", "", max_age=found.max_age, location=found.file.mirrored)
                await asyncio.to_thread(self._accept, entry, file)
        except FetchError as error:
            self._note_failure(error.host if isinstance(error, UnreachableError) else file.upstream)
            if isinstance(error, UnreachableError) and error.host != file.host:
                self._note_failure(file.upstream)  # it redirects there
            logger.warning("the mirror could not fetch %s and tries again in ten minutes: %s", file.upstream, error)
            return None
        except Exception:
            self._note_failure(file.upstream)
            logger.exception("the mirror could not fetch %s and tries again in ten minutes", file.upstream)
            return None
        return entry

    def _accept(self, entry: Entry, file: LibraryFile) -> None:
        """Store an entry. Raises ``FetchError`` if an exact version is not what it was when it was first seen."""
        try:
            if file.is_exact:
                digest = _pinned(entry)
                pinned = self.store.pin(entry.upstream, digest)
                if pinned != digest:
                    logger.error(
                        "%s has changed, though its version is exact, and is not served: its SHA-256 was %s and is %s; "
                        "find out why",
                        entry.upstream,
                        pinned,
                        digest,
                    )
                    raise FetchError("it has changed")
        except OSError as error:
            raise FetchError(f"what it was when it was first seen is not known: {error}") from None
        try:
            self.store.put(entry)
        except OSError as error:
            logger.warning("the mirror could not store %s: %s", entry.upstream, error)
        self._keep_hot(entry)


def _entry(file: LibraryFile, body: bytes, media_type: str, *, max_age: int, location: str = "") -> Entry:
    now = time.time()
    return Entry(
        upstream=file.upstream,
        media_type=media_type,
        digest=hashlib.sha256(body).hexdigest(),
        fetched_at=now,
        fresh_until=None if file.is_exact else now + max_age,
        location=location,
        body=body,
    )


def _pinned(entry: Entry) -> str:
    """Return what stands for the content, which is nothing but an address where the host redirects."""
    return hashlib.sha256(entry.location.encode("utf-8")).hexdigest() if entry.location else entry.digest


def _wake(waiter: Waiter, _: object) -> None:
    with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
        waiter.call(waiter.wake)


def _run(ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    """Run a loop until its event is set; then what still runs in it is cancelled."""

    async def run() -> None:
        stopped = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stopped))
        await stopped.wait()

    asyncio.run(run())
