"""CSV and JSON Lines, formatted a page of rows at a time."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Protocol

from cookie_consent.ledger.exports.by_record import COLUMNS, FEW, LISTS
from cookie_consent.ledger.exports.columns import (
    Memo,
    cell,
    cells,
    json_list,
    json_or_null,
    list_cell,
    minute_text,
    time_texts,
)
from cookie_consent.ledger.exports.expiry import EXPIRES, Expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cookie_consent.ledger.exports.rows import Page
    from cookie_consent.policy import Policy

__all__ = ["CsvLines", "JsonLines", "LineFormat"]


class LineFormat(Protocol):
    """A UTF-8 format with a head, one line per record and a tail.

    A record's line does not depend on earlier records, so an export can be resumed after any line.
    """

    def head(self) -> bytes:
        """Return the bytes before the first record."""

    def lines(self, rows: Page) -> bytes:
        """Return the lines of records, including line ends.

        Raises ``TypeError``, ``ValueError``, ``AttributeError`` or ``OverflowError`` for a damaged row.
        """

    def tail(self) -> bytes:
        """Return the bytes after the last record."""


class CsvLines:
    """CSV (RFC 4180), identical to the output of ``export_csv``, and with a policy one column more: see ``Expiry``."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._expiry = Expiry(policy) if policy is not None else None
        self._names = COLUMNS if policy is None else (*COLUMNS, EXPIRES)
        minutes = Memo(minute_text)
        self._columns: list[Callable[[Sequence[Any]], Sequence[Any]]] = []
        for name in COLUMNS:
            if name == "at":
                self._columns.append(lambda values: time_texts(values, minutes))
            elif name in LISTS:
                self._columns.append(Memo(list_cell).column)
            elif name in FEW:
                self._columns.append(Memo(cell).column)
            else:
                self._columns.append(cells)
        if self._expiry is not None:
            self._columns.append(lambda values: ["" if value is None else _time(value, minutes) for value in values])
        self._line = ",".join(["%s"] * len(self._names)) + "\r\n"

    def head(self) -> bytes:
        """Return the header."""
        return (",".join(self._names) + "\r\n").encode()

    def lines(self, rows: Page) -> bytes:
        """Return the lines of records; see ``LineFormat``."""
        return _joined(self._line, self._columns, self._expiry.added(rows) if self._expiry is not None else rows)

    def tail(self) -> bytes:
        """Return nothing."""
        return b""


class JsonLines:
    """One JSON object per line (https://jsonlines.org), identical to the output of ``export_jsonl``.

    With a policy it has one member more: see ``Expiry``.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self._expiry = Expiry(policy) if policy is not None else None
        minutes = Memo(minute_text)
        self._columns: list[Callable[[Sequence[Any]], Sequence[Any]]] = []
        for name in COLUMNS:
            if name == "at":
                self._columns.append(lambda values: time_texts(values, minutes))
            elif name in LISTS:
                self._columns.append(Memo(json_list).column)
            elif name in FEW:
                self._columns.append(Memo(json_or_null).column)
            elif name == "previous":
                self._columns.append(lambda values: list(map(json_or_null, values)))
            else:
                self._columns.append(lambda values: list(map(encode_basestring, values)))
        pieces = [f'"{name}":"%s"' if name == "at" else f'"{name}":%s' for name in COLUMNS]
        if self._expiry is not None:
            self._columns.append(
                lambda values: ["null" if value is None else f'"{_time(value, minutes)}"' for value in values]
            )
            pieces.append(f'"{EXPIRES}":%s')
        self._line = "{" + ",".join(pieces) + "}\n"

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def lines(self, rows: Page) -> bytes:
        """Return the lines of records; see ``LineFormat``."""
        return _joined(self._line, self._columns, self._expiry.added(rows) if self._expiry is not None else rows)

    def tail(self) -> bytes:
        """Return nothing."""
        return b""


def _time(value: int, minutes: Memo) -> str:
    return time_texts((value,), minutes)[0]


def _joined(line: str, makers: Sequence[Callable[[Sequence[Any]], Sequence[Any]]], rows: Page) -> bytes:
    columns = [make(values) for make, values in zip(makers, zip(*rows, strict=True), strict=True)]
    return "".join(map(line.__mod__, zip(*columns, strict=True))).encode("utf-8")
