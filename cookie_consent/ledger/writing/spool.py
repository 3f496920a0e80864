"""The spool, where choices wait on disk while the store is unavailable: one file per process."""

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
"""The maximum size of a file in bytes; a full spool refuses choices."""
_NOTICE_EVERY = 256 * 1024  # bytes between copies of a notice, so that one damaged copy loses no choice
_DAMAGED = "are damaged; the last line of a process that was killed holds choices that were not acknowledged yet"
_sync = getattr(os, "fdatasync", os.fsync)
_pwrite: Any = getattr(os, "pwrite", None)  # missing on Windows, which has no spool


@dataclass(frozen=True, kw_only=True)
class WaitingSpool:
    """A spool that is not replayed yet, and the number of readable choices in it."""

    path: Path
    choices: int


class SpoolFolder:
    """The spools of one database, beside it or in a folder, which several databases can share."""

    def __init__(self, database: Path, folder: Path | None = None) -> None:
        name = database.name
        if folder is not None:  # databases in other folders may have the same name
            name += "." + blake2b(os.fsencode(database), digest_size=4).hexdigest()
        self.folder = folder if folder is not None else database.absolute().parent
        self._prefix = name + "."

    def create(self) -> Spool:
        """Create a spool for this process. Raises ``OSError``."""
        if fcntl is None:
            raise OSError("there is no spool on this system, which has no flock")
        while True:
            path = self.folder / f"{self._prefix}{os.getpid()}-{secrets.token_hex(4)}.spool"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if _lock(file, path):  # else another process took the empty file for that of an ended one
                _sync_folder(self.folder)
                return Spool(file, path, end=0)
            os.close(file)

    def adopt(self) -> list[Spool]:
        """Take over the spools of processes that have ended, oldest first."""
        found = []
        for path in self._paths() if fcntl is not None else ():
            try:
                file = os.open(path, os.O_RDWR)
            except OSError:  # already removed, or not readable for us
                continue
            try:
                if _lock(file, path):
                    found.append(Spool(file, path, end=os.fstat(file).st_size))
                    continue
            except OSError as error:
                logger.error("the spool %s cannot be read: %s", path, error)  # noqa: TRY400 - the message is enough
            os.close(file)
        return found

    def waiting(self) -> list[WaitingSpool]:
        """Return the spools that hold choices, without changing them."""
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
    """A spool file, locked while it is open. Entries are appended at its end and replayed from its head."""

    def __init__(self, file: int, path: Path, *, end: int) -> None:
        self.path = path
        self._file = file
        self._end = end
        self._head = 0
        self._judged = 0  # damaged lines before this offset are set aside already
        self._noted: dict[str, int] = {}
        self._notices = {item.hash: item for _, item in self._items(0) if isinstance(item, Notice)}

    @property
    def is_empty(self) -> bool:
        """Whether everything written has been replayed."""
        return self._head >= self._end

    def append(self, entries: Sequence[Entry]) -> None:
        """Append all entries or none, durable on return. Raises ``OSError``, or ``ValueError`` for an invalid one."""
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
        """Return up to ``limit`` entries from the head, and the offset after them, for ``advance``.

        Damaged lines are set aside in a file beside the spool. Raises ``OSError``.
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
        """Mark everything before ``offset`` as replayed."""
        self._head = offset

    def set_aside(self, lines: Sequence[bytes], why: str) -> None:
        """Keep lines that cannot be replayed in a separate file, for people to look at. Raises ``OSError``."""
        path = self.path.with_suffix(".aside")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write(file, b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines), None)
            os.fsync(file)
        finally:
            os.close(file)
        logger.error("%d lines of the spool %s are set aside in %s: they %s", len(lines), self.path, path, why)

    def remove(self) -> None:
        """Delete and close the file. Raises ``OSError``."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file. Another process, or this one later, can adopt it."""
        os.close(self._file)

    def _items(self, offset: int) -> Iterator[tuple[bytes, ConsentRecord | Notice | None]]:
        """Yield each line with its item. A line without an end is damaged."""
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
    """Return whether a file is a spool of this database, not of ``consent.db.2``, whose spools share the prefix."""
    return name.startswith(prefix) and name.endswith(".spool") and "." not in name[len(prefix) : -len(".spool")]


def _lock(file: int, path: Path) -> bool:
    """Lock the file. Returns false if another process has the lock, or the path now leads to another file."""
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
