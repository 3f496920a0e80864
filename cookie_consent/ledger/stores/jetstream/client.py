"""The connection to a NATS cluster, and pipelined publishing."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nats
from nats.errors import Error as NatsError
from nats.errors import NoServersError, StaleConnectionError

from cookie_consent.errors import ConfigurationError, LedgerError, RecordRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from cookie_consent.ledger.stores.jetstream.url import JetStreamUrl

__all__ = ["Message", "Publisher", "RetryableError", "connect", "failure"]

logger = logging.getLogger("cookie_consent")

WINDOW = 1024
"""The maximum number of unacknowledged messages."""
_HEADERS = 512  # bytes reserved for headers in the largest message
_NO_RESPONDERS = "503"
_TOO_LARGE = 10054
_IN_PROCESS = 10158  # "duplicate message id is in process": another copy is neither stored nor refused yet
_ENDINGS = (OSError, StaleConnectionError, NoServersError)
"""Errors of connections that end or cannot be made."""
_WAITS = "check that a majority of its servers run and reach each other, and that their disks are not full"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish. ``key`` is the message id by which servers detect duplicates."""

    stream: str
    subject: str
    key: str
    payload: bytes


class RetryableError(LedgerError):
    """The stream has no leader yet, or another copy of a message is still being stored."""


async def connect(url: JetStreamUrl, told: Callable[[str], object] | None = None) -> Client:
    """Return a connection once a server answers, however long that takes. It reconnects by itself.

    ``told`` gets errors without secrets. Raises ``ConfigurationError`` for a file in the URL that cannot be read.
    """
    has_spoken = False

    async def tell(error: Exception) -> None:
        nonlocal has_spoken
        text = url.without_secrets(str(error) or type(error).__name__)
        logger.debug("NATS: %s", text)
        is_said = not isinstance(error, _ENDINGS)
        # Once a server has said why it refuses, the disconnects that follow are not worth telling.
        if told is not None and (is_said or not has_spoken):
            told(text)
        has_spoken = has_spoken or is_said

    async def forget() -> None:
        nonlocal has_spoken
        has_spoken = False

    options: dict[str, Any] = {"user": url.user, "password": url.password, "token": url.token}
    if url.credentials is not None:
        options["user_credentials"] = url.credentials
    if url.ca is not None or any(server.startswith("tls://") for server in url.servers):
        options["tls"] = _context(url.ca)
    return await nats.connect(
        servers=list(url.servers),
        name="cookie-consent",
        error_cb=tell,
        reconnected_cb=forget,
        max_reconnect_attempts=-1,
        connect_timeout=2,
        reconnect_time_wait=0.2,
        ping_interval=5,
        **{name: value for name, value in options.items() if value is not None},
    )


def failure(url: JetStreamUrl, what: str, cause: object, advice: str = _WAITS) -> LedgerError:
    """Return the error to raise, with advice and without secrets."""
    text = url.without_secrets(str(cause) or type(cause).__name__)
    return LedgerError(f"the log {url.name} {what}: {text}; {advice}", url=url.name)


class Publisher:
    """Publishes over one connection. Only one call of ``publish`` may run at a time."""

    def __init__(self, client: Client, url: JetStreamUrl) -> None:
        self._client = client
        self._url = url
        self._inbox = client.new_inbox()
        self._batch = 0
        self._waiting: dict[str, Message] = {}
        self._fault: Exception | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Subscribe to acknowledgements."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._settle)

    async def publish(self, messages: Sequence[Message], *, stall: float) -> None:
        """Publish messages in order; return once a quorum of servers has all of them.

        Raises ``RecordRefusedError``, before sending anything, if one is too large, and ``LedgerError`` if one is
        refused or nothing is acknowledged for ``stall`` seconds. Some may have arrived then.
        """
        limit = self._client.max_payload - _HEADERS
        for message in messages:
            if len(message.payload) > limit:
                raise RecordRefusedError(
                    f"the log {self._url.name} takes no message above {limit} bytes, but {message.key[:64]} has "
                    f"{len(message.payload)}; raise max_payload of the servers",
                    url=self._url.name,
                )
        self._batch += 1
        self._waiting, self._fault = {}, None
        try:
            for number, message in enumerate(messages):
                while len(self._waiting) >= WINDOW:
                    await self._progress(stall)
                if not self._client.is_connected:
                    raise failure(self._url, "cannot be written", "the connection is lost")
                token = f"{self._batch}-{number}"
                self._waiting[token] = message
                headers = {"Nats-Msg-Id": message.key, "Nats-Expected-Stream": message.stream}
                await self._client.publish(
                    message.subject, message.payload, reply=f"{self._inbox}.{token}", headers=headers
                )
            while self._waiting:
                await self._progress(stall)
            if self._fault is not None:  # its answer came while the last messages were being sent
                raise self._fault
        except (NatsError, OSError) as error:
            raise failure(self._url, "cannot be written", error) from error
        finally:
            self._waiting = {}

    async def _progress(self, stall: float) -> None:
        """Wait for some acknowledgements."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), stall)
        except TimeoutError:
            raise failure(
                self._url,
                "cannot be written",
                f"{len(self._waiting)} messages were not acknowledged in {stall:g} seconds",
            ) from None
        if self._fault is not None:
            raise self._fault

    async def _settle(self, answer: Msg) -> None:
        message = self._waiting.pop(answer.subject.rpartition(".")[2], None)
        if message is None:  # it belongs to a batch that was given up
            return
        fault = self._judge(answer, message)
        if fault is not None and self._fault is None:
            self._fault = fault
        self._changed.set()

    def _judge(self, answer: Msg, message: Message) -> Exception | None:
        if answer.headers and answer.headers.get("Status") == _NO_RESPONDERS:
            text = f"the log {self._url.name} cannot be written: the stream {message.stream} has no leader; {_WAITS}"
            return RetryableError(text, url=self._url.name)
        try:
            content = json.loads(answer.data)
            error = content.get("error")
            if error is None and content["stream"] == message.stream:
                return None
            code, text = error["err_code"], error["description"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return failure(self._url, "cannot be written", "a server sent an invalid answer")
        if code == _TOO_LARGE:
            return RecordRefusedError(
                f"the log {self._url.name} refuses {message.key[:64]}: {text}; raise its max_msg_size",
                url=self._url.name,
            )
        if code == _IN_PROCESS:
            return RetryableError(f"the log {self._url.name} cannot be written: {text}; {_WAITS}", url=self._url.name)
        return failure(self._url, "cannot be written", text)


def _context(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigurationError(
            f"the certificates {ca} in the ledger's URL cannot be read: {error.strerror}"
        ) from None
