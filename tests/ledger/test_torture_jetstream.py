"""Servers of the cluster are killed while 32 clients post: no acknowledged choice is lost, none landed twice."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from cookie_consent import Ledger
from tests.ledger.nats_cluster import Cluster
from tests.ledger.test_torture import Load, answers, check, listen, serving
from tests.running import run as run_cli
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.torture)])
def test_no_acknowledged_choice_is_lost_when_jetstream_servers_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    chance = random.Random(kills)  # noqa: S311 - nothing secret
    monkeypatch.setenv("CONSENT_SPOOL", str(tmp_path))

    async def run(cluster: Cluster) -> list[str]:
        with listen() as listener:
            load = Load(listener.getsockname()[1])
            with serving(cluster.url(), listener) as server:
                async with load.running():
                    await answers(load, 50)
                    for _ in range(kills):
                        number = chance.randrange(cluster.size)
                        cluster.kill(number)
                        await answers(load, 50)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                        cluster.start(number)
                        await answers(load, 50)
                        await asyncio.sleep(chance.uniform(0, 0.3))
                server.terminate()
                await asyncio.to_thread(server.wait, 60)
            assert load.failures == []
            return load.acknowledged

    target = f"sqlite:///{tmp_path / 'landed.db'}"
    with Cluster(tmp_path / "cluster") as cluster:
        acknowledged = asyncio.run(run(cluster))
        assert len(acknowledged) >= 100 * kills
        rest = Ledger(cluster.url())
        rest.start()  # what the server left in its spool
        until(lambda: not rest.waiting())
        rest.close()
        done = run_cli("log", "drain", "--from", cluster.url(), "--to", target, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    check(target, acknowledged)
