"""Connections to PostgreSQL with limited waiting times and durable commits."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine, event

from cookie_consent.ledger.stores.postgres.steps import KEEP_ORDER
from cookie_consent.logs import log_once

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sqlalchemy import Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import Dialect

__all__ = ["Patience", "make_engine"]

_ANSWER = 3.0  # the shortest limit in seconds for a statement, because a slow disk is not a failed one
_GRACE = 1.0  # seconds more, for the server to give up first
_SHORTEST = 2  # libpq accepts no less
_NETWORK = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "cookie-consent",
    "client_encoding": "utf8",
}
_SET_UP = f"""SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    to_regprocedure('{KEEP_ORDER}') IS NOT NULL
        AND has_function_privilege(to_regprocedure('{KEEP_ORDER}')::oid, 'EXECUTE')"""


class Patience:
    """How long the current thread waits for locks, connections and answers; without a limit by default."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @property
    def seconds(self) -> float | None:
        """Seconds that this thread waits for a lock or a connection; None means no limit."""
        seconds: float | None = getattr(self._of_thread, "seconds", None)
        return seconds

    @property
    def answer(self) -> float | None:
        """Seconds that a statement of this thread may take; None means no limit."""
        return None if self.seconds is None else max(self.seconds, _ANSWER)

    @contextmanager
    def of(self, seconds: float) -> Iterator[None]:
        """Limit each wait of this thread, within the block."""
        self._of_thread.seconds = seconds
        try:
            yield
        finally:
            self._of_thread.seconds = None

    def settings(self) -> list[str]:
        """Return the statements that set these limits on the server, outside transactions."""
        values = {"lock_timeout": self.seconds, "statement_timeout": self.answer}
        return [f"SET {name} = {max(1, round((seconds or 0) * 1000))}" for name, seconds in values.items()]


class _Connection(psycopg.Connection[Any]):
    """A connection that is closed if the server does not answer in time."""

    patience: Patience | None = None

    def __del__(self, *_: object) -> None:
        """Suppress the driver's warning: the pool is gone, and the driver closes only its own process's connections."""

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
        seconds = self.patience.answer if self.patience is not None else None
        if seconds is not None:
            gen = self._until(time.monotonic() + seconds + _GRACE, gen)
        return super().wait(gen, *arguments, **options)

    def _until(self, end: float, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Run the driver's generator, which is woken several times a second, until the deadline ``end``."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > end:
                    gen.close()
                    self.pgconn.finish()  # not cancelled: that would end a commit's wait for its standby
                    raise psycopg.OperationalError("the server does not answer")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def make_engine(url: URL, patience: Patience, longest: float) -> Engine:
    """Return an engine with connections configured for the log, without connecting.

    ``longest`` is the limit for connections and locks in threads that have set none, in seconds.
    """
    arguments = {name: value for name, value in _NETWORK.items() if name not in url.query}
    engine = create_engine(
        url,
        connect_args=arguments,
        pool_timeout=longest,
        pool_use_lifo=True,
        hide_parameters=True,
        use_native_hstore=False,
    )

    def connect(_dialect: Dialect, _record: object, given: Any, named: dict[str, Any]) -> _Connection:
        seconds = longest if patience.seconds is None else patience.seconds
        named.setdefault("connect_timeout", max(_SHORTEST, math.ceil(seconds)))
        connection = _Connection.connect(*given, **named)
        connection.patience = patience
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", lambda connection, _record: _set_up(connection, longest))
    return engine


def _set_up(connection: _Connection, longest: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET_UP)
        synchronous, synced, keeps_order = cursor.fetchone() or ("on", "on", False)
        if synchronous == "off":  # set for the server, role or database; an acknowledged choice must be durable
            cursor.execute("SET synchronous_commit = on")
        if synced == "off":
            log_once(
                "fsync", "PostgreSQL runs with fsync=off: choices that were acknowledged may be lost; set it to on"
            )
        cursor.execute(f"SET lock_timeout = {int(longest * 1000)}")
        if keeps_order:
            cursor.execute(f"SELECT {KEEP_ORDER}")
    connection.commit()
