"""Moving choices from a JetStream ledger into SQL, in batches, each exactly once."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from cookie_consent.consent.record import ConsentRecord, Notice
from cookie_consent.errors import LedgerError, RecordRefusedError
from cookie_consent.ledger.stores.jetstream.acks import Acknowledger
from cookie_consent.ledger.stores.jetstream.client import connect, failure
from cookie_consent.ledger.stores.jetstream.streams import ensure_streams, notice_subject
from cookie_consent.ledger.writing.framing import decode_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from cookie_consent.ledger.ledger import Ledger
    from cookie_consent.ledger.stores.jetstream.url import JetStreamUrl

__all__ = ["CONSUMER", "Drain", "Drained"]

logger = logging.getLogger("cookie_consent")

CONSUMER = "drain"
"""The name of the durable consumer that all drains of a stream share."""
_ACK_WAIT = 5.0  # seconds until unacknowledged messages are redelivered, to this or another drain
_OUTSTANDING = 50_000
_FETCH_WAIT = 1.0
_ANSWER = 10.0
_REQUEST = 2.0
_GIVE_UP = 30.0
_RETRY = (0.2, 10.0)
_NOTICES = 1000
_TERMINATE = b"+TERM"
_READABLE = "this release cannot read it"


@dataclass(kw_only=True)
class Drained:
    """What a drain has done so far: choices moved into the SQL log, and messages set aside."""

    landed: int = 0
    set_aside: int = 0


class Drain:
    """Moves choices from the stream at ``url`` to the log ``target``. It can be killed and restarted at any time.

    Messages that cannot be read or that the log refuses are written to the file ``aside``, one JSON object per line.
    ``report`` gets the number of choices moved, and of those still in the stream.
    """

    def __init__(
        self,
        url: JetStreamUrl,
        target: Ledger,
        *,
        aside: Path,
        batch: int = 1000,
        report: Callable[[int, int], object] | None = None,
    ) -> None:
        self.done = Drained()
        self.aside = aside
        self._url = url
        self._target = target
        self._batch = batch
        self._report = report
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._acknowledger: Acknowledger | None = None
        self._notices: dict[str, Notice | None] = {}

    def run(self, *, follow: bool = False) -> Drained:
        """Run until the stream is empty; with ``follow``, until interrupted.

        Raises ``LedgerError`` if the stream is missing or would lose choices. Other failures are raised without
        ``follow``; with it they are logged and retried.
        """
        asyncio.run(self._run(follow=follow))
        return self.done

    async def _run(self, *, follow: bool) -> None:
        self._subscription, self._acknowledger = None, None  # they belonged to an earlier connection
        try:
            client = await asyncio.wait_for(connect(self._url), _ANSWER)
        except TimeoutError:
            raise failure(self._url, "cannot be read", f"no server answers in {_ANSWER:g} seconds") from None
        except (NatsError, OSError) as error:
            raise failure(self._url, "cannot be read", error) from error
        try:
            await self._move(client, follow=follow)
        finally:
            await client.close()

    async def _move(self, client: Client, *, follow: bool) -> None:
        context = client.jetstream(timeout=_REQUEST)
        answered, delay, failing = time.monotonic(), _RETRY[0], False
        while True:
            try:
                is_empty = await self._step(client, context)
            except (LedgerError, NatsError, OSError) as error:
                is_final = isinstance(error, LedgerError) or time.monotonic() - answered > _GIVE_UP
                fault = error if isinstance(error, LedgerError) else failure(self._url, "cannot be read", error)
                if is_final and (not follow or self._subscription is None):
                    raise fault from error
                if not failing:
                    logger.warning("the drain waits until this is put right: %s", fault)
                failing = True
                await asyncio.sleep(delay)
                delay = min(2 * delay, _RETRY[1])
                continue
            if is_empty and not follow:
                return
            answered, delay, failing = time.monotonic(), _RETRY[0], False

    async def _step(self, client: Client, context: JetStreamContext) -> bool:
        """Move a batch; return whether the stream is empty."""
        if self._subscription is None:
            self._subscription = await self._subscribe(context)
        messages = await _fetch(self._subscription, self._batch)
        if messages:
            await self._land(client, context, messages)
            return False
        return await self._is_empty(self._subscription)

    async def _subscribe(self, context: JetStreamContext) -> JetStreamContext.PullSubscription:
        """Create the consumer if needed, and subscribe to it."""
        await ensure_streams(context, self._url, create=False)
        config = ConsumerConfig(
            durable_name=CONSUMER,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT,
            max_deliver=-1,
            max_ack_pending=_OUTSTANDING,
        )
        await context.add_consumer(self._url.stream, config)
        return await context.pull_subscribe_bind(CONSUMER, self._url.stream)

    async def _is_empty(self, subscription: JetStreamContext.PullSubscription) -> bool:
        """Return whether all drains are done. What a killed drain had fetched is redelivered and still counts."""
        info = await subscription.consumer_info()
        return not info.num_pending and not info.num_ack_pending

    async def _land(self, client: Client, context: JetStreamContext, messages: Sequence[Msg]) -> None:
        try:
            read = [(message, item) for message in messages if (item := await self._record(client, message))]
            for name in {record.notice for _, record in read if record.notice is not None} - self._notices.keys():
                self._notices[name] = await self._notice(context, name)
            await self._append(client, read)
        except (LedgerError, NatsError, OSError):  # returned at once, so that they need not time out
            await asyncio.gather(
                *(message.nak() for message in messages if not message.is_acked), return_exceptions=True
            )
            raise
        finally:
            if len(self._notices) > _NOTICES:
                self._notices.clear()
        if self._report is not None:
            self._report(self.done.landed, messages[-1].metadata.num_pending or 0)

    async def _record(self, client: Client, message: Msg) -> ConsentRecord | None:
        item = decode_frame(message.data)
        if isinstance(item, ConsentRecord):
            return item
        await self._set_aside(client, message, _READABLE)
        return None

    async def _append(self, client: Client, read: Sequence[tuple[Msg, ConsentRecord]]) -> None:
        """Commit the records and acknowledge them. If one is refused, each half is tried separately."""
        if not read:
            return
        records = [record for _, record in read]
        names = {record.notice for record in records if record.notice is not None}
        shown = [notice for name in names if (notice := self._notices[name]) is not None]
        try:
            await asyncio.to_thread(self._target.append, records, shown)
        except RecordRefusedError as error:
            if len(read) == 1:
                await self._set_aside(client, read[0][0], str(error))
                return
            middle = len(read) // 2
            await self._append(client, read[:middle])
            await self._append(client, read[middle:])
            return
        self.done.landed += len(read)
        if self._acknowledger is None:
            self._acknowledger = Acknowledger(client)
            await self._acknowledger.start()
        # A message whose acknowledgement is lost is delivered again; its record is then left unchanged.
        await self._acknowledger.acknowledge((message for message, _ in read), stall=_ANSWER)

    async def _notice(self, context: JetStreamContext, name: str) -> Notice | None:
        """Return the notice with a hash; None if it is missing or cannot be read."""
        try:
            found = await context.get_last_msg(self._url.notices, notice_subject(self._url.stream, name))
        except NotFoundError:
            return None
        item = decode_frame(found.data or b"")
        return item if isinstance(item, Notice) and item.hash == name else None

    async def _set_aside(self, client: Client, message: Msg, why: str) -> None:
        """Write a message to the file, and only then remove it from the stream."""
        sequence = message.metadata.sequence.stream
        line = {
            "stream": self._url.stream,
            "sequence": sequence,
            "subject": message.subject,
            "why": why,
            "payload": b64encode(message.data).decode("ascii"),
        }
        try:
            await asyncio.to_thread(_write, self.aside, json.dumps(line).encode("ascii") + b"\n")
        except OSError as error:
            raise LedgerError(
                f"the message {sequence} of the stream {self._url.stream} can neither be moved into the log ({why}) "
                f"nor set aside in {self.aside}: {error.strerror}; name another file with --aside",
                url=self._url.name,
            ) from error
        self.done.set_aside += 1
        logger.error(
            "the message %d of the stream %s is set aside in %s: %s", sequence, self._url.stream, self.aside, why
        )
        await client.request(message.reply, _TERMINATE, timeout=_ANSWER)


async def _fetch(subscription: JetStreamContext.PullSubscription, batch: int) -> list[Msg]:
    try:
        return await subscription.fetch(batch, timeout=_FETCH_WAIT)
    except TimeoutError:
        return []


def _write(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while line:
            line = line[os.write(file, line) :]
        os.fsync(file)
    finally:
        os.close(file)
