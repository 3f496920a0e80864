"""The content of leaves: canonical JSON (RFC 8785), with commitments to what identifies a visitor.

The leaf of a record is the canonical JSON of its fields, with a ``commitment`` in place of those of ``IDENTIFYING``.
Fields of ``LATER`` that are empty are left out, so that the leaves of older releases stay what they were::

    {"action":"given","at":"2026-11-24T08:00:00.123456Z","channel":"banner","commitment":"5f0c…","granted":["analytics"],
    "granted_services":[],"id":"019e…","notice":null,"policy_version":"1","previous":null,"refused":[],
    "refused_services":[]}

``commitment`` is HMAC-SHA256 (RFC 2104), in hex, of the canonical JSON of the list of identifying fields. The key
is the record's salt, 32 random bytes. Without the salt nobody can guess the fields, so they can be erased and the leaf
computed as before. The leaf of an event is the canonical JSON of ``at``, ``detail``, ``event`` (its kind) and ``id``.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import time_text
from cookie_consent.ledger.proof.merkle import HASH_SIZE
from cookie_consent.ledger.schema import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DAMAGED",
    "IDENTIFYING",
    "LATER",
    "RecordRow",
    "WalkedRow",
    "canonical_json",
    "commitment_of",
    "event_leaf",
    "leaf_hashes",
    "record_leaf",
]

RecordRow = tuple[Any, ...]
"""The columns of ``schema.records`` in order, as the database driver returns them."""
WalkedRow = tuple[Any, ...]
"""The columns of a record, followed by its order number in the store."""
IDENTIFYING = ("subject", "url", "user_agent_family", "ip", "region", "note")
"""The fields of a record that ``erase`` removes."""
LATER = frozenset({"control", "build", "edition", "regime", "note"})
"""The fields that neither a leaf nor a commitment has where they are empty."""
DAMAGED = bytes(HASH_SIZE)
"""In place of the hash of a record that cannot be encoded, such as one with a blob instead of a text."""

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST = b"\x36" * (64 - HASH_SIZE)
_OUTER_REST = b"\x5c" * (64 - HASH_SIZE)
_MINUTE = 60_000_000
_HUNDRED_SECONDS = 100_000_000


def canonical_json(value: object) -> bytes:
    """Return canonical JSON (RFC 8785) of None, booleans, texts, integers below 2^53, lists and ASCII-named objects.

    Raises ``ValueError`` for a text that is not valid Unicode, and ``TypeError`` for other values.
    """
    _check(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8")


def commitment_of(row: RecordRow, salt: bytes) -> bytes:
    """Return the commitment (32 bytes) to the identifying fields of a row. Raises ``ValueError`` for a wrong salt."""
    if len(salt) != HASH_SIZE:
        raise ValueError(f"a salt has {HASH_SIZE} bytes, not {len(salt)}")
    encode = encode_basestring
    note = f",{encode(row[20])}" if row[20] != "" else ""
    fields = f"[{encode(row[1])},{encode(row[12])},{encode(row[14])},{encode(row[15])},{encode(row[13])}{note}]"
    # RFC 2104 written out, because ``hmac.digest`` takes three times as long.
    inner = sha256(salt.translate(_INNER) + _INNER_REST + fields.encode("utf-8")).digest()
    return sha256(salt.translate(_OUTER) + _OUTER_REST + inner).digest()


def record_leaf(row: RecordRow, commitment: bytes) -> bytes:
    """Return the leaf of a record. Raises ``ValueError``, ``TypeError`` or ``OverflowError`` for a damaged row."""
    at = row[2]
    if type(at) is not int:
        raise TypeError("the time of a record is a number")
    minute, rest = divmod(at, _MINUTE)
    clock = str(rest + _HUNDRED_SECONDS)
    a, b, c, d, e = _template((*row[3:8], *row[9:12], *row[16:20]))
    previous = "null" if row[8] is None else encode_basestring(row[8])
    time = f"{_minute(minute)}{clock[1:3]}.{clock[3:]}"
    return f"{a}{time}{b}{commitment.hex()}{c}{encode_basestring(row[0])}{d}{previous}{e}".encode()


def event_leaf(event_id: str, at: int, kind: str, detail: str) -> bytes:
    """Return the leaf of an event; ``at`` is in microseconds since 1970, ``detail`` is JSON.

    Raises ``ValueError``, ``TypeError`` or ``OverflowError`` for a damaged row.
    """
    return canonical_json({"at": time_text(moment(at)), "detail": json.loads(detail), "event": kind, "id": event_id})


def leaf_hashes(rows: Sequence[WalkedRow], salts: Sequence[Any], commitments: Sequence[Any]) -> list[bytes]:
    """Return the leaf hashes (RFC 6962) of records, each with its salt or, once erased, its commitment.

    A row that cannot be encoded gets ``DAMAGED``.
    """
    # This is ``commitment_of`` and ``record_leaf`` in one loop, which takes two thirds of their time.
    hashes = []
    quote, template, minute_of, sha = encode_basestring, _template, _minute, sha256
    for row, salt, commitment in zip(rows, salts, commitments, strict=True):
        try:
            (
                name, subject, at, action, granted, refused, more, less, previous, channel, version, notice,
                url, region, family, ip, control, build, edition, regime, note, _,
            ) = row  # fmt: skip
            if salt is None:
                digest = commitment.hex()
            else:
                added = f",{quote(note)}" if note != "" else ""
                hidden = f"[{quote(subject)},{quote(url)},{quote(family)},{quote(ip)},{quote(region)}{added}]".encode()
                inner = sha(salt.translate(_INNER) + _INNER_REST + hidden).digest()
                digest = sha(salt.translate(_OUTER) + _OUTER_REST + inner).hexdigest()
            minute, rest = divmod(at, _MINUTE)
            clock = str(rest + _HUNDRED_SECONDS)
            a, b, c, d, e = template(
                (action, granted, refused, more, less, channel, version, notice, control, build, edition, regime)
            )
            before = "null" if previous is None else quote(previous)
            hashes.append(
                sha(
                    f"\0{a}{minute_of(minute)}{clock[1:3]}.{clock[3:]}{b}{digest}{c}{quote(name)}{d}{before}{e}".encode()
                ).digest()
            )
            if type(at) is not int or (salt is not None and len(salt) != HASH_SIZE):
                hashes[-1] = DAMAGED
        except (ValueError, TypeError, AttributeError, OverflowError):
            hashes.append(DAMAGED)
    return hashes


@lru_cache(maxsize=1024)
def _minute(minute: int) -> str:
    return moment(minute * _MINUTE).isoformat(timespec="seconds")[:17]


@lru_cache(maxsize=4096)
def _template(fields: tuple[Any, ...]) -> tuple[str, str, str, str, str]:
    """Return the pieces of a leaf around time, commitment, id and previous, which few choices share."""
    action, granted, refused, granted_services, refused_services, channel, policy_version, notice = fields[:8]
    control, build, edition, regime = fields[8:]
    text = encode_basestring
    rules = f',"regime":{text(regime)}' if regime != "" else ""
    notice_text = "null" if notice is None else text(notice)
    return (
        f'{{"action":{text(action)},"at":"',
        f'Z",{_later("build", build)}"channel":{text(channel)},"commitment":"',
        f'",{_later("control", control)}{_later("edition", edition)}"granted":{_list(granted)},'
        f'"granted_services":{_list(granted_services)},"id":',
        f',"notice":{notice_text},"policy_version":{text(policy_version)},"previous":',
        f',"refused":{_list(refused)},"refused_services":{_list(refused_services)}{rules}}}',
    )


def _later(name: str, value: str) -> str:
    """Return the member for a field of ``LATER``, with its comma, or nothing for an empty field."""
    return f'"{name}":{encode_basestring(value)},' if value != "" else ""


def _list(joined: str) -> str:
    return f"[{','.join(map(encode_basestring, joined.split()))}]"


def _check(value: object) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise TypeError(f"{name!r} is not an ASCII name")
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    elif isinstance(value, int) and abs(value) > 2**53 - 1:
        raise ValueError(f"{value} is not an integer that JSON can represent exactly")
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"{value!r} has no canonical JSON here")
