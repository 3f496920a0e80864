"""The note beside an export that is not whole yet: what was asked for, and how far what is on the disk has come."""

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
except ImportError:  # Windows, where nothing keeps two exports from writing the same file
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from cookie_consent.ledger.filter import RecordFilter

__all__ = ["ANEW", "PartNote", "PartState", "take"]

ANEW = "begin anew without --resume"
_LONGEST_NOTE = 1024 * 1024
_VERSION = 1


@dataclass(kw_only=True)
class PartState:
    """How far a part has come."""

    size: int = 0
    """How many bytes of a file count; what is behind them was torn off."""
    files: list[str] = field(default_factory=list)
    """Which files of a folder count."""
    records: int = 0
    last: str | None = None
    """The id of the last record."""
    amendments: int = 0
    """How many erasures and prunings there were in the log: what is in the part is not read again."""


_KINDS = (("size", int), ("files", list), ("records", int), ("amendments", int), ("last", str | None))


class PartNote:
    """The note of ``part``, which may be gone on with by who asks for the same; ``asked`` is ready for JSON.

    Raises ``ConfigurationError`` where a part would become another export than a new one now, and ``OSError``.
    """

    def __init__(self, part: Path, asked: dict[str, Any]) -> None:
        self._part = part
        self._path = part.with_name(part.name + ".json")
        self._asked = asked

    @property
    def is_there(self) -> bool:
        """Whether there is a note, of whatever content."""
        return self._path.exists()

    def found(self) -> PartState | None:
        """Return how far the part has come; None if there is none."""
        try:
            with self._path.open("rb") as stream:
                note = json.loads(stream.read(_LONGEST_NOTE))
            state = PartState(**{name: note[name] for name, _ in _KINDS})
            asked = note["asked"]
            wrong = [name for name, kind in _KINDS if not isinstance(getattr(state, name), kind)]
            wrong += [name for name in state.files if not isinstance(name, str)]
            if note["version"] != _VERSION or wrong or state.size < 0:
                raise ValueError("its fields are others")  # noqa: TRY301 - handled like invalid JSON
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ConfigurationError(f"{self._path} is no note of an export; {ANEW}") from None
        for name, value in self._asked.items():
            if asked.get(name) != value:
                raise ConfigurationError(
                    f"{self._part} was begun with another {name} ({asked.get(name)!r}, now {value!r}); "
                    f"give the same options as then, or {ANEW}"
                )
        return state

    def check(self, connection: Connection, where: RecordFilter, state: PartState, amendments: int) -> None:
        """See that the part is still what a new export would begin with."""
        if amendments != state.amendments:
            raise ConfigurationError(
                f"records were erased or pruned since {self._part} was begun, which it may still hold; {ANEW}"
            )
        if state.last is None:
            return
        query = where.apply(select(func.count()).select_from(records)).where(records.c.id <= state.last)
        count = int(connection.execute(query).scalar_one())
        if count != state.records:
            raise ConfigurationError(
                f"{self._part} has {state.records} records, and the log has {count} up to the same one by now, as "
                f"choices were brought in later; {ANEW}"
            )

    def save(self, state: PartState) -> None:
        """Say how far the part has come, which has to be on the disk by now."""
        note = {"version": _VERSION, "asked": self._asked, **vars(state)}
        new = self._path.with_name(self._path.name + ".new")
        with suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            json.dump(note, stream, ensure_ascii=False)
        new.replace(self._path)

    def remove(self) -> None:
        """Remove the note, if there is one."""
        self._path.unlink(missing_ok=True)


def take(part: Path, file: int) -> None:
    """Lock an open part, so that two exports do not write it at once.

    Raises ``ConfigurationError`` if another export has it, or has just given it its own name.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_it = os.path.samestat(os.fstat(file), part.stat())
    except OSError:
        is_it = False
    if not is_it:
        raise ConfigurationError(f"another export is writing {part}; wait for it, or name another file")
