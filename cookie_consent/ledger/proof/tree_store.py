"""The stored tree: its tiles and the checkpoint that covers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from cookie_consent.errors import ProofError
from cookie_consent.ledger.proof.checkpoint import Checkpoint
from cookie_consent.ledger.proof.merkle import EMPTY_ROOT
from cookie_consent.ledger.proof.note import NoteError
from cookie_consent.ledger.proof.tiles import TiledTree
from cookie_consent.ledger.schema import checkpoints, meta, tiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = ["TreeState", "amendments", "read_sealed", "read_state", "stored_tree", "tile_loader"]


@dataclass(frozen=True, kw_only=True)
class TreeState:
    """How far the log is sealed, and how often records were erased or pruned. Not verified."""

    size: int
    note: str | None
    amendments: int

    def checkpoint(self, url: str) -> Checkpoint | None:
        """Return the checkpoint in the note, unverified, or None. Raises ``ProofError`` if it is invalid."""
        if self.note is None:
            return None
        try:
            return Checkpoint.parse(self.note.partition("\n\n")[0] + "\n")
        except NoteError as error:
            raise ProofError(f"the last checkpoint of the log cannot be read: {error}", url=url) from None


def read_state(connection: Connection) -> TreeState:
    """Return how far the log is sealed, by its latest checkpoint."""
    row = connection.execute(
        select(checkpoints.c.size, checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
    ).first()
    size, note = row if row is not None else (0, None)
    return TreeState(size=size, note=note, amendments=amendments(connection))


def read_sealed(connection: Connection, url: str) -> tuple[TreeState, str]:
    """Return how far the log is sealed, and its signed note. Raises ``ProofError`` if it is not sealed."""
    state = read_state(connection)
    if state.note is None:
        raise ProofError("the log is not sealed yet; seal it with `cookie-consent log seal`", url=url)
    return state, state.note


def amendments(connection: Connection) -> int:
    """Return the number of erasures and prunings. If it changes, rows read before may be out of date."""
    return int(connection.execute(select(meta.c.value).where(meta.c.key == "amendments")).scalar() or 0)


def tile_loader(connection: Connection) -> Callable[[int, int], bytes]:
    """Return a function that loads a tile, and raises ``KeyError`` if there is none."""

    def load(level: int, number: int) -> bytes:
        data = connection.execute(select(tiles.c.data).where(tiles.c.level == level, tiles.c.number == number)).scalar()
        if data is None:
            raise KeyError((level, number))
        return bytes(data)

    return load


def stored_tree(connection: Connection, checkpoint: Checkpoint | None, url: str) -> TiledTree:
    """Return the stored tree. Raises ``ProofError`` if it does not match the checkpoint."""
    size = checkpoint.size if checkpoint is not None else 0
    tree = TiledTree(size, tile_loader(connection))
    expected = checkpoint.root if checkpoint is not None else EMPTY_ROOT
    try:
        root = tree.root(size)
    except (KeyError, ValueError) as error:
        raise ProofError(f"the log's tree is damaged ({error}); {_ADVICE}", url=url) from None
    if root != expected:
        raise ProofError(f"the log's tree does not match its last checkpoint, of {size} leaves; {_ADVICE}", url=url)
    return tree


_ADVICE = "see where with `cookie-consent log verify`, and restore the log from a backup"
