"""Reading the log: records, exports and proofs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import Notice
from cookie_consent.errors import LedgerError
from cookie_consent.ledger.filter import RecordFilter
from cookie_consent.policy import DEFAULT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import TextIO

    from sqlalchemy import Connection, Select

    from cookie_consent.consent.record import ConsentRecord
    from cookie_consent.ledger.events import LogEvent
    from cookie_consent.ledger.exports.stream import Piece
    from cookie_consent.ledger.proof.note import Signer, Verifier
    from cookie_consent.ledger.proof.verification import Verification
    from cookie_consent.ledger.store import Store
    from cookie_consent.policy import Policy

__all__ = ["LedgerReader"]

_FETCH = 1000


class LedgerReader:
    """The read-only half of ``Ledger``. All methods raise ``LedgerError`` if the store cannot be read."""

    url: str
    """The URL to which choices are written, without a password."""
    _sql: Store | None
    _key: str | Path | None

    @property
    def name(self) -> str:
        """The URL of the log that is read, without a password."""
        return self._sql.name if self._sql is not None else self.url

    @property
    def is_readable(self) -> bool:
        """Whether the log can be read; false for a ``nats://`` log without ``reads``."""
        return self._sql is not None

    @property
    def _store(self) -> Store:
        """The store to read. Raises ``LedgerError`` unless ``is_readable``."""
        if self._sql is None:
            raise LedgerError(
                f"the log {self.url} can only be read in the SQL log into which it is drained: name that with --ledger "
                "or, for a server, with CONSENT_LEDGER_READS",
                url=self.url,
            )
        return self._sql

    def signers(self) -> list[Signer]:
        """Return the keys that sign this log, if any. Raises ``ConfigurationError`` for an invalid key."""
        from cookie_consent.ledger.proof.keys import load_signers

        return load_signers(self._key)

    def checkpoint(self) -> str | None:
        """Return the latest signed checkpoint, or None before the first. Raises ``LedgerError``."""
        from cookie_consent.ledger.proof.tree_store import read_state

        with self._store.reading() as connection:
            return read_state(connection).note

    def verify(
        self,
        *,
        trusted: Sequence[Verifier] | None = None,
        given: Sequence[str] = (),
        progress: Callable[[int], object] | None = None,
        processes: int = 1,
    ) -> Verification:
        """Compare every record with what was sealed and signed.

        ``trusted`` defaults to the keys of ``signers``, then to those on record in the log. ``given`` are checkpoints
        kept elsewhere. With several ``processes`` the main module must be guarded, as for ``multiprocessing``.
        Raises ``ProofError`` if nothing is sealed, and ``LedgerError``.
        """
        from cookie_consent.ledger.proof.verify import verify_store

        if trusted is None:
            trusted = [signer.verifier for signer in self.signers()] or None
        return verify_store(
            self._store, url=self._store.name, trusted=trusted, given=given, progress=progress, processes=processes
        )

    def prove(self, name: str) -> dict[str, Any] | None:
        """Return the proof of the record or event with an id, ready for JSON, or None.

        Raises ``ProofError`` if it is not sealed or the log does not match what was sealed, and ``LedgerError``.
        """
        from cookie_consent.ledger.proof.prove import prove

        with self._store.reading() as connection:
            return prove(connection, name, url=self._store.name)

    def prove_growth(self, old: str) -> dict[str, Any]:
        """Return the proof that the log is a continuation of an older checkpoint, a signed note.

        Raises ``ProofError`` if it is not, ``NoteError`` for a checkpoint of another log, and ``LedgerError``.
        """
        from cookie_consent.ledger.proof.prove import prove_growth

        with self._store.reading() as connection:
            return prove_growth(connection, old, url=self._store.name)

    def export_sealed(self, stream: TextIO, *, progress: Callable[[int], object] | None = None) -> int:
        """Write everything that is sealed, for ``verify_export``; return the number of leaves.

        Raises ``ProofError`` if nothing is sealed, and ``LedgerError``.
        """
        from cookie_consent.ledger.proof.sealed_export import export_sealed

        return export_sealed(self._store, stream, url=self._store.name, progress=progress)

    def export(
        self,
        name: str,
        *,
        where: RecordFilter = RecordFilter(),  # noqa: B008 - it is frozen
        policy: Policy | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> Generator[Piece]:
        """Yield the records as CSV, JSON Lines, Parquet or ISO/IEC TS 27560, piece by piece, in the order of their ids.

        ``name`` is one of ``EXPORT_FORMATS``; ``iso27560`` needs the ``policy``, and with one the others
        have a column ``expires``. The export is a snapshot, read in constant memory. Raises ``ConfigurationError`` and
        ``LedgerError``.
        """
        from cookie_consent.ledger.exports.stream import export_pieces

        return export_pieces(self._store, name, where=where, policy=policy, url=self._store.name, prefix=prefix)

    def export_file(
        self,
        path: str | Path,
        name: str,
        *,
        where: RecordFilter = RecordFilter(),  # noqa: B008 - it is frozen
        policy: Policy | None = None,
        resume: bool = False,
        partition: str | None = None,
        progress: Callable[[int], object] | None = None,
        prefix: str = DEFAULT_PREFIX,
    ) -> int:
        """Write an export into a file, which gets its name once complete; return the number of records.

        See ``export_to_file`` for the arguments.
        """
        from cookie_consent.ledger.exports.to_file import export_to_file

        return export_to_file(
            self._store,
            Path(path),
            name,
            where=where,
            policy=policy,
            url=self._store.name,
            resume=resume,
            partition=partition,
            progress=progress,
            prefix=prefix,
        )

    def events(self) -> list[LogEvent]:
        """Return the events of the log itself, oldest first. Raises ``LedgerError``."""
        from cookie_consent.ledger.events import read_events

        with self._store.reading() as connection:
            return read_events(connection)

    def recorded_keys(self) -> list[str]:
        """Return the verifiers of the keys that have signed the log, oldest first. Raises ``LedgerError``."""
        from cookie_consent.ledger.events import recorded_keys

        with self._store.reading() as connection:
            return recorded_keys(connection)

    def erasure_of(self, record_id: str) -> LogEvent | None:
        """Return the event that erased a record, or None. Raises ``LedgerError``."""
        from cookie_consent.ledger.erasure import erasure_of

        with self._store.reading() as connection:
            return erasure_of(connection, record_id)

    def records(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        subject: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        where: RecordFilter = RecordFilter(),  # noqa: B008 - it is frozen
    ) -> Iterator[ConsentRecord]:
        """Yield records ordered by id, and so by time, in constant memory; ``since`` is included, ``until`` is not.

        All conditions must hold, those of ``where`` too. Raises ``LedgerError``.
        """
        from sqlalchemy import select

        from cookie_consent.ledger.schema import from_row, records

        query = where.apply(_between(select(*records.columns), since, until))
        if subject is not None:
            query = query.where(records.c.subject == subject)
        query = query.order_by(records.c.id.desc() if newest_first else records.c.id)
        if limit is not None:
            query = query.limit(limit)
        with (
            self._store.reading() as connection,
            connection.execution_options(yield_per=_FETCH).execute(query) as rows,
        ):
            for row in rows:
                yield from_row(row)

    def record(self, record_id: str) -> ConsentRecord | None:
        """Return the record with an id, or None."""
        from sqlalchemy import select

        from cookie_consent.ledger.schema import from_row, records

        row = self._one(select(records).where(records.c.id == record_id))
        return from_row(row) if row is not None else None

    def notice(self, notice_hash: str) -> Notice | None:
        """Return the notice with a hash, or None."""
        from sqlalchemy import select

        from cookie_consent.ledger.schema import notices

        row = self._one(select(notices).where(notices.c.hash == notice_hash))
        return Notice(**row._mapping) if row is not None else None  # noqa: SLF001 - a public name of SQLAlchemy

    def count(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: RecordFilter = RecordFilter(),  # noqa: B008 - it is frozen
    ) -> int:
        """Return the number of records between the two times that match ``where``."""
        from sqlalchemy import func, select

        from cookie_consent.ledger.schema import records

        row = self._one(where.apply(_between(select(func.count()).select_from(records), since, until)))
        return int(row[0]) if row is not None else 0

    def reading(self) -> AbstractContextManager[Connection]:
        """Yield a connection for reading other tables of this package. Raises ``LedgerError``."""
        return self._store.reading()

    def _one(self, query: Select[Any]) -> Any:
        with self._store.reading() as connection:
            return connection.execute(query).first()


def _between(query: Select[Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    return RecordFilter(since=since).apply(RecordFilter(until=until).apply(query))
