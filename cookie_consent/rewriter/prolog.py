"""Finds where the head of a page begins (HTML standard, sections 13.2.6.4.1 to 13.2.6.4.3)."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from cookie_consent.rewriter.grammar import NAME, TAG

__all__ = ["Found", "Prolog"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_NAME = 16
_LONGEST_HEAD_TAG = 16 * 1024
_SPACES = re.compile(rb"[\t\n\f\r ]*+")


class Found(NamedTuple):
    """What comes next in front of a page's head."""

    kind: Literal["more", "declaration", "tag", "head"]
    """``more`` has to come to say; ``tag`` is that of ``html`` or ``head``; ``head`` is where its content begins."""
    at: int
    raw: bytes = b""
    """The whole tag."""


class Prolog:
    """Reads what may come before the head: spaces, declarations, and the tags of ``html`` and ``head``."""

    def __init__(self) -> None:
        self._at_start = True

    def next(self, data: bytes, at: int) -> Found:
        """Return what comes next in ``data`` from ``at`` on."""
        if self._at_start and data[:3] == _BYTE_ORDER_MARK[: len(data)]:
            if len(data) < 3:
                return Found("more", at)
            at = 3
        self._at_start = False
        match = _SPACES.match(data, at)
        at = match.end() if match is not None else at
        if at == len(data):
            return Found("more", at)
        if data[at] != 0x3C:  # "<"
            return Found("head", at)
        if at + 2 >= len(data):
            return Found("more", at)
        if data[at + 1] in b"!?":
            return Found("declaration", at)
        tag = _head_tag(data, at)
        if tag is None:
            return Found("more", at)
        return Found("tag", at, tag) if tag else Found("head", at)


def _head_tag(data: bytes, at: int) -> bytes | None:
    """Return the tag at ``at`` if it is that of ``html`` or ``head``, else nothing; None if more has to come."""
    name = NAME.match(data, at, at + _LONGEST_NAME)
    if name is not None and name[0].lower() in {b"<html", b"<head"}:
        match = TAG.match(data, at, at + _LONGEST_HEAD_TAG)
        if match is not None:
            return match[0]
        return None if len(data) - at < _LONGEST_HEAD_TAG else b""
    may_be = name is not None and name.end() == len(data) and len(name[0]) < 5
    return None if may_be else b""
