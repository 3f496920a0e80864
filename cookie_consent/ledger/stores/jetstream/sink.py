"""Writing choices to NATS JetStream, from which ``log drain`` moves them into SQL."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import ServiceUnavailableError

from cookie_consent.errors import LedgerError, RecordRefusedError
from cookie_consent.ledger.store import PATIENCE
from cookie_consent.ledger.stores.jetstream.client import Message, Publisher, RetryableError, connect, failure
from cookie_consent.ledger.stores.jetstream.loop import LoopThread
from cookie_consent.ledger.stores.jetstream.streams import ensure_streams, notice_subject, record_subject
from cookie_consent.ledger.writing.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from nats.aio.client import Client

    from cookie_consent.ledger.store import Entry
    from cookie_consent.ledger.stores.jetstream.url import JetStreamUrl

__all__ = ["JetStreamSink"]

_PROBE = 0.25  # seconds to wait for a single message, after a batch that was not acknowledged
_BETWEEN_ATTEMPTS = 0.05
_ANSWER = 0.5  # seconds until a request is repeated
_STALL = 2.0  # the longest pause in seconds between acknowledgements of a batch
_OPENING = 10.0
_forgotten: list[object] = []


class JetStreamSink:
    """The ``ChoiceSink`` for a ``nats://`` URL. Safe to use from several threads."""

    def __init__(self, url: JetStreamUrl) -> None:
        self.url = url
        self.name = url.name
        self.spool_path = Path(f"{url.stream}.jetstream")
        self._thread: LoopThread | None = None
        self._client: Client | None = None
        self._publisher: Publisher | None = None
        self._readying: asyncio.Task[Publisher] | None = None
        self._known_notices: set[str] = set()  # hashes of notices that are in their stream
        self._reset()

    def append(self, entries: Sequence[Entry], *, patience: float = PATIENCE) -> None:
        """Return once a quorum of the stream's servers has all entries; see ``ChoiceSink``.

        ``patience`` limits the wait for the connection and for each acknowledgement. After an error, some entries may
        be in the stream.
        """
        messages = [self._record(entry) for entry in entries]
        if not self._turn.acquire(timeout=max(patience, _PROBE)):
            raise failure(self.url, "cannot be written", "another thread writes to it")
        try:
            shown = {entry.notice.hash: entry.notice for entry in entries if entry.notice is not None}
            new = [notice for key, notice in shown.items() if key not in self._known_notices]
            try:
                notices = [
                    Message(
                        self.url.notices,
                        notice_subject(self.url.stream, notice.hash),
                        notice.hash,
                        encode_frame(notice),
                    )
                    for notice in new
                ]
            except ValueError as error:
                raise self._refusal(error) from error
            self._wait(self._publish(notices, messages, patience))
            self._known_notices.update(notice.hash for notice in new)
        finally:
            self._turn.release()

    def open(self, *, create: bool = True) -> None:
        """Connect and check or create the streams. Raises ``LedgerError``."""
        self._wait(self._open(create=create))

    def close(self) -> None:
        """Close the connection. The next use reopens it."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        with suppress(TimeoutError, RuntimeError, CancelledError):
            thread.submit(self._disconnect()).result(5)
        thread.stop()
        self._forget_connection()

    def forget(self) -> None:
        """Start over in a fork, without using the parent's connection."""
        _forgotten.append((self._thread, self._client, self._readying, self._publisher))
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._thread = None
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._known_notices.clear()
        self._client = None
        self._publisher = None
        self._readying = None
        self._heard = ""
        self._is_checked = False
        self._in_doubt = False

    def _record(self, entry: Entry) -> Message:
        record = entry.record
        try:
            return Message(
                self.url.stream, record_subject(self.url.stream, record.subject), record.id, encode_frame(record)
            )
        except ValueError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: ValueError) -> RecordRefusedError:
        return RecordRefusedError(f"the log {self.name} refuses a record: {error}", url=self.name)

    def _wait(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which limits its own time, in the client's thread."""
        with self._lock:
            if self._thread is None:
                self._thread = LoopThread("cookie-consent-nats")
            thread = self._thread
        try:
            thread.submit(coroutine).result()
        except (RuntimeError, CancelledError) as error:
            raise failure(self.url, "cannot be written", "it is being closed") from error

    async def _publish(self, notices: list[Message], messages: list[Message], patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                await self._publish_once(notices, messages, patience)
            except RetryableError:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(_BETWEEN_ATTEMPTS)
            else:
                return

    async def _publish_once(self, notices: list[Message], messages: list[Message], patience: float) -> None:
        try:
            publisher = await self._ready(max(patience, _PROBE))
            if self._in_doubt:  # try one message before sending a whole batch
                await publisher.publish((notices or messages)[:1], stall=max(patience, _PROBE))
            if notices:
                await publisher.publish(notices, stall=max(patience, _STALL))
            await publisher.publish(messages, stall=max(patience, _STALL))
        except RecordRefusedError:
            raise
        except LedgerError:
            self._in_doubt = True
            self._is_checked = False  # the streams may have been deleted
            self._known_notices.clear()
            raise
        self._in_doubt = False

    async def _open(self, *, create: bool) -> None:
        if create:
            await self._ready(_OPENING)
            return
        client = await self._connected(_OPENING)
        try:
            await ensure_streams(client.jetstream(), self.url, create=False)
        except (NatsError, OSError) as error:
            raise failure(self.url, "cannot be opened", error) from error

    async def _ready(self, patience: float) -> Publisher:
        """Return the publisher once there is a connection and the streams are checked."""
        if self._publisher is not None and self._is_checked:
            return self._publisher
        if self._readying is None:
            self._readying = asyncio.create_task(self._make_ready())
        task = self._readying
        done, _ = await asyncio.wait({task}, timeout=patience)
        if not done:
            cause = "no server answers" if self._client is None else "the stream does not answer"
            heard = f" ({self._heard})" if self._heard else ""
            raise failure(self.url, "cannot be written", f"{cause} in {patience:g} seconds{heard}")
        self._readying = None if self._readying is task else self._readying
        try:
            return await task
        except (NatsError, OSError) as error:
            raise failure(self.url, "cannot be written", error) from error

    async def _make_ready(self) -> Publisher:
        if self._client is None:
            self._client = await connect(self.url, self._hear)
        context = self._client.jetstream(timeout=_ANSWER)
        while True:
            try:
                await ensure_streams(context, self.url, create=True)
            except (TimeoutError, NoRespondersError, ServiceUnavailableError) as error:
                self._heard = str(error)  # no leader yet, or another host is creating the stream
                await asyncio.sleep(_BETWEEN_ATTEMPTS)
            else:
                break
        if self._publisher is None:
            publisher = Publisher(self._client, self.url)
            await publisher.start()
            self._publisher = publisher
        self._is_checked, self._heard = True, ""
        return self._publisher

    async def _connected(self, patience: float) -> Client:
        if self._client is None:
            try:
                self._client = await asyncio.wait_for(connect(self.url, self._hear), patience)
            except TimeoutError:
                raise failure(self.url, "cannot be opened", f"no server answers in {patience:g} seconds") from None
            except (NatsError, OSError) as error:
                raise failure(self.url, "cannot be opened", error) from error
        return self._client

    def _hear(self, text: str) -> None:
        self._heard = text

    async def _disconnect(self) -> None:
        if self._readying is not None:
            self._readying.cancel()
            await asyncio.wait({self._readying})
        if self._client is not None:
            await self._client.close()
