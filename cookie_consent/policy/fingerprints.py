"""The fingerprints by which answers remember what a notice named, and the text of a list of them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from cookie_consent.policy.lasting import step_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["edition_digest", "fingerprint_of", "hash_of", "hosts_in", "packed", "unpacked"]

_SIZE = 3
"""The bytes of a fingerprint: 20 bits of SHA-256, and four for how long it may last."""
_HOSTS = "."
"""Stands between the fingerprints and the undeclared hosts, which are written as they are. Base64url has no dot."""


def fingerprint_of(*parts: str, lasts: float = 0) -> int:
    """Return the fingerprint of something that lasts so many seconds at most: 20 bits of a hash, and a step."""
    return hash_of(*parts) >> 4 << 4 | step_of(lasts)


def hash_of(*parts: str) -> int:
    """Return the fingerprint of something that does not last: 24 bits of a hash."""
    return int.from_bytes(sha256("\0".join(parts).encode("utf-8")).digest()[:_SIZE], "big")


def edition_digest(names: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of what a notice named, as ``packed`` writes it."""
    return sha256(names.encode("utf-8", "replace")).hexdigest()[:16]


def packed(fingerprints: Iterable[int], hosts: Iterable[str]) -> str:
    """Return the list of fingerprints and undeclared hosts as text."""
    data = b"".join(fingerprint.to_bytes(_SIZE, "big") for fingerprint in sorted(fingerprints))
    text = urlsafe_b64encode(data).decode("ascii")  # three bytes are four characters, without padding
    written = ",".join(sorted(hosts))
    return f"{text}{_HOSTS}{written}" if written else text


def hosts_in(names: str) -> list[str]:
    """Return the undeclared hosts in a list."""
    hosts = names.partition(_HOSTS)[2]
    return hosts.split(",") if hosts else []


def unpacked(names: str) -> set[int]:
    """Return the fingerprints in a list. Raises ``ValueError`` if it is none."""
    data = urlsafe_b64decode(names.partition(_HOSTS)[0])
    if len(data) % _SIZE:
        raise ValueError("these are not the names of a notice")
    return {int.from_bytes(data[at : at + _SIZE], "big") for at in range(0, len(data), _SIZE)}
