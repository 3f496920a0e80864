"""Checkpoints: signed statements of the tree's size and root (https://c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.ledger.proof.encoding import decode_hash, encode_bytes
from cookie_consent.ledger.proof.note import NoteError, open_note, sign_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.ledger.proof.note import Signer, Verifier

__all__ = ["Checkpoint", "open_checkpoint"]

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Checkpoint:
    """The ``root`` (32 bytes) of the tree of ``size`` leaves in the log ``origin``."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The three lines of text that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_bytes(self.root)}\n"

    def sign(self, signers: Iterable[Signer]) -> str:
        """Return the signed note."""
        return sign_note(self.body, signers)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Parse the text of a checkpoint. Further lines are ignored, as extensions. Raises ``NoteError``."""
        origin, size, root, *_ = [*text.split("\n"), "", "", ""]
        raw = decode_hash(root)
        if not origin or not _SIZE.fullmatch(size) or raw is None:
            raise NoteError(
                "it is not a checkpoint, which has three lines: the log's name, its size, and its root in base64"
            )
        return cls(origin, int(size), raw)


def open_checkpoint(note: str, trusted: Iterable[Verifier]) -> tuple[Checkpoint, list[Verifier]]:
    """Return the checkpoint in a note, and the trusted keys that signed it. Raises ``NoteError``.

    A key is only valid for the log with its name.
    """
    trusted = list(trusted)
    text, signed_by = open_note(note, trusted)
    checkpoint = Checkpoint.parse(text)
    own = [key for key in signed_by if key.name == checkpoint.origin]
    if not own:
        raise NoteError(f"it is a checkpoint of {checkpoint.origin}, signed by {signed_by[0].name}")
    return checkpoint, own
