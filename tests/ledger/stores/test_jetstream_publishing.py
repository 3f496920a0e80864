"""What the publisher makes of answers that a healthy cluster seldom gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from nats.aio.msg import Msg

from cookie_consent.errors import LedgerError
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.stores.jetstream.client import Publisher
from cookie_consent.ledger.stores.jetstream.sink import JetStreamSink
from cookie_consent.ledger.stores.jetstream.url import parse_jetstream
from tests.ledger.making import NOTICE, make

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.client import Client

URL = parse_jetstream("nats://127.0.0.1:1/T")
IN_PROCESS = {"error": {"code": 409, "err_code": 10158, "description": "duplicate message id is in process"}}
FULL = {"error": {"code": 503, "err_code": 10047, "description": "insufficient storage resources available"}}


class Server:
    """Stands in for a connection: answers each publication with the next of ``answers``, then with success."""

    max_payload = 1_000_000
    is_connected = True

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.published: list[str] = []
        self.settle: Callable[[Msg], Awaitable[None]] | None = None

    def new_inbox(self) -> str:
        return "_INBOX.x"

    async def subscribe(self, _subject: str, cb: Callable[[Msg], Awaitable[None]]) -> None:
        self.settle = cb

    async def publish(self, _subject: str, _payload: bytes, *, reply: str, headers: dict[str, str]) -> None:
        self.published.append(headers["Nats-Msg-Id"])
        answer = self.answers.pop(0) if self.answers else {"stream": headers["Nats-Expected-Stream"], "seq": 1}
        assert self.settle is not None
        await self.settle(Msg(cast("Client", self), reply, "", json.dumps(answer).encode()))


def sink_before(server: Server, monkeypatch: pytest.MonkeyPatch) -> JetStreamSink:
    sink = JetStreamSink(URL)

    async def ready(_patience: float) -> Publisher:
        publisher = Publisher(cast("Client", server), URL)
        await publisher.start()
        return publisher

    monkeypatch.setattr(sink, "_ready", ready)
    return sink


def test_a_notice_that_another_host_is_storing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = make()
    server = Server(IN_PROCESS, IN_PROCESS)
    sink = sink_before(server, monkeypatch)
    sink.append([Entry(record, NOTICE)])
    sink.close()
    assert server.published == [NOTICE.hash] * 4 + [record.id]  # the third is the probe after an error


def test_it_is_not_sent_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = sink_before(Server(*[IN_PROCESS] * 100), monkeypatch)
    with pytest.raises(LedgerError, match="duplicate message id is in process"):
        sink.append([Entry(make(), NOTICE)], patience=0.2)
    sink.close()


def test_other_refusals_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(FULL)
    sink = sink_before(server, monkeypatch)
    with pytest.raises(LedgerError, match="insufficient storage"):
        sink.append([Entry(make(), NOTICE)])
    sink.close()
    assert server.published == [NOTICE.hash]
