from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError
from starlette.applications import Starlette

from cookie_consent import ConfigurationError, ConsentMiddleware, Ledger, LedgerError
from cookie_consent.consent.record import ConsentRecord
from cookie_consent.errors import RecordRefusedError
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.stores.jetstream.sink import JetStreamSink
from cookie_consent.ledger.stores.jetstream.url import parse_jetstream
from cookie_consent.ledger.writing.framing import decode_frame
from cookie_consent.testing import make_policy
from tests.declaring import own_cookies
from tests.ledger.making import NOTICE, make
from tests.ledger.nats_cluster import MAX_PAYLOAD, Cluster
from tests.running import run
from tests.waiting import HANG, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nats.js import JetStreamContext

    from cookie_consent.ledger import Notice

KEY, _ = new_key("site.test")
SECRET = "p/w s3cret"


@pytest.fixture
def sink(cluster: Cluster, stream: str) -> Iterator[JetStreamSink]:
    made = JetStreamSink(parse_jetstream(cluster.url(stream)))
    yield made
    made.close()


def stored(cluster: Cluster, stream: str, subject: str = "*") -> list[ConsentRecord]:
    """Return the records in the order of the stream."""

    async def read(context: JetStreamContext) -> list[ConsentRecord]:
        found: list[ConsentRecord] = []
        sequence = 1
        while True:
            try:
                message = await context.get_msg(
                    stream, seq=sequence, subject=f"consent.{stream}.record.{subject}", next=True
                )
            except APIError:
                return found
            item = decode_frame(message.data or b"")
            assert isinstance(item, ConsentRecord)
            found.append(item)
            sequence = (message.seq or 0) + 1

    records: list[ConsentRecord] = cluster.ask(read)
    return records


def entries(records: Sequence[ConsentRecord], notice: Notice | None = None) -> list[Entry]:
    return [Entry(record, notice) for record in records]


def drain(cluster: Cluster, stream: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    target = f"sqlite:///{folder / 'landed.db'}"
    return run("log", "drain", "--from", cluster.url(stream), "--to", target, *more, folder=folder)


def landed(folder: Path) -> list[ConsentRecord]:
    ledger = Ledger(f"sqlite:///{folder / 'landed.db'}")
    found = list(ledger.records())
    ledger.close()
    return found


def test_what_is_appended_is_in_the_stream_in_order_and_once(
    cluster: Cluster, stream: str, sink: JetStreamSink
) -> None:
    visitor = make().subject
    records = [make(number, **({"subject": visitor} if number % 3 == 0 else {})) for number in range(30)]
    sink.append(entries(records))
    sink.append(entries(records))  # as after a failure
    assert stored(cluster, stream) == records
    assert stored(cluster, stream, visitor) == records[::3]
    config = cluster.ask(lambda context: context.stream_info(stream)).config
    assert (config.num_replicas, config.storage, config.retention) == (3, "file", "workqueue")


def test_nobody_deletes_or_purges(cluster: Cluster, stream: str, sink: JetStreamSink) -> None:
    sink.append(entries([make()]))
    with pytest.raises(APIError):
        cluster.ask(lambda context: context.delete_msg(stream, 1))
    with pytest.raises(APIError):
        cluster.ask(lambda context: context.purge_stream(stream))
    assert len(stored(cluster, stream)) == 1


def test_several_hosts_make_the_stream_at_once(cluster: Cluster, stream: str) -> None:
    sinks = [JetStreamSink(parse_jetstream(cluster.url(stream))) for _ in range(4)]
    records = [make(number) for number in range(4)]
    threads = [
        threading.Thread(target=sink.append, args=([Entry(record, NOTICE)],))
        for sink, record in zip(sinks, records, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for sink in sinks:
        sink.close()
    assert {record.id for record in stored(cluster, stream)} == {record.id for record in records}
    notices = cluster.ask(lambda context: context.stream_info(f"{stream}_NOTICES"))
    assert notices.state.messages == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"storage": StorageType.MEMORY}, "kept in memory"),
        ({"retention": RetentionPolicy.INTEREST}, "retention is interest"),
        ({"retention": RetentionPolicy.LIMITS}, "retention is limits"),
        ({"max_age": 3600}, "dropped by age"),
        ({"max_msgs_per_subject": 1}, "dropped by their number"),
        ({"max_msgs": 100, "discard": DiscardPolicy.OLD}, "the oldest are dropped"),
        ({"num_replicas": 1}, "1 replicas, and the URL asks for 3"),
        ({"duplicate_window": 1}, "duplicate window"),
        ({"no_ack": True}, "acknowledges nothing"),
        ({"subjects": ["other.{stream}"]}, "its subjects are not"),
    ],
)
def test_a_stream_that_would_lose_choices_is_refused(
    cluster: Cluster, stream: str, sink: JetStreamSink, settings: dict[str, Any], message: str
) -> None:
    good = {
        "retention": RetentionPolicy.WORK_QUEUE,
        "discard": DiscardPolicy.NEW,
        "storage": StorageType.FILE,
        "num_replicas": 3,
        "duplicate_window": 120,
        "subjects": ["consent.{stream}.record.*"],
    }
    chosen: dict[str, Any] = {**good, **settings}
    chosen["subjects"] = [subject.format(stream=stream) for subject in chosen["subjects"]]
    cluster.ask(lambda context: context.add_stream(StreamConfig(name=stream, **chosen)))
    with pytest.raises(LedgerError, match=message):
        sink.open()
    with pytest.raises(LedgerError, match=message):
        sink.append(entries([make()]))
    assert stored(cluster, stream) == []


def test_a_record_above_the_servers_limit_is_refused_and_its_neighbours_are_not(
    cluster: Cluster, stream: str, tmp_path: Path
) -> None:
    ledger = Ledger(cluster.url(stream), spool=tmp_path)
    ledger.open()
    good = [make(number) for number in range(20)]

    async def write() -> list[object]:
        together = [*good[:10], make(url="/" + "x" * MAX_PAYLOAD), *good[10:]]
        return await asyncio.gather(*(ledger.write(record) for record in together), return_exceptions=True)

    results = asyncio.run(write())
    ledger.close()
    assert isinstance(results[10], RecordRefusedError)
    assert "max_payload" in str(results[10])
    assert [result for result in results if result is not None] == [results[10]]
    assert {record.id for record in stored(cluster, stream)} == {record.id for record in good}


def test_forks_write_over_connections_of_their_own(cluster: Cluster, stream: str, tmp_path: Path) -> None:
    script = """
import asyncio, os, sys
from cookie_consent import Ledger
from tests.ledger.making import NOTICE, make
ledger = Ledger(sys.argv[1], spool=sys.argv[2])
async def some():
    await asyncio.gather(*(ledger.write(make(at, notice=NOTICE.hash), NOTICE) for at in range(50)))
asyncio.run(some())
child = os.fork()
asyncio.run(some())
if child:
    assert os.waitpid(child, 0)[1] == 0
async def leave():
    [asyncio.create_task(ledger.write(make(at))) for at in range(10)]
    await asyncio.sleep(0)
asyncio.run(leave())
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, cluster.url(stream), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG)
    assert (done.returncode, done.stderr) == (0, "")
    rest = Ledger(cluster.url(stream), spool=tmp_path)
    rest.start()  # what a slow machine has left in spools
    until(lambda: not rest.waiting())
    rest.close()
    assert drain(cluster, stream, tmp_path).returncode == 0
    assert len(landed(tmp_path)) == 170


def test_what_a_stream_cannot_do_names_the_sql_log(cluster: Cluster, stream: str, tmp_path: Path) -> None:
    ledger = Ledger(cluster.url(stream), spool=tmp_path)
    assert not ledger.is_readable
    for ask_it in (ledger.count, ledger.stats, ledger.events, ledger.checkpoint, lambda: ledger.erase("x")):
        with pytest.raises(LedgerError, match="read in the SQL log"):
            ask_it()
    ledger.close()
    for command in ("stats", "export", "migrate"):
        done = run("log", command, "--ledger", cluster.url(stream), folder=tmp_path)
        assert (done.returncode, "CONSENT_LEDGER_READS" in done.stderr) == (2, True)


@pytest.mark.parametrize("reads", [False, True])
def test_a_site_serves_choices_and_receipts(cluster: Cluster, stream: str, tmp_path: Path, *, reads: bool) -> None:
    sql = f"sqlite:///{tmp_path / 'landed.db'}"
    ledger = Ledger(cluster.url(stream), spool=tmp_path, reads=sql if reads else None)
    ledger.open()
    app = ConsentMiddleware(Starlette(), make_policy(cookies=own_cookies()), secret="x" * 40, ledger=ledger)

    async def visit() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://site.test") as client:
            chosen = await client.post("/_consent/choices", json={"granted": ["analytics"]})
            await asyncio.to_thread(drain, cluster, stream, tmp_path)
            return chosen, await client.get("/_consent/receipt")

    chosen, receipt = asyncio.run(visit())
    ledger.close()
    assert chosen.status_code == 200
    assert receipt.status_code == (200 if reads else 503)
    if reads:
        assert [record["subject"] for record in receipt.json()["records"]] == [chosen.json()["id"]]
    else:
        assert "cannot read the log" in receipt.text


def test_a_secret_is_in_no_message(tmp_path: Path) -> None:
    quoted = SECRET.replace("/", "%2F").replace(" ", "%20")
    one = Cluster(tmp_path / "one", size=1, more=f'authorization {{ user: "kim", password: "{SECRET}" }}\n')
    one.client_options = {"user": "kim", "password": SECRET}
    with one as server:
        good = server.url("A").replace("nats://", f"nats://kim:{quoted}@")
        ledger = Ledger(good, spool=tmp_path)
        ledger.append([make()])
        ledger.close()
        environment = {"CONSENT_LEDGER": good, "CONSENT_LEDGER_READS": "sqlite:///a.db", "CONSENT_LEDGER_KEY": KEY}
        for command in ("drain", "seal", "verify", "stats"):
            done = run("log", command, folder=tmp_path, **environment)
            assert (done.returncode, "s3cret" in done.stdout + done.stderr) == (0, False)
        wrong = JetStreamSink(parse_jetstream(good.replace("s3cret", "an0ther")))
        with pytest.raises(LedgerError) as caught:
            wrong.append(entries([make()]), patience=1)
        wrong.close()
        three = JetStreamSink(parse_jetstream(good.removesuffix("?replicas=1")))
        with pytest.raises(LedgerError, match="would lose choices: it has 1 replicas") as again:
            three.open()
        three.close()
        other = JetStreamSink(parse_jetstream(good.removesuffix("?replicas=1").replace("/A", "/B")))
        with pytest.raises(LedgerError, match=r"add \?replicas=1") as third:
            other.open()
        other.close()
    assert "Authorization" in str(caught.value)
    for error in (caught, again, third):
        assert "s3cret" not in str(error.value)
        assert "an0ther" not in str(error.value)


def test_choices_wait_in_the_spool_while_the_servers_are_away(tmp_path: Path) -> None:
    records = [make(number, notice=NOTICE.hash) for number in range(60)]
    with Cluster(tmp_path / "one", size=1) as server:
        ledger = Ledger(server.url("A"), spool=tmp_path)
        ledger.open()

        async def write(some: list[ConsentRecord]) -> None:
            await asyncio.gather(*(ledger.write(record, NOTICE) for record in some))

        asyncio.run(write(records[:20]))
        until(lambda: not ledger.waiting())
        server.kill(0)
        asyncio.run(write(records[20:40]))
        assert sum(spool.choices for spool in ledger.waiting()) == 20
        server.start(0)
        asyncio.run(write(records[40:]))
        until(lambda: not ledger.waiting())
        ledger.close()
        assert drain(server, "A", tmp_path).returncode == 0
    assert sorted(landed(tmp_path), key=lambda record: record.id) == records


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_server_that_hangs_holds_no_choice_up(cluster: Cluster, stream: str, tmp_path: Path, number: int) -> None:
    ledger = Ledger(cluster.url(stream), spool=tmp_path)
    ledger.open()
    records = [make(at) for at in range(30)]

    async def write() -> None:
        for record in records:
            await ledger.write(record)

    with cluster.hanging(number):
        asyncio.run(write())  # by the two others, or into the spool
    until(lambda: not ledger.waiting())
    ledger.close()
    found = stored(cluster, stream)
    assert {record.id: record for record in found} == {record.id: record for record in records}
    assert drain(cluster, stream, tmp_path).returncode == 0
    assert sorted(landed(tmp_path), key=lambda record: record.id) == records


def test_a_stream_that_somebody_deletes_is_made_again(cluster: Cluster, stream: str, tmp_path: Path) -> None:
    ledger = Ledger(cluster.url(stream), spool=tmp_path)
    first, second, third = (make(at) for at in range(3))
    asyncio.run(ledger.write(first))
    cluster.ask(lambda context: context.delete_stream(stream))
    for record in (second, third):
        asyncio.run(ledger.write(record))
        until(lambda: not ledger.waiting())
    ledger.close()
    assert stored(cluster, stream) == [second, third]


def test_servers_with_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    file = tmp_path / "server.pem"
    one = Cluster(tmp_path / "one", size=1, more=f'tls {{ cert_file: "{file}", key_file: "{file}" }}\n')
    one.client_options = {"tls": ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))}
    with one as server:
        url = server.url("A").replace("nats://", "tls://")
        trusting = JetStreamSink(parse_jetstream(f"{url}&ca={tmp_path / 'ca.pem'}"))
        trusting.append(entries([make()]))
        trusting.close()
        wary = JetStreamSink(parse_jetstream(url))
        with pytest.raises(LedgerError, match=r"no server answers .*certificate verify failed"):
            wary.append(entries([make()]), patience=1)
        wary.close()
        assert len(stored(server, "A")) == 1
    missing = JetStreamSink(parse_jetstream(f"{url}&ca=missing.pem"))
    with pytest.raises(ConfigurationError, match=r"missing\.pem in the ledger's URL cannot be read"):
        missing.open()
    missing.close()


def test_a_stream_that_is_full_takes_no_more(cluster: Cluster, stream: str, sink: JetStreamSink) -> None:
    limited = StreamConfig(
        name=stream,
        subjects=[f"consent.{stream}.record.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=3,
        max_msgs=5,
    )
    cluster.ask(lambda context: context.add_stream(limited))
    records = [make(number) for number in range(6)]
    sink.append(entries(records[:5]))
    with pytest.raises(LedgerError, match="maximum messages exceeded"):
        sink.append(entries(records[5:]))
    assert stored(cluster, stream) == records[:5]


def test_no_server_answers(tmp_path: Path) -> None:
    sink = JetStreamSink(parse_jetstream("nats://127.0.0.1:1/A"))
    with pytest.raises(LedgerError, match="no server answers"):
        sink.append(entries([make()]), patience=0.05)
    sink.close()
    done = run("log", "drain", "--from", "sqlite:///a.db", "--to", "sqlite:///b.db", folder=tmp_path)
    assert (done.returncode, "nats://" in done.stderr) == (2, True)
