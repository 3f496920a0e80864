"""Parquet by month: a folder that DuckDB and pyarrow read as one table (Hive's layout, ``year=2026/month=11``)."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.exports.parquet import ParquetFile, guarded, require_pyarrow
from cookie_consent.ledger.schema import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cookie_consent.ledger.exports.rows import Page

__all__ = ["write_months"]

_OPEN = 4
"""How many months are written at once. One that is come back to later gets a further file."""
_DAY = 86_400_000_000


def write_months(pages: Iterable[Page], folder: Path, *, url: str, progress: Callable[[int], object]) -> int:
    """Write files ``year=YYYY/month=MM/part-N.parquet`` into a new folder; return the number of records.

    The folder has its name only when it is whole. Raises ``ConfigurationError`` if it is there already,
    ``LedgerError`` for a damaged record, and ``OSError``.
    """
    require_pyarrow()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} is there already; name a new folder, or remove it")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.{os.urandom(4).hex()}")
    temporary.mkdir(mode=0o700)
    count = 0
    try:
        with ThreadPoolExecutor(1) as encoder, _Months(temporary, encoder) as months:
            for rows in pages:
                months.add(rows, url)
                count += len(rows)
                progress(len(rows))
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        if folder.is_dir():
            folder.rmdir()
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return count


class _Months:
    """The files that are being written, at most ``_OPEN`` at once."""

    def __init__(self, folder: Path, encoder: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._encoder = encoder
        self._open: dict[str, ParquetFile] = {}
        self._parts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._close(next(iter(self._open)))

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

    def _file(self, month: str) -> ParquetFile:
        file = self._open.pop(month, None)
        if file is None:
            if len(self._open) >= _OPEN:
                self._close(next(iter(self._open)))  # the one that was not used for the longest time
            number = self._parts[month] = self._parts.get(month, -1) + 1
            path = self._folder / month
            path.mkdir(parents=True, exist_ok=True)
            file = ParquetFile(str(path / f"part-{number}.parquet"), self._encoder)
        self._open[month] = file
        return file

    def _close(self, month: str) -> None:
        self._open.pop(month).close()


@lru_cache(maxsize=1024)
def _month(day: int) -> str:
    at = moment(day * _DAY)
    return f"year={at.year:04}/month={at.month:02}"
