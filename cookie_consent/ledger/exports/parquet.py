"""Parquet files (https://parquet.apache.org), written by pyarrow."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.exports.by_record import COLUMNS, FEW, LISTS
from cookie_consent.ledger.exports.expiry import EXPIRES, Expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.policy import Policy

__all__ = ["ParquetFile", "guarded", "parquet_chunks", "require_pyarrow", "write_parquet"]

_GROUP = 16
"""Pages per row group: 16,384 rows, a few megabytes."""
_NULLABLE = frozenset({"previous", "notice", EXPIRES})
_TIMES = frozenset({"at", EXPIRES})


def require_pyarrow() -> tuple[Any, Any]:
    """Return the modules ``pyarrow`` and ``pyarrow.parquet``. Raises ``ConfigurationError`` if they are missing."""
    try:
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.parquet as pq
    except ImportError:
        raise ConfigurationError(
            "Parquet needs the package pyarrow; install it with: pip install 'cookie-consent[parquet]'"
        ) from None
    return pa, pq


class ParquetFile:
    """Writes rows into one Parquet file. Row groups are encoded in another thread while the next is read.

    ``sink`` is a path or a binary file. The columns are the fields of the record, and with a policy one more: see
    ``Expiry``.
    """

    def __init__(self, sink: Any, encoder: ThreadPoolExecutor, policy: Policy | None) -> None:
        self._expiry = Expiry(policy) if policy is not None else None
        self._names = COLUMNS if policy is None else (*COLUMNS, EXPIRES)
        self._pa, pq = require_pyarrow()
        pa = self._pa
        text, few, many = pa.string(), pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.string())
        types = {name: many if name in LISTS else few if name in FEW else text for name in self._names}
        types |= {name: pa.timestamp("us", tz="UTC") for name in self._names if name in _TIMES}
        self._schema = pa.schema([pa.field(name, kind, nullable=name in _NULLABLE) for name, kind in types.items()])
        dictionaries = [*sorted(FEW), "url", *(f"{name}.list.element" for name in sorted(LISTS))]
        self._pool = pa.system_memory_pool()  # other pools keep some ten megabytes more
        self._writer = pq.ParquetWriter(
            sink, self._schema, compression="zstd", use_dictionary=dictionaries, memory_pool=self._pool
        )
        self._encoder = encoder
        self._encoding: Future[None] | None = None
        self._begin()

    def add(self, rows: Page) -> None:
        """Add rows. Raises ``TypeError`` or pyarrow's errors for values of a wrong type, and errors of the file."""
        pa = self._pa
        rows = self._expiry.added(rows) if self._expiry is not None else rows
        for name, values in zip(self._names, zip(*rows, strict=True), strict=True):
            array = pa.array(values, memory_pool=self._pool)  # with an explicit type pyarrow would accept bytes as text
            wanted = pa.int64() if name in _TIMES else pa.string()
            if array.type != wanted:
                if array.type != pa.null() or name not in _NULLABLE:
                    raise TypeError(f"{name} is of type {array.type}")
                array = array.cast(wanted)
            self._arrays[name].append(array)
        self._pages += 1
        if self._pages >= _GROUP:
            self.flush()

    def flush(self) -> None:
        """Start encoding the added rows, once the previous row group is written."""
        self._wait()
        if self._pages:
            self._encoding = self._encoder.submit(self._write, self._arrays)
            self._begin()

    def close(self) -> None:
        """Write the remaining rows and finish the file."""
        self.flush()
        self._wait()
        self._writer.close()

    def _begin(self) -> None:
        self._pages = 0
        self._arrays: dict[str, list[Any]] = {name: [] for name in self._names}

    def _wait(self) -> None:
        if self._encoding is not None:
            encoding, self._encoding = self._encoding, None
            encoding.result()

    def _write(self, arrays: dict[str, list[Any]]) -> None:
        """Write a row group. Columns with few different values are dictionary-encoded."""
        pa, compute = self._pa, self._pa.compute
        columns = []
        for field in self._schema:
            column = pa.concat_arrays(arrays.pop(field.name), memory_pool=self._pool)
            if field.name in _TIMES:
                column = column.cast(field.type)
            elif field.name in FEW:
                column = compute.dictionary_encode(column, memory_pool=self._pool)
            elif field.name in LISTS:
                codes = compute.dictionary_encode(column, memory_pool=self._pool)
                lists = [value.split() for value in codes.dictionary.to_pylist()]
                column = compute.take(pa.array(lists, field.type), codes.indices, memory_pool=self._pool)
            columns.append(column)
        table = pa.Table.from_arrays(columns, schema=self._schema)
        self._writer.write_table(table, row_group_size=table.num_rows)


class _Sink:
    """A file whose content is taken out as it is written."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        """Buffer bytes until ``take``."""
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        count = len(self._parts)  # the encoder's thread may write meanwhile
        data = b"".join(islice(self._parts, count))
        del self._parts[:count]
        return data

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._size

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
        self.closed = True


def write_parquet(
    pages: Iterable[Page], path: str, *, policy: Policy | None, url: str, progress: Callable[[int], object]
) -> int:
    """Write one file; return the number of records.

    Raises ``ConfigurationError`` without pyarrow, ``LedgerError`` for a damaged record, and ``OSError``.
    """
    count = 0
    with ThreadPoolExecutor(1) as encoder:
        file = ParquetFile(path, encoder, policy)  # by its path: pyarrow's own file needs no interpreter lock
        for rows in pages:
            guarded(file.add, rows, url)
            count += len(rows)
            progress(len(rows))
        file.close()
    return count


def parquet_chunks(
    pages: Iterable[Page], *, policy: Policy | None, url: str
) -> Iterator[tuple[bytes, int, str | None]]:
    """Yield the bytes of one file, each with the number of records read since, and the last one's id.

    Raises ``ConfigurationError`` without pyarrow, and ``LedgerError`` for a damaged record.
    """
    sink = _Sink()
    with ThreadPoolExecutor(1) as encoder:
        file = ParquetFile(sink, encoder, policy)
        for rows in pages:
            guarded(file.add, rows, url)
            yield sink.take(), len(rows), rows[-1][0]
        file.close()
        yield sink.take(), 0, None


def guarded(add: Callable[[Page], None], rows: Page, url: str) -> None:
    """Call ``add(rows)``. Raises ``LedgerError`` that names the rows if one is damaged."""
    try:
        add(rows)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:  # pyarrow's errors are subclasses of these
        raise LedgerError(
            f"a record from {rows[0][0]!r} to {rows[-1][0]!r} cannot be exported, as it is damaged ({error}); "
            "see which with `cookie-consent log verify`",
            url=url,
        ) from None
