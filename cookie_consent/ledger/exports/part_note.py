"""The note beside an unfinished export: its options, and how far it has come on disk."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.schema import records

try:
    import fcntl
except ImportError:  # Windows, where nothing prevents two exports to the same file
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from cookie_consent.ledger.filter import RecordFilter

__all__ = ["ANEW", "PartNote", "PartState", "take"]

ANEW = "start over without --resume"
_LONGEST_NOTE = 1024 * 1024
_VERSION = 1


@dataclass(kw_only=True)
class PartState:
    """The progress of an unfinished export."""

    size: int = 0
    """Valid bytes of the file; what follows was not completely written."""
    files: list[str] = field(default_factory=list)
    """Valid files of the folder."""
    records: int = 0
    last: str | None = None
    """The id of the last record."""
    amendments: int = 0
    """Erasures and prunings in the log when the export was started."""


_KINDS = (("size", int), ("files", list), ("records", int), ("amendments", int), ("last", str | None))


class PartNote:
    """The note of the unfinished export ``part``, which can be resumed with the same options, ``asked``.

    Methods raise ``ConfigurationError`` if the resumed export would differ from a new one, and ``OSError``.
    """

    def __init__(self, part: Path, asked: dict[str, Any]) -> None:
        self._part = part
        self._path = part.with_name(part.name + ".json")
        self._asked = asked

    @property
    def is_there(self) -> bool:
        """Whether the note exists."""
        return self._path.exists()

    def found(self) -> PartState | None:
        """Return the progress in the note, or None if there is no note."""
        try:
            with self._path.open("rb") as stream:
                note = json.loads(stream.read(_LONGEST_NOTE))
            state = PartState(**{name: note[name] for name, _ in _KINDS})
            asked = note["asked"]
            wrong = [name for name, kind in _KINDS if not isinstance(getattr(state, name), kind)]
            wrong += [name for name in state.files if not isinstance(name, str)]
            if note["version"] != _VERSION or wrong or state.size < 0:
                raise ValueError("its fields are wrong")  # noqa: TRY301 - handled like invalid JSON
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ConfigurationError(f"{self._path} is not the note of an export; {ANEW}") from None
        for name, value in self._asked.items():
            if asked.get(name) != value:
                raise ConfigurationError(
                    f"{self._part} was started with another {name} ({asked.get(name)!r}, now {value!r}); "
                    f"give the same options again, or {ANEW}"
                )
        return state

    def check(self, connection: Connection, where: RecordFilter, state: PartState, amendments: int) -> None:
        """Check that a new export would still begin with the same content."""
        if amendments != state.amendments:
            raise ConfigurationError(
                f"{self._part} may hold records that have been erased or pruned since it was started; {ANEW}"
            )
        if state.last is None:
            return
        query = where.apply(select(func.count()).select_from(records)).where(records.c.id <= state.last)
        count = int(connection.execute(query).scalar_one())
        if count != state.records:
            raise ConfigurationError(
                f"{self._part} has {state.records} records, but up to the same record the log now has {count}, because "
                f"choices were added later; {ANEW}"
            )

    def save(self, state: PartState) -> None:
        """Save the progress of the export, whose content must be on disk already."""
        note = {"version": _VERSION, "asked": self._asked, **vars(state)}
        new = self._path.with_name(self._path.name + ".new")
        with suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            json.dump(note, stream, ensure_ascii=False)
        new.replace(self._path)

    def remove(self) -> None:
        """Remove the note if it exists."""
        self._path.unlink(missing_ok=True)


def take(part: Path, file: int) -> None:
    """Lock an open part against other exports. Raises ``ConfigurationError`` if another export has it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_it = os.path.samestat(os.fstat(file), part.stat())
    except OSError:
        is_it = False
    if not is_it:  # locked, or just finished and renamed by another export
        raise ConfigurationError(f"another export is writing {part}; wait for it, or name another file")
