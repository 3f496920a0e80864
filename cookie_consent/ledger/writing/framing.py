r"""Frames of the spool: one line each, with length, checksum and a JSON object.

::

    0000002c 5f0c9a4e11d0b7a3 {"record":{"id":"01a20ccc-…

JSON escapes line feeds, so every ``\n`` ends a frame, and reading resumes at the next line after a damaged one.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from cookie_consent.consent.record import ConsentRecord, Notice

__all__ = ["MAXIMUM_FRAME", "decode_frame", "encode_frame"]

MAXIMUM_FRAME = 1024 * 1024
"""The maximum length of a frame in bytes; its end is not searched beyond that."""
_HEAD = 8 + 1 + 16 + 1


def encode_frame(item: ConsentRecord | Notice) -> bytes:
    """Return the frame for an item. Raises ``ValueError`` if it cannot be encoded or is too long."""
    content = {"record": item.as_dict()} if isinstance(item, ConsentRecord) else {"notice": vars(item)}
    payload = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    frame = b"%08x %s %s\n" % (len(payload), _checksum(payload), payload)
    if len(frame) > MAXIMUM_FRAME:
        raise ValueError(f"a record or notice of {len(frame)} bytes is too long")
    return frame


def decode_frame(line: bytes) -> ConsentRecord | Notice | None:
    r"""Return the item in a line, including its ``\n``; None if it is damaged or unknown to this release."""
    payload = line[_HEAD:-1]
    if line != b"%08x %s %s\n" % (len(payload), _checksum(payload), payload):
        return None
    try:
        content: Any = json.loads(payload)
        if "notice" in content:
            return Notice(**content["notice"])
        return ConsentRecord.from_dict(content["record"])
    except (ValueError, TypeError, KeyError, RecursionError):  # intact, but written by another release
        return None


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=8).hexdigest().encode("ascii")
