"""Bring what is reported into a form that says nothing of a person and is bounded in size."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["clean_host", "clean_name", "clean_path", "clean_word"]

_LONGEST_PATH = 120
_SEGMENTS = 5
_LONGEST_NAME = 64
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]")
_WORD = re.compile(r"[a-z][a-z0-9:-]{0,31}")
_MARK = "*"
_UUID = r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}"
_ID = re.compile(rf"{_UUID}|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{{10,}}|[0-9]{{5,}}")
_PERSONAL = re.compile(r"[^/]*@[^/]*")
_MIXED = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_~=.-]{20,}")
"""A long segment of letters and digits is a token rather than the name of a page."""


def clean_path(path: str) -> str:
    """Return a page's path without query, fragment and what may be an id; at most five segments of it.

    A segment with ``@``, five digits or more in a row, a long hexadecimal number or a long mix of letters and digits
    becomes ``*``. A name in plain letters cannot be told from a page's.
    """
    path = re.split(r"[?#;]", path[:2048], maxsplit=1)[0]
    segments = path.split("/")[1:]
    cleaned = [_segment(unquote(segment, errors="replace")) for segment in segments[:_SEGMENTS]]
    if len(segments) > _SEGMENTS:
        cleaned.append("…")
    return ("/" + "/".join(cleaned))[:_LONGEST_PATH]


def clean_name(name: str) -> str:
    """Return a cookie's or a storage key's name as a pattern: what may be an id becomes ``*``, at most twice."""
    text = _printable(name.strip()[:256])
    text = _MARK if _PERSONAL.search(text) else _ID.sub(_MARK, text)
    head, *rest = re.sub(r"\*+", _MARK, text).split(_MARK)
    if len(rest) > 2:
        rest = [rest[0], ""]  # a policy's pattern has "*" at most twice
    return _MARK.join([head, *rest])[:_LONGEST_NAME]


def clean_host(host: str) -> str | None:
    """Return the host, or None for what is none."""
    return host if _HOST.fullmatch(host) else None


def clean_word(word: str) -> str:
    """Return a directive or an element's name, or ``other``."""
    word = word.strip().lower().partition(" ")[0]
    return word if _WORD.fullmatch(word) else "other"


def _segment(segment: str) -> str:
    if "/" in segment or _PERSONAL.search(segment) or _ID.search(segment) or _MIXED.fullmatch(segment):
        return _MARK
    return _printable(segment)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
