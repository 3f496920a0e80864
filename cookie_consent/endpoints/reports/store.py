"""The findings on disk, in two tables of the ledger's database, so that every process sees them."""

from __future__ import annotations

import threading
from datetime import date
from typing import TYPE_CHECKING, get_args

from sqlalchemy import Column, Integer, MetaData, String, Table, case, delete, func, inspect, select

from cookie_consent.endpoints.reports.finding import Finding, Kind, Observation
from cookie_consent.endpoints.reports.table import MAXIMUM_PATHS
from cookie_consent.ledger.upsert import inserter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from cookie_consent.ledger import Ledger

__all__ = ["MAXIMUM_FINDINGS", "ReportStore"]

MAXIMUM_FINDINGS = 2000
"""The most findings that are stored. Beyond that the least recent ones are deleted."""

metadata = MetaData()
_KEY = ("kind", "name", "directive", "service", "reason")
findings = Table(
    "consent_findings",
    metadata,
    *(Column(name, String(253), primary_key=True) for name in _KEY),
    Column("count", Integer, nullable=False),
    Column("first", String(10), nullable=False),  # days in UTC: nothing finer is kept
    Column("last", String(10), nullable=False),
)
pages = Table(
    "consent_finding_pages",
    metadata,
    *(Column(name, String(253), primary_key=True) for name in _KEY),
    Column("path", String(253), primary_key=True),
)


class ReportStore:
    """Saves and reads findings. Safe to use from several threads and processes.

    All methods raise ``LedgerError`` if the database cannot be used.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._made = False
        self._lock = threading.Lock()

    def save(self, new: Iterable[Finding]) -> None:
        """Add the findings to the stored ones, in one transaction."""
        with self._lock, self._ledger.writing() as connection:
            if not self._made:
                metadata.create_all(connection)
            for finding in new:
                _upsert(connection, finding)
            _evict(connection)
            self._made = True

    def read(self, *, since: date | None = None) -> list[Finding]:
        """Return the findings that were observed on or after the day ``since``, the most frequent first."""
        with self._ledger.reading() as connection:
            if not inspect(connection).has_table(findings.name):
                return []
            query = select(findings).order_by(findings.c["count"].desc(), *(findings.c[name] for name in _KEY))
            if since is not None:
                query = query.where(findings.c.last >= since.isoformat())
            seen: dict[tuple[str, ...], list[str]] = {}
            for *key, path in connection.execute(select(pages).order_by(pages.c.path)):
                seen.setdefault(tuple(key), []).append(path)
            return [_from_row(row, seen) for row in connection.execute(query) if row.kind in get_args(Kind)]

    def clear(self) -> int:
        """Delete all findings; return how many there were."""
        with self._ledger.writing() as connection:
            metadata.create_all(connection)
            connection.execute(delete(pages))
            return connection.execute(delete(findings)).rowcount


def _upsert(connection: Connection, finding: Finding) -> None:
    key = vars(finding.observation)
    row = {**key, "count": finding.count, "first": finding.first.isoformat(), "last": finding.last.isoformat()}
    insert = inserter(connection)
    added = insert(findings).values(row)
    first, last = added.excluded["first"], added.excluded["last"]
    connection.execute(
        added.on_conflict_do_update(
            index_elements=list(_KEY),
            set_={
                "count": findings.c["count"] + added.excluded["count"],
                "first": case((first < findings.c.first, first), else_=findings.c.first),
                "last": case((last > findings.c.last, last), else_=findings.c.last),
            },
        )
    )
    same = [pages.c[name] == value for name, value in key.items()]
    known = set(connection.execute(select(pages.c.path).where(*same)).scalars())
    for path in finding.paths:
        if path not in known and len(known) < MAXIMUM_PATHS:
            known.add(path)
            connection.execute(insert(pages).values({**key, "path": path}).on_conflict_do_nothing())


def _evict(connection: Connection) -> None:
    total = connection.execute(select(func.count()).select_from(findings)).scalar_one()
    if total <= MAXIMUM_FINDINGS:
        return
    oldest = select(*(findings.c[name] for name in _KEY)).order_by(findings.c.last, findings.c["count"])
    for row in connection.execute(oldest.limit(total - MAXIMUM_FINDINGS)).all():
        for table in (pages, findings):
            connection.execute(delete(table).where(*(table.c[name] == row[at] for at, name in enumerate(_KEY))))


def _from_row(row: Row[tuple[object, ...]], seen: dict[tuple[str, ...], list[str]]) -> Finding:
    key = tuple(str(value) for value in row[: len(_KEY)])
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Finding(
        observation=Observation(kind=values["kind"], name=key[1], directive=key[2], service=key[3], reason=key[4]),
        paths=tuple(seen.get(key, ())),
        count=int(values["count"]),
        first=date.fromisoformat(values["first"]),
        last=date.fromisoformat(values["last"]),
    )
