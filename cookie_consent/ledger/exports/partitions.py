"""Parquet by month: a folder that DuckDB and pyarrow read as one table (Hive's layout, ``year=2026/month=11``).

It is written to ``FOLDER.part``, with a note beside it. Now and then all files are completed and listed in the note, so
that an interrupted export can be resumed after them with further files.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.exports.parquet import ParquetFile, guarded, require_pyarrow
from cookie_consent.ledger.exports.part_note import ANEW, PartNote, PartState, take
from cookie_consent.ledger.exports.rows import paged, records_query
from cookie_consent.ledger.proof.tree_store import amendments
from cookie_consent.ledger.schema import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.ledger.filter import RecordFilter
    from cookie_consent.ledger.store import Store
    from cookie_consent.policy import Policy

__all__ = ["write_months"]

_OPEN = 4
"""How many months are open at once. A month that is reopened later gets another file."""
_BETWEEN_NOTES = 1024 * 1024
"""Records after which all files are closed and noted."""
_DAY = 86_400_000_000


def write_months(
    store: Store,
    folder: Path,
    asked: dict[str, Any],
    *,
    where: RecordFilter,
    policy: Policy | None,
    resume: bool,
    progress: Callable[[int], object],
) -> int:
    """Write files ``year=YYYY/month=MM/part-N.parquet`` into a new folder; return the number of records.

    The folder gets its name once complete. ``resume`` continues an export with the same options, ``asked``. Raises
    ``ConfigurationError`` if the folder exists or another export was started, ``LedgerError`` for a damaged record,
    and ``OSError``.
    """
    require_pyarrow()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} already exists; name a new folder, or remove it")
    part = folder.with_name(folder.name + ".part")
    note = PartNote(part, asked)
    with _taken(part):
        try:
            with store.reading() as connection:
                state = _begin(part, note, connection, where, resume=resume)
                progress(state.records)
                with closing(paged(store, connection, records_query(where, state.last))) as pages:
                    _write(pages, part, note, state, policy=policy, url=asked["log"], progress=progress)
        except BaseException:
            if not note.is_there:
                shutil.rmtree(part, ignore_errors=True)
            raise
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o777 & ~umask)
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    note.remove()
    return state.records


@contextmanager
def _taken(part: Path) -> Iterator[None]:
    """Create the part's folder if needed, and lock it against other exports."""
    part.mkdir(mode=0o700, exist_ok=True)
    if not hasattr(os, "O_DIRECTORY"):  # Windows, which opens no folders
        yield
        return
    file = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        take(part, file)
        yield
    finally:
        os.close(file)


def _begin(part: Path, note: PartNote, connection: Connection, where: RecordFilter, *, resume: bool) -> PartState:
    """Return where to start, and remove files that are not in the note."""
    now = amendments(connection)
    state = note.found() if resume else None
    if state is None:
        note.remove()
        state = PartState(amendments=now)
    else:
        note.check(connection, where, state, now)
    kept = {part / name for name in state.files}
    if not all(path.is_file() for path in kept):
        raise ConfigurationError(f"{part} has lost files; {ANEW}")
    for path in part.rglob("*"):
        if path not in kept and not path.is_dir():
            path.unlink()
    return state


def _write(
    pages: Iterator[Page],
    part: Path,
    note: PartNote,
    state: PartState,
    *,
    policy: Policy | None,
    url: str,
    progress: Callable[[int], object],
) -> None:
    noted = state.records
    with ThreadPoolExecutor(1) as encoder:
        months = _Months(part, encoder, state.files, policy)
        for rows in pages:
            months.add(rows, url)
            state.records += len(rows)
            state.last = rows[-1][0]
            progress(len(rows))
            if state.records - noted >= _BETWEEN_NOTES:
                noted = state.records
                state.files = months.close()
                note.save(state)
        months.close()


class _Months:
    """The files being written, at most ``_OPEN`` at once. ``there`` are those already complete."""

    def __init__(self, folder: Path, encoder: ThreadPoolExecutor, there: list[str], policy: Policy | None) -> None:
        self._folder = folder
        self._policy = policy
        self._encoder = encoder
        self._open: dict[str, tuple[ParquetFile, str]] = {}
        self._whole = list(there)
        self._parts: dict[str, int] = {}
        for name in there:
            month = name.rpartition("/")[0]
            self._parts[month] = self._parts.get(month, 0) + 1

    def add(self, rows: Page, url: str) -> None:
        """Add rows of any months."""
        by_month: dict[str, Page] = {}
        try:
            for row in rows:
                by_month.setdefault(_month(row[2] // _DAY), []).append(row)
        except (TypeError, OverflowError) as error:
            raise LedgerError(
                f"a record from {rows[0][0]!r} to {rows[-1][0]!r} has no time, as it is damaged ({error}); "
                "see which with `cookie-consent log verify`",
                url=url,
            ) from None
        for month, some in by_month.items():
            guarded(self._file(month).add, some, url)

    def close(self) -> list[str]:
        """Close all files; return the names of all complete files, which are on disk."""
        while self._open:
            self._close(next(iter(self._open)))
        return list(self._whole)

    def _file(self, month: str) -> ParquetFile:
        found = self._open.pop(month, None)
        if found is None:
            if len(self._open) >= _OPEN:
                self._close(next(iter(self._open)))  # the least recently used
            number = self._parts[month] = self._parts.get(month, 0) + 1
            name = f"{month}/part-{number - 1}.parquet"
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            found = ParquetFile(str(path), self._encoder, self._policy), name
        self._open[month] = found
        return found[0]

    def _close(self, month: str) -> None:
        file, name = self._open.pop(month)
        file.close()
        with (self._folder / name).open("rb") as stream:
            os.fsync(stream.fileno())
        self._whole.append(name)


@lru_cache(maxsize=1024)
def _month(day: int) -> str:
    at = moment(day * _DAY)
    return f"year={at.year:04}/month={at.month:02}"
