"""What PostgreSQL's errors mean for the log, and advice for each."""

from __future__ import annotations

from typing import Any

from psycopg.errors import DataError as DriverDataError

__all__ = ["advice", "cause_of", "is_demoted", "is_refusal", "is_worth_repeating"]

_CONFLICTS = frozenset({"40001", "40P01"})
_NO_PARTITION = "23514"
_NO_NOTICE = "23503"
_READ_ONLY = "25006"
_BY_STATE = {
    "28": "check the user and the password in the URL, and pg_hba.conf on the server",
    "3D": "create the database with `createdb`, or name another",
    "3F": "create the schema, or correct search_path",
    "42501": "grant this role what docs/postgresql.md lists for its task, or use another role",
    "42P01": "create the tables with `cookie-consent log migrate`",
    "42883": "create the functions with `cookie-consent log migrate`",
    "53100": "make room on the server's disk",
    "53300": "raise max_connections on the server, or run fewer processes",
    _READ_ONLY: "this server is read-only; name the primary, for example with ?target_session_attrs=read-write",
    "55P03": "another session holds a lock; see which one in pg_locks, and end it",
    "57014": "the server is busy, or another session holds a lock; see pg_stat_activity",
    "57P": "the server is starting or stopping; see its log",
    "23001": "only `cookie-consent log erase` and `log prune` change what is on record",
}
_BY_TEXT = {
    "authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "does not exist": "3D",
    "too many clients": "53300",
    "connection slots": "53300",
    "starting up": "57P",
    "shutting down": "57P",
}
_UNREACHABLE = "check that PostgreSQL runs there and can be reached, or name another server"


def _origin(error: BaseException) -> Any:
    return getattr(error, "orig", None) or error


def _state(error: BaseException) -> str:
    return str(getattr(_origin(error), "sqlstate", None) or "")


def cause_of(error: BaseException, password: str | None) -> str:
    """Return the first line of the error, without the password. Further lines may show content of the log."""
    text = str(_origin(error)).strip().partition("\n")[0]
    return text.replace(password, "***") if password else text


def advice(error: BaseException) -> str:
    """Return advice for the error."""
    state, text = _state(error), str(_origin(error))
    if not state:
        state = next((known for part, known in _BY_TEXT.items() if part in text), "")
    for length in (5, 3, 2):
        if len(state) >= length and (found := _BY_STATE.get(state[:length])):
            return found
    return _UNREACHABLE if not state else "see the database's message"


def is_refusal(error: BaseException) -> bool:
    """Return whether the record itself is invalid and will never be accepted (such as SQLSTATE classes 22, 23)."""
    if isinstance(error, UnicodeError) or isinstance(_origin(error), DriverDataError):
        return True
    state = _state(error)
    return state[:2] in {"22", "23", "54"} and state != _NO_PARTITION


def is_demoted(error: BaseException) -> bool:
    """Return whether the server is read-only, as one that is no longer the primary."""
    return _state(error) == _READ_ONLY


def is_worth_repeating(error: BaseException) -> bool:
    """Return whether repeating the transaction at once may succeed: after a lost connection or a conflict."""
    is_gone = bool(getattr(error, "connection_invalidated", False))
    return is_gone or _state(error) in {*_CONFLICTS, _NO_PARTITION, _NO_NOTICE}
