"""Export into a file, which gets its name once complete and can be resumed after an interruption.

Line formats are written to ``FILE.part``. Beside it, ``FILE.part.json`` notes the options and up to which record the
part is on disk. An export is only resumed if the result is, byte for byte, what a new export would write now.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output, give_name, open_stream, unwritable
from cookie_consent.ledger.exports.parquet import require_pyarrow, write_parquet
from cookie_consent.ledger.exports.part_note import ANEW, PartNote, PartState, take
from cookie_consent.ledger.exports.partitions import write_months
from cookie_consent.ledger.exports.rows import paged, records_query
from cookie_consent.ledger.exports.stream import export_kind, export_pieces, line_format, line_pieces
from cookie_consent.ledger.proof.tree_store import amendments
from cookie_consent.policy import DEFAULT_PREFIX
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.ledger.exports.stream import Piece
    from cookie_consent.ledger.filter import RecordFilter
    from cookie_consent.ledger.store import Store
    from cookie_consent.policy import Policy

__all__ = ["export_to_file"]

_BETWEEN_NOTES = 1.0


def export_to_file(
    store: Store,
    path: Path,
    name: str,
    *,
    where: RecordFilter,
    policy: Policy | None,
    url: str,
    resume: bool = False,
    partition: str | None = None,
    progress: Callable[[int], object] | None = None,
    prefix: str = DEFAULT_PREFIX,
) -> int:
    """Write an export into a file, or with ``partition="month"`` into a folder; return the number of records.

    ``resume`` continues an unfinished export if there is one. ``progress`` is called with the number of records of each
    piece, and of the part that was there. Raises ``ConfigurationError`` if it cannot be written or resumed,
    ``BrokenPipeError`` if a pipe has no reader, and ``LedgerError``.
    """
    kind = export_kind(name)
    told = progress or (lambda _count: None)
    if partition is not None and (partition != "month" or kind.by_lines):
        raise ConfigurationError(
            "only Parquet can be partitioned, and only by month: --format parquet --partition month"
        )
    if resume and not kind.by_lines and partition is None:
        raise ConfigurationError(
            f"a single {name} file cannot be resumed; {ANEW}, or use --partition month, csv or jsonl"
        )
    asked = {
        "format": name,
        "log": url,
        "filter": where.as_dict(),
        "policy": _digest(name, policy),
        "release": __version__,
    }
    if name == "iso27560":
        asked["prefix"] = prefix
    try:
        if partition is not None:
            folder = path.resolve() if path.is_symlink() else path
            return write_months(store, folder, asked, where=where, policy=policy, resume=resume, progress=told)
        output = find_output(path)
        if output.is_stream:
            if resume:
                raise ConfigurationError(f"{path} is a device or pipe, which cannot be resumed; {ANEW}")
            pieces = export_pieces(store, name, where=where, policy=policy, url=url, prefix=prefix)
            return _write_into(open_stream(output), pieces, told)
        if kind.by_lines:
            return _Part(output.path, asked).write(store, where=where, policy=policy, resume=resume, progress=told)
        with store.reading() as connection, closing(paged(store, connection, records_query(where))) as pages:
            return _write_whole(pages, output.path, policy, url, told)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from None


class _Part:
    """An unfinished file and its note. It can be resumed if the note has the same options, ``asked``."""

    def __init__(self, path: Path, asked: dict[str, Any]) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._note = PartNote(self._part, asked)
        self._asked = asked

    def write(
        self,
        store: Store,
        *,
        where: RecordFilter,
        policy: Policy | None,
        resume: bool,
        progress: Callable[[int], object],
    ) -> int:
        url = self._asked["log"]
        with store.reading() as connection:
            lines = line_format(self._asked["format"], connection, policy, self._asked.get("prefix", DEFAULT_PREFIX))
            with self._opened() as file:
                now = amendments(connection)
                state = self._note.found() if resume else None
                if state is None:
                    state = PartState(amendments=now)
                    self._note.remove()
                    os.ftruncate(file, 0)
                    self._append(file, lines.head(), state)
                else:
                    if os.fstat(file).st_size < state.size:
                        raise ConfigurationError(f"{self._part} is shorter than it was; {ANEW}")
                    self._note.check(connection, where, state, now)
                    os.ftruncate(file, state.size)
                    os.lseek(file, state.size, os.SEEK_SET)
                    progress(state.records)
                rest = line_pieces(store, connection, lines, where=where, after=state.last, url=url)
                with closing(rest) as pieces:
                    self._write_pieces(file, pieces, state, progress)
                self._append(file, lines.tail(), state)
                os.fsync(file)
        give_name(self._part, self._path)
        self._note.remove()
        return state.records

    def _write_pieces(
        self, file: int, pieces: Iterator[Piece], state: PartState, progress: Callable[[int], object]
    ) -> None:
        """Write the pieces, and note the progress now and then. After an error the part can be resumed."""
        due = time.monotonic() + _BETWEEN_NOTES
        try:
            for piece in pieces:
                self._append(file, piece.data, state)
                state.records += piece.records
                state.last = piece.last
                progress(piece.records)
                if time.monotonic() >= due:
                    self._save(file, state)
                    due = time.monotonic() + _BETWEEN_NOTES
        except BaseException:
            self._leave(file, state)
            raise

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Yield the part, open and locked against other exports."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        file = os.open(self._part, flags | getattr(os, "O_BINARY", 0), 0o600)
        try:
            take(self._part, file)
            yield file
        finally:
            os.close(file)

    def _append(self, file: int, data: bytes, state: PartState) -> None:
        view = memoryview(data)
        while view:
            written = os.write(file, view)
            view = view[written:]
        state.size += len(data)

    def _save(self, file: int, state: PartState) -> None:
        """Sync the part to the disk, then save the note."""
        os.fsync(file)
        self._note.save(state)

    def _leave(self, file: int, state: PartState) -> None:
        """Keep the part for a later resume, or remove it if it has no records."""
        if state.records:
            with suppress(OSError):  # the first error is raised already
                self._save(file, state)
            return
        with suppress(OSError):
            self._part.unlink()
        with suppress(OSError):
            self._note.remove()


def _write_whole(
    pages: Iterator[Page], path: Path, policy: Policy | None, url: str, progress: Callable[[int], object]
) -> int:
    """Write Parquet, which cannot be resumed, to a temporary file that is then renamed."""
    require_pyarrow()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        count = write_parquet(pages, str(temporary), policy=policy, url=url, progress=progress)
        give_name(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return count


def _write_into(file: int, pieces: Generator[Piece], progress: Callable[[int], object]) -> int:
    """Write the pieces to an open device or pipe and close it; return the number of records."""
    count = 0
    with closing(pieces), open(file, "wb", buffering=0) as stream:
        for piece in pieces:
            view = memoryview(piece.data)
            while view:
                view = view[stream.write(view) or 0 :]
            count += piece.records
            progress(piece.records)
    return count


def _digest(name: str, policy: Policy | None) -> str | None:
    """Return a digest of what the format uses of the policy."""
    if policy is None:
        return None
    if name != "iso27560":
        return str(policy.cookie.max_age)
    return hashlib.sha256(policy.model_dump_json().encode("utf-8")).hexdigest()
