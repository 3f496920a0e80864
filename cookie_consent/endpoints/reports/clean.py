"""Strip everything personal from reported names and paths, and limit their length."""

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
"""A long mix of letters and digits is probably a token, not the name of a page."""


def clean_path(path: str) -> str:
    """Return at most five segments of a page's path, without query, fragment and possible ids.

    A segment becomes ``*`` if it contains ``@``, five digits in a row, a long hexadecimal number or a long mix of
    letters and digits. A person's name in plain letters cannot be recognised.
    """
    path = re.split(r"[?#;]", path[:2048], maxsplit=1)[0]
    segments = path.split("/")[1:]
    cleaned = [_segment(unquote(segment, errors="replace")) for segment in segments[:_SEGMENTS]]
    if len(segments) > _SEGMENTS:
        cleaned.append("…")
    return ("/" + "/".join(cleaned))[:_LONGEST_PATH]


def clean_name(name: str) -> str:
    """Return the name of a cookie or storage key as a pattern: possible ids become ``*``, at most twice."""
    text = _printable(name.strip()[:256])
    text = _MARK if _PERSONAL.search(text) else _ID.sub(_MARK, text)
    head, *rest = re.sub(r"\*+", _MARK, text).split(_MARK)
    if len(rest) > 2:
        rest = [rest[0], ""]  # a policy's pattern has "*" at most twice
    return _MARK.join([head, *rest])[:_LONGEST_NAME]


def clean_host(host: str) -> str | None:
    """Return the host, or None if it is malformed."""
    return host if _HOST.fullmatch(host) else None


def clean_word(word: str) -> str:
    """Return the name of a directive or an element, or ``other`` if it is malformed."""
    word = word.strip().lower().partition(" ")[0]
    return word if _WORD.fullmatch(word) else "other"


def _segment(segment: str) -> str:
    if "/" in segment or _PERSONAL.search(segment) or _ID.search(segment) or _MIXED.fullmatch(segment):
        return _MARK
    return _printable(segment)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
