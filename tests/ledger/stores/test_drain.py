from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger
from cookie_consent.consent import notice_hash
from cookie_consent.ledger import Notice
from cookie_consent.ledger.proof.note import new_key
from cookie_consent.ledger.stores.jetstream.drain import CONSUMER
from cookie_consent.ledger.writing.framing import encode_frame
from tests.ledger.making import make
from tests.running import run
from tests.waiting import HANG, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nats.js import JetStreamContext

    from cookie_consent import ConsentRecord
    from tests.ledger.nats_cluster import Cluster

TEXT = "We ask.\nMay we?"
NOTICE = Notice(hash=notice_hash("en", TEXT), language="en", policy_version="1", text=TEXT)
KEY, PUBLIC = new_key("site.test")


class Site:
    """A stream, and the SQL log that it is drained to."""

    def __init__(self, cluster: Cluster, stream: str, folder: Path) -> None:
        self.cluster = cluster
        self.stream = stream
        self.folder = folder
        self.sql = f"sqlite:///{folder / 'landed.db'}"
        self.started: list[subprocess.Popen[str]] = []
        self.arguments = ("log", "drain", "--from", cluster.url(stream), "--to", self.sql)

    def append(self, records: list[ConsentRecord]) -> None:
        ledger = Ledger(self.cluster.url(self.stream), spool=self.folder)
        ledger.append(records, [NOTICE])
        ledger.close()

    def drain(self, *more: str) -> subprocess.CompletedProcess[str]:
        return run(*self.arguments, *more, folder=self.folder)

    def begin(self, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cookie_consent", *self.arguments, *more]
        drain = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.started.append(drain)
        return drain

    def end(self) -> None:
        """End the drains that still run, whatever the test came to."""
        for drain in self.started:
            drain.kill()
            drain.communicate()

    def landed(self) -> list[ConsentRecord]:
        ledger = Ledger(self.sql)
        ledger.open()
        found = list(ledger.records())
        ledger.close()
        return found

    def waiting(self) -> tuple[int, int]:
        """Return how many messages the stream has, and how many are fetched and not acknowledged."""
        state = self.cluster.ask(lambda context: context.stream_info(self.stream)).state
        consumer = self.cluster.ask(lambda context: context.consumer_info(self.stream, CONSUMER))
        return state.messages, consumer.num_ack_pending

    def publish(self, subject: str, payload: bytes) -> None:
        async def send(context: JetStreamContext) -> None:
            await context.publish(f"consent.{self.stream}.record.{subject}", payload)

        self.cluster.ask(send)


@pytest.fixture
def site(cluster: Cluster, stream: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(cluster, stream, tmp_path)
    yield made
    made.end()


def test_what_is_landed_leaves_the_stream_and_is_proved_in_sql(site: Site) -> None:
    records = [make(number, notice=NOTICE.hash) for number in range(250)]
    site.append(records)
    done = site.drain("--batch", "100")
    assert (done.returncode, done.stdout.startswith("moved 250 choices in ")) == (0, True)
    assert site.landed() == records
    assert site.waiting() == (0, 0)
    ledger = Ledger(site.sql, key=KEY)
    assert ledger.notice(NOTICE.hash) == NOTICE
    ledger.seal()
    assert ledger.erase(records[3].subject) == 1
    ledger.seal()
    site.append(records)  # a site that knows of nothing brings them back from its spool
    done = site.drain()
    assert done.returncode == 0
    assert site.landed() == [*records[:3], ledger.record(records[3].id), *records[4:]]
    assert ledger.verify(trusted=[PUBLIC]).faults == []
    ledger.close()


def test_a_drain_that_is_killed_goes_on(site: Site) -> None:
    records = [make(number, notice=NOTICE.hash) for number in range(2000)]
    site.append(records)
    chance = random.Random(3)  # noqa: S311 - nothing secret
    ended = []
    for number in range(3):
        drain = site.begin("--batch", "25")
        goal = len(site.landed()) + 100 if number else 1
        until(lambda goal=goal, drain=drain: len(site.landed()) >= goal or drain.poll() is not None)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.02))
        drain.kill()
        drain.communicate(timeout=HANG)
        ended.append(len(site.landed()))
    assert 0 < ended[0] < 2000
    assert site.drain().returncode == 0
    assert site.landed() == records
    assert site.waiting() == (0, 0)


def test_several_drains_at_once_do_no_harm(site: Site) -> None:
    records = [make(number, notice=NOTICE.hash) for number in range(1000)]
    site.append(records)
    drains = [site.begin("--batch", "20") for _ in range(2)]
    output = [drain.communicate(timeout=HANG)[0] for drain in drains]
    assert [drain.returncode for drain in drains] == [0, 0], output
    assert site.landed() == records


def test_what_cannot_be_read_is_set_aside(site: Site) -> None:
    good = [make(number) for number in range(20)]
    orphan = make(notice="b" * 64)  # nobody has that notice
    frame = encode_frame(good[0])
    damaged = [b"", b"\x00\xff", frame[:-2], frame.replace(b"given", b"taken"), encode_frame(NOTICE)]
    site.append(good[:10])
    for payload in damaged:
        site.publish("x", payload)
    site.publish(orphan.subject, encode_frame(orphan))
    site.append(good[10:])
    done = site.drain()
    assert (done.returncode, "6 messages were set aside" in done.stderr) == (1, True)
    assert site.landed() == good
    assert site.waiting() == (0, 0)
    aside = site.folder / f"{site.stream}.aside"
    assert aside.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in aside.read_text("ascii").splitlines()]
    assert [b64decode(line["payload"]) for line in lines] == [*damaged, encode_frame(orphan)]
    assert "refuses a record" in lines[-1]["why"]
    assert site.drain().returncode == 0


def test_a_message_that_can_be_put_nowhere_stays(site: Site) -> None:
    site.append([make()])
    site.publish("x", b"rubbish")
    done = site.drain("--aside", str(site.folder / "missing" / "file"))
    assert (done.returncode, "name another file with --aside" in done.stderr) == (2, True)
    assert site.waiting()[0] >= 1
    assert site.drain("--aside", str(site.folder / "aside")).returncode == 1
    assert len(site.landed()) == 1


def test_an_sql_log_that_is_away_loses_nothing(site: Site) -> None:
    site.append([make(number) for number in range(10)])
    elsewhere = f"sqlite:///{site.folder / 'missing' / 'landed.db'}"
    done = run(*site.arguments[:-1], elsewhere, folder=site.folder)
    assert (done.returncode, "cannot be opened" in done.stderr) == (2, True)
    assert site.drain().returncode == 0
    assert len(site.landed()) == 10


def test_following_until_interrupted(site: Site) -> None:
    first, second = make(1), make(2)
    site.append([first])
    drain = site.begin("--follow")
    until(lambda: site.landed() == [first], of=drain)
    site.append([second])
    until(lambda: site.landed() == [first, second] and site.waiting() == (0, 0), of=drain)
    drain.send_signal(signal.SIGINT)
    output, _ = drain.communicate(timeout=HANG)
    assert (drain.returncode, "moved 2 choices" in output) == (0, True)


def test_a_stream_that_is_not_there(cluster: Cluster, tmp_path: Path) -> None:
    done = run("log", "drain", "--from", cluster.url("NONE"), "--to", f"sqlite:///{tmp_path}/a.db", folder=tmp_path)
    assert (done.returncode, "there is no stream NONE" in done.stderr) == (2, True)
