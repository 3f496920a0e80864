"""Where choices wait on the disk while the store is away: one write-ahead file for each process."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import Notice
from cookie_consent.ledger.store import Entry
from cookie_consent.ledger.writing.framing import MAXIMUM_FRAME, decode_frame, encode_frame

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cookie_consent.consent.record import ConsentRecord

__all__ = ["MAXIMUM_SPOOL", "Spool", "SpoolFolder", "WaitingSpool"]

logger = logging.getLogger("cookie_consent")

MAXIMUM_SPOOL = 1024**3
"""Bytes of one file; a spool that is full refuses choices."""
_NOTICE_EVERY = 256 * 1024  # so that one damaged copy of a notice costs no choice
_DAMAGED = "are damaged; the last line of a process that was killed holds choices that were not acknowledged yet"
_sync = getattr(os, "fdatasync", os.fsync)
_pwrite: Any = getattr(os, "pwrite", None)  # Windows has none, and no spool


@dataclass(frozen=True, kw_only=True)
class WaitingSpool:
    """A spool that has not been carried over, and how many choices can be read in it."""

    path: Path
    choices: int


class SpoolFolder:
    """The spools of one database: beside it, or in a folder given, which several databases may share."""

    def __init__(self, database: Path, folder: Path | None = None) -> None:
        name = database.name
        if folder is not None:  # files of the same name may lie elsewhere
            name += "." + blake2b(os.fsencode(database), digest_size=4).hexdigest()
        self.folder = folder if folder is not None else database.absolute().parent
        self._prefix = name + "."

    def create(self) -> Spool:
        """Make a spool for this process. Raises ``OSError``."""
        if fcntl is None:
            raise OSError("there is no spool on this system, which has no flock")
        while True:
            path = self.folder / f"{self._prefix}{os.getpid()}-{secrets.token_hex(4)}.spool"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if _lock(file, path):  # else another process took the empty file for that of a dead one
                _sync_folder(self.folder)
                return Spool(file, path, end=0)
            os.close(file)

    def adopt(self) -> list[Spool]:
        """Return the spools of processes that have ended, oldest first; they are this process's own now."""
        found = []
        for path in self._paths() if fcntl is not None else ():
            try:
                file = os.open(path, os.O_RDWR)
            except OSError:  # gone by now, or not ours to read
                continue
            try:
                if _lock(file, path):
                    found.append(Spool(file, path, end=os.fstat(file).st_size))
                    continue
            except OSError as error:
                logger.error("the spool %s cannot be read: %s", path, error)  # noqa: TRY400 - it says it all
            os.close(file)
        return found

    def waiting(self) -> list[WaitingSpool]:
        """Return the spools that hold choices, without touching them."""
        found = []
        for path in self._paths():
            try:
                with path.open("rb") as stream:
                    items = (decode_frame(line) for line in iter(lambda: stream.readline(MAXIMUM_FRAME), b""))
                    choices = sum(item is not None and not isinstance(item, Notice) for item in items)
            except OSError:
                continue
            if choices:
                found.append(WaitingSpool(path=path, choices=choices))
        return found

    def _paths(self) -> list[Path]:
        try:
            found = [path for path in self.folder.iterdir() if _is_spool(path.name, self._prefix)]
            return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
        except OSError:
            return []


class Spool:
    """One file, locked for as long as it is open. Written at its end and carried over from its head."""

    def __init__(self, file: int, path: Path, *, end: int) -> None:
        self.path = path
        self._file = file
        self._end = end
        self._head = 0
        self._judged = 0  # damaged lines before this offset have been set aside
        self._noted: dict[str, int] = {}
        self._notices = {item.hash: item for _, item in self._items(0) if isinstance(item, Notice)}

    @property
    def is_empty(self) -> bool:
        """Whether all that was written has been carried over."""
        return self._head >= self._end

    def append(self, entries: Sequence[Entry]) -> None:
        """Write the entries, durable on return, all or none. Raises ``OSError``, ``ValueError`` for an odd record."""
        notices = {entry.notice.hash: entry.notice for entry in entries if entry.notice is not None}
        due = [key for key in notices if self._end - self._noted.get(key, -_NOTICE_EVERY) >= _NOTICE_EVERY]
        frames = [encode_frame(notices[key]) for key in due]
        data = b"".join([*frames, *(encode_frame(entry.record) for entry in entries)])
        if self._end + len(data) > MAXIMUM_SPOOL:
            raise OSError(f"the spool {self.path} is full")
        try:
            _write(self._file, data, self._end)
            _sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._notices.update(notices)
        self._noted.update(dict.fromkeys(due, self._end))
        self._end += len(data)

    def read(self, limit: int) -> tuple[list[Entry], int]:
        """Return up to ``limit`` entries from the head on, and the offset after them, for ``advance``.

        Lines that are damaged are set aside, in a file beside this one. Raises ``OSError``.
        """
        entries: list[Entry] = []
        damaged = []
        offset = self._head
        for line, item in self._items(self._head):
            if item is None and offset >= self._judged:
                damaged.append(line)
            offset += len(line)
            if item is not None and not isinstance(item, Notice):
                notice = self._notices.get(item.notice) if item.notice is not None else None
                entries.append(Entry(item, notice))
                if len(entries) == limit:
                    break
        if damaged:
            self.set_aside(damaged, _DAMAGED)
        self._judged = max(self._judged, offset)
        return entries, offset

    def advance(self, offset: int) -> None:
        """Take what lies before ``offset`` as carried over."""
        self._head = offset

    def set_aside(self, lines: Sequence[bytes], why: str) -> None:
        """Keep lines that cannot be carried over, for people to look at. Raises ``OSError``."""
        path = self.path.with_suffix(".aside")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write(file, b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines), None)
            os.fsync(file)
        finally:
            os.close(file)
        logger.error("%d lines of the spool %s are set aside in %s: they %s", len(lines), self.path, path, why)

    def remove(self) -> None:
        """Delete the file and let go of it. Raises ``OSError``."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file; another process, or this one later, may adopt it."""
        os.close(self._file)

    def _items(self, offset: int) -> Iterator[tuple[bytes, ConsentRecord | Notice | None]]:
        """Yield each line with what it holds. Bytes without a line's end make a damaged one."""
        rest = b""
        while offset < self._end or rest:
            chunk = os.pread(self._file, min(MAXIMUM_FRAME, self._end - offset), offset)
            offset += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n", decode_frame(line + b"\n")
            if rest and (len(rest) >= MAXIMUM_FRAME or not chunk or offset >= self._end):
                yield rest, None
                rest = b""
            if not chunk:
                return


def _is_spool(name: str, prefix: str) -> bool:
    """Tell ``consent.db.123-89abcdef.spool`` from those of ``consent.db.2``, whose names may begin alike."""
    return name.startswith(prefix) and name.endswith(".spool") and "." not in name[len(prefix) : -len(".spool")]


def _lock(file: int, path: Path) -> bool:
    """Lock the file, unless another has it or its name no longer leads to it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _write(file: int, data: bytes, offset: int | None) -> None:
    view = memoryview(data)
    while view:
        written = os.write(file, view) if offset is None else _pwrite(file, view, offset)
        view = view[written:]
        offset = None if offset is None else offset + written


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
