"""Signed notes (https://c2sp.org/signed-note) with Ed25519, and keys in the format of Go's ``sumdb/note``.

A note is a text, an empty line, and one line per signature::

    — shop.example/consent x08go/ZJkuBS9UG/SffcvIAQxVBti…

A private key is a line ``PRIVATE+KEY+NAME+HASH+BASE64``, a public key (verifier) is ``NAME+HASH+BASE64``.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MAXIMUM_NOTE", "NoteError", "Signer", "Verifier", "new_key", "open_note", "sign_note", "signature_keys"]

MAXIMUM_NOTE = 64 * 1024
"""The maximum size of a note in bytes."""
_PRIVATE = "PRIVATE+KEY+"
_ED25519 = b"\x01"
_SIGNATURE = "\N{EM DASH} "
_MOST_SIGNATURES = 100


class NoteError(ValueError):
    """A note is invalid, or not signed by a trusted key; the message says which."""


@dataclass(frozen=True)
class Verifier:
    """A public key. ``text`` is the line to publish."""

    name: str
    hash: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Parse a line ``NAME+HASH+BASE64``. Raises ``ConfigurationError``."""
        name, digest, encoded = _split(text.strip(), 'write it as `cookie-consent log key` prints it: "NAME+HASH+…"')
        if len(encoded) != 33 or encoded[:1] != _ED25519:
            raise ConfigurationError(f"the key of {name!r} is not one of Ed25519")
        if digest != _key_hash(name, encoded):
            raise ConfigurationError(f"the key of {name!r} is damaged: its hash is another one")
        return cls(name, digest, encoded[1:])

    @property
    def text(self) -> str:
        """The key as a line, without the line's end."""
        return f"{self.name}+{self.hash.hex()}+{b64encode(_ED25519 + self.public).decode('ascii')}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Return whether this key made the signature. Raises ``ConfigurationError`` without ``cryptography``."""
        ed25519, invalid = _library()
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (invalid, ValueError):
            return False
        return True


class Signer:
    """A private key. Its ``repr`` shows only the public key."""

    def __init__(self, name: str, seed: bytes) -> None:
        ed25519, _ = _library()
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self.name = name
        self.verifier = Verifier(name, _key_hash(name, _ED25519 + public), public)

    def __repr__(self) -> str:
        return f"<Signer {self.verifier.text}>"

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Parse a line ``PRIVATE+KEY+NAME+HASH+BASE64``. Raises ``ConfigurationError``, without the key in its text."""
        hint = "make one with `cookie-consent log key NAME`"
        if not text.startswith(_PRIVATE):
            raise ConfigurationError(f"a private key begins with {_PRIVATE!r}; {hint}")
        name, digest, encoded = _split(text.removeprefix(_PRIVATE).strip(), hint)
        if len(encoded) != 33 or encoded[:1] != _ED25519:
            raise ConfigurationError(f"the private key of {name!r} is not one of Ed25519; {hint}")
        signer = cls(name, encoded[1:])
        if digest != signer.verifier.hash:
            raise ConfigurationError(f"the private key of {name!r} is damaged: its hash is another one")
        return signer

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes)."""
        signature: bytes = self._key.sign(message)
        return signature


def new_key(name: str) -> tuple[str, Verifier]:
    """Make a key; return the private line, and the verifier to publish. Raises ``ConfigurationError`` for the name."""
    check_name(name)
    seed = secrets.token_bytes(32)
    signer = Signer(name, seed)
    encoded = b64encode(_ED25519 + seed).decode("ascii")
    return f"{_PRIVATE}{name}+{signer.verifier.hash.hex()}+{encoded}", signer.verifier


def check_name(name: str) -> None:
    """Raise ``ConfigurationError`` if the name is invalid for a key."""
    if not name or "+" in name or any(character.isspace() or not character.isprintable() for character in name):
        raise ConfigurationError(f"{name!r} cannot be a key's name; write one such as shop.example/consent")


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """Return the note with signatures. Its text must end with a line feed."""
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise ValueError("the text of a note is lines without control characters")
    message = text.encode("utf-8")
    lines = [
        f"{_SIGNATURE}{signer.name} {b64encode(signer.verifier.hash + signer.sign(message)).decode('ascii')}\n"
        for signer in signers
    ]
    return text + "\n" + "".join(lines)


def open_note(note: str, trusted: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """Return the text of a note, and the trusted keys that signed it; other signatures are ignored.

    Raises ``NoteError`` if the note or a trusted key's signature is invalid, or no trusted key has signed.
    """
    text, signatures = _parts(note)
    message = text.encode("utf-8")
    keys = {(key.name, key.hash): key for key in trusted}
    found: list[Verifier] = []
    for name, digest, signature in signatures:
        key = keys.get((name, digest))
        if key is None or key in found:
            continue
        if not key.verifies(message, signature):
            raise NoteError(f"the signature of {name} (key {digest.hex()}) is wrong")
        found.append(key)
    if not found:
        names = ", ".join(f"{name} (key {digest.hex()})" for name, digest, _ in signatures)
        raise NoteError(f"none of the trusted keys has signed it; it is signed by {names}")
    return text, found


def signature_keys(note: str) -> list[tuple[str, bytes]]:
    """Return the names and key hashes of the signatures, unverified. Raises ``NoteError``."""
    return [(name, digest) for name, digest, _ in _parts(note)[1]]


def _parts(note: str) -> tuple[str, Sequence[tuple[str, bytes, bytes]]]:
    if len(note) > MAXIMUM_NOTE:
        raise NoteError("it is too long for a note")
    head, mark, tail = note.rpartition("\n\n")
    if not mark or not tail.endswith("\n") or any(character < " " and character != "\n" for character in note):
        raise NoteError("it is not a signed note, which has a text, an empty line and lines of signatures")
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        name, space, encoded = line.removeprefix(_SIGNATURE).partition(" ")
        if not line.startswith(_SIGNATURE) or not name or not space or "+" in name:
            raise NoteError("it is not a signed note: a line after the text is not a signature")
        try:
            raw = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise NoteError(f"the signature of {name} is not base64") from None
        if len(raw) < 5:
            raise NoteError(f"the signature of {name} is too short")
        signatures.append((name, raw[:4], raw[4:]))
    if len(signatures) > _MOST_SIGNATURES:
        raise NoteError("it has too many signatures")
    try:
        (head + "\n").encode("utf-8")
    except UnicodeEncodeError:
        raise NoteError("it is not UTF-8") from None
    return head + "\n", signatures


def _split(text: str, hint: str) -> tuple[str, bytes, bytes]:
    name, _, rest = text.partition("+")
    digest, _, encoded = rest.partition("+")  # the base64 may have plus signs itself
    decoded = b""
    try:
        check_name(name)
        raw = bytes.fromhex(digest)
        decoded = b64decode(encoded, validate=True)
    except (ConfigurationError, binascii.Error, ValueError):
        raw = b""
    if len(raw) != 4:
        raise ConfigurationError(f"the key cannot be read; {hint}")
    return name, raw, decoded


def _key_hash(name: str, encoded: bytes) -> bytes:
    return sha256(name.encode("utf-8") + b"\n" + encoded).digest()[:4]


def _library() -> tuple[Any, type[Exception]]:
    """Import ``cryptography``, an extra, only when it is needed."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise ConfigurationError(
            "signatures need the package cryptography; install it with: pip install 'cookie-consent[proof]'"
        ) from None
    return ed25519, InvalidSignature
