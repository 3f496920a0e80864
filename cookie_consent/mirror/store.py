"""Where fetched files are kept: in a folder that several processes share, or in memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cookie_consent.forks import reset_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["USED_FOR", "Entry", "FolderStore", "MemoryStore", "Store", "make_store"]

logger = logging.getLogger("cookie_consent")

_LARGEST_FOLDER = 512 * 1024 * 1024
_LARGEST_MEMORY = 64 * 1024 * 1024
_BLOCK = 4096
"""What files take on a disk is a multiple of it."""
_OVERHEAD = 1024
"""What an entry takes in memory beside its body, in bytes."""
_MOST_PINS = 50_000
_PINS_AT_A_TIME = 1000
"""How many pins a process writes before it counts them again, and the fewest that go when there are too many."""
_LONGEST_HEAD = 32_768
USED_FOR = 3600.0
"""After how many seconds a file that is read counts as used again."""
_MOST_UNCOUNTED = 1 / 16
"""Which part of its limit a process writes before it looks again at what others have written to the folder."""
_LEFT_BEHIND = 3600.0
"""The age in seconds at which an unfinished file is one that nobody writes to any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stored file, or where its host redirects to."""

    upstream: str
    """The address that it was asked for under."""
    media_type: str
    digest: str
    """The SHA-256 of the body, in hexadecimal."""
    fetched_at: float
    fresh_until: float | None
    """Both are in seconds since 1970, UTC; None for what never changes."""
    location: str = ""
    """The path below the mirror's to which to redirect, in the place of a body."""
    body: bytes = b""

    def is_fresh(self, now: float) -> bool:
        """Say whether it need not be fetched again."""
        return self.fresh_until is None or now < self.fresh_until


class Store(Protocol):
    """Keeps entries by the address of their upstream. Safe to use from several threads; may read and write files."""

    def get(self, upstream: str) -> Entry | None:
        """Return what is kept under an address, or None."""

    def touch(self, upstream: str) -> None:
        """Count an entry as used, as ``get`` does; nothing if there is none."""

    def put(self, entry: Entry) -> None:
        """Keep an entry. Raises ``OSError`` if it cannot be written."""

    def pin(self, upstream: str, digest: str) -> str:
        """Return the digest that the address had when it was first seen, which is ``digest`` if this is the first time.

        Pins outlive the entries. Raises ``OSError`` if it cannot be written.
        """

    def entries(self) -> Iterator[Entry]:
        """Yield all entries."""

    def clear(self) -> int:
        """Forget all entries and pins; return how many entries there were."""


class MemoryStore:
    """Keeps entries in this process, for servers that cannot write to disk."""

    def __init__(self, *, size: int = _LARGEST_MEMORY) -> None:
        self._limit = size
        self._size = 0
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._pins: dict[str, str] = {}

    def get(self, upstream: str) -> Entry | None:
        """Return what is kept under an address, or None."""
        with self._lock:
            found = self._entries.pop(upstream, None)
            if found is not None:
                self._entries[upstream] = found  # what was used last stands last
            return found

    def touch(self, upstream: str) -> None:
        """Count an entry as used."""
        self.get(upstream)

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        with self._lock:
            former = self._entries.pop(entry.upstream, None)
            self._entries[entry.upstream] = entry
            self._size += _cost(entry) - (_cost(former) if former is not None else 0)
            while self._size > self._limit:
                self._size -= _cost(self._entries.pop(next(iter(self._entries))))

    def pin(self, upstream: str, digest: str) -> str:
        """Return the digest that the address had when it was first seen."""
        with self._lock:
            found = self._pins.setdefault(upstream, digest)
            if len(self._pins) > _MOST_PINS:
                del self._pins[next(iter(self._pins))]
            return found

    def entries(self) -> Iterator[Entry]:
        """Yield all entries."""
        yield from list(self._entries.values())

    def clear(self) -> int:
        """Forget all entries and pins."""
        with self._lock:
            count, self._size = len(self._entries), 0
            self._entries.clear()
            self._pins.clear()
            return count


class FolderStore:
    """Keeps entries in the files of a folder, each written whole or not at all.

    No part of an address becomes part of a path: files are named by hashes. What has been altered on disk is not
    served. Raises ``OSError`` if the folder cannot be written, if others may write to it, or if it is a link.
    """

    # A file is one line of JSON and the body. Its time of modification is that of its last use. The folder is looked
    # through before the first file is written; from then on a running total says when that is due again.

    def __init__(self, folder: Path, *, size: int = _LARGEST_FOLDER) -> None:
        self._folder = folder
        self._pins = folder / "pins"
        self._limit = size
        self._size = size + 1
        """What the files take, as far as this process knows: at first more than the limit, so that they are counted."""
        self._uncounted = 0
        """What it has written since it has counted them."""
        self._uncounted_pins = 0
        self._lock = threading.Lock()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # whatever is there is looked at
            folder.mkdir(mode=0o700)
        _check_owner(folder)
        self._pins.mkdir(mode=0o700, exist_ok=True)
        self._write(folder / "writable", b"")
        reset_after_fork(self)

    def after_fork(self) -> None:
        """Start over with the lock, which a thread of the process that was forked may hold."""
        self._lock = threading.Lock()

    def get(self, upstream: str) -> Entry | None:
        """Return what is kept under an address, or None."""
        path = self._folder / _name(upstream)
        entry = self._read(path)
        if entry is None or entry.upstream != upstream:
            return None
        self.touch(upstream)
        return entry

    def touch(self, upstream: str) -> None:
        """Count an entry as used."""
        path = self._folder / _name(upstream)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - USED_FOR:
                os.utime(path)

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        head = asdict(entry)
        del head["body"]
        content = json.dumps(head).encode("ascii") + b"\n" + entry.body
        path = self._folder / _name(entry.upstream)
        with self._lock:
            former = _size_of(path)
            self._write(path, content)
            written = _on_disk(len(content))
            self._size += written - former
            self._uncounted += written
            if self._size > self._limit or self._uncounted > self._limit * _MOST_UNCOUNTED:
                self._make_room()

    def pin(self, upstream: str, digest: str) -> str:
        """Return the digest that the address had when it was first seen."""
        path = self._pins / _name(upstream)
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                pinned = path.read_bytes().decode("latin-1")
                if len(pinned) == len(digest):
                    return pinned
                path.unlink()  # the machine went down before it was on the disk
            self._write(path, digest.encode("ascii"), keep=True)
            self._drop_pins()
        return digest

    def entries(self) -> Iterator[Entry]:
        """Yield all entries."""
        for path in sorted(self._folder.iterdir()):
            entry = self._read(path) if len(path.name) == 64 else None
            if entry is not None:
                yield entry

    def clear(self) -> int:
        """Forget all entries and pins."""
        paths = [path for path in self._folder.iterdir() if len(path.name) == 64]
        for path in (*paths, *self._pins.iterdir()):
            path.unlink(missing_ok=True)
        return len(paths)

    def _read(self, path: Path) -> Entry | None:
        try:
            content = path.read_bytes()
            head, _, body = content.partition(b"\n")
            entry = Entry(**json.loads(head[:_LONGEST_HEAD]), body=body)
            is_whole = hashlib.sha256(body).hexdigest() == entry.digest
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            is_whole = False
        if not is_whole:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return entry

    def _write(self, path: Path, content: bytes, *, keep: bool = False) -> None:
        """Write a file whole or not at all; with ``keep``, one that is there already stays."""
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            if keep:
                try:
                    os.link(name, path)
                except FileExistsError:
                    pass
                except OSError:  # a file system without hard links
                    with contextlib.suppress(FileExistsError), path.open("xb") as file:
                        file.write(content)
            else:
                os.replace(name, path)  # noqa: PTH105 - the name is a string
        finally:
            Path(name).unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Count what is there; if it is too much, delete what was not used for longest, down to nine tenths."""
        files = []
        with os.scandir(self._folder) as found:
            for item in found:
                with contextlib.suppress(OSError):
                    state = item.stat(follow_symlinks=False)
                    if item.name.endswith(".tmp") and state.st_mtime < time.time() - _LEFT_BEHIND:
                        Path(item.path).unlink(missing_ok=True)
                    elif len(item.name) == 64:
                        files.append((state.st_mtime, _on_disk(state.st_size), item.path))
        size = sum(file[1] for file in files)
        if size > self._limit:
            for _, length, path in sorted(files):
                if size <= self._limit * 9 // 10:
                    break
                with contextlib.suppress(OSError):
                    Path(path).unlink(missing_ok=True)  # another process may have deleted it
                    size -= length
        self._size, self._uncounted = size, 0

    def _drop_pins(self) -> None:
        with self._lock:
            self._uncounted_pins -= 1
            if self._uncounted_pins > 0:
                return
            self._uncounted_pins = _PINS_AT_A_TIME
        names = os.listdir(self._pins)  # noqa: PTH208 - fifty thousand names, not paths
        if len(names) <= _MOST_PINS:
            return
        found = []
        for name in names:
            with contextlib.suppress(OSError):  # another process may have deleted it
                found.append(((self._pins / name).stat().st_mtime, name))
        for _, name in sorted(found)[: max(_PINS_AT_A_TIME, len(found) - _MOST_PINS)]:
            (self._pins / name).unlink(missing_ok=True)


def _check_owner(folder: Path) -> None:
    """Raise ``OSError`` unless this is a folder itself, and nobody else may write to it."""
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise OSError(0, "it is a symbolic link", str(folder))
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, "it is no folder", str(folder))
    if os.name == "posix":
        if found.st_uid not in {os.geteuid(), 0}:
            raise PermissionError(0, "it belongs to another user", str(folder))
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(0, "others may write to it", str(folder))


def _on_disk(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK


def _size_of(path: Path) -> int:
    try:
        return _on_disk(path.stat().st_size)
    except OSError:
        return 0


def _cost(entry: Entry) -> int:
    return len(entry.body) + _OVERHEAD


def make_store() -> Store:
    """Return the store in the folder ``CONSENT_MIRROR``, else in the user's cache folder, else one in memory."""
    named = os.environ.get("CONSENT_MIRROR")
    try:
        return FolderStore(Path(named) if named else _cache_folder() / "cookie_consent" / "mirror")
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        logger.warning(
            "the mirror of public libraries keeps its files in memory, since its folder cannot be used (%s); "
            "let CONSENT_MIRROR name a folder that only this server can write to",
            error,
        )
        return MemoryStore()


def _cache_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _name(upstream: str) -> str:
    return hashlib.sha256(upstream.encode("utf-8", "surrogatepass")).hexdigest()
