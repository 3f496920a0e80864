"""The result of a verification, and its basis: recorded amendments, and checkpoints signed by trusted keys."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.proof.checkpoint import open_checkpoint
from cookie_consent.ledger.proof.note import NoteError, Verifier
from cookie_consent.ledger.proof.tree_check import MOST_FINDINGS, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cookie_consent.ledger.events import LogEvent
    from cookie_consent.ledger.proof.checkpoint import Checkpoint

__all__ = ["Amendments", "Verification", "open_all"]


@dataclass(kw_only=True)
class Verification:
    """The result of a verification. The log matches what was signed if ``faults`` is empty.

    ``size`` is the number of leaves: complete ``records``, ``erased`` and ``pruned`` ones, and ``events``. ``unsealed``
    records are not signed yet. ``more`` faults were only counted.
    """

    origin: str = ""
    size: int = 0
    root: str = ""
    signed_by: list[str] = field(default_factory=list)
    checkpoints: int = 0
    records: int = 0
    erased: int = 0
    pruned: int = 0
    events: int = 0
    unsealed: int = 0
    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def fault(self, found: Fault) -> None:
        """Add a fault, or only count it if there are too many."""
        if len(self.faults) < MOST_FINDINGS:
            self.faults.append(found)
        else:
            self.more += 1


class Amendments:
    """What may be erased or missing, according to the events."""

    def __init__(self, found: Iterable[LogEvent]) -> None:
        self.erased: set[str] = set()
        spans: list[tuple[int, int]] = []
        self.damaged: list[str] = []
        for event in found:
            try:
                if event.kind == "erased":
                    self.erased.update(str(name) for name in event.detail["records"])
                elif event.kind == "pruned":
                    spans += [(int(first), int(last)) for first, last in event.detail["positions"]]
            except (KeyError, TypeError, ValueError, OverflowError):
                self.damaged.append(event.id)
        self._spans = sorted(spans)
        self._starts = [first for first, _ in self._spans]

    def is_pruned(self, position: int) -> bool:
        """Return whether the leaf's record was pruned."""
        at = bisect_right(self._starts, position) - 1
        return at >= 0 and position <= self._spans[at][1]


def open_all(
    notes: Iterable[tuple[int, str]],
    recorded: Sequence[tuple[int, str]],
    trusted: Sequence[Verifier] | None,
) -> tuple[list[tuple[Checkpoint, list[Verifier]]], list[Verifier], list[Fault]]:
    """Open signed notes with their expected sizes; return checkpoints with their signers, all keys, and faults.

    ``recorded`` has the positions and details (JSON) of key events. A key whose event is covered by a trusted
    signature is trusted too.
    """
    known: list[tuple[int, Verifier]] = []
    faults: list[Fault] = []
    for position, detail in recorded:
        try:
            known.append((position, Verifier.parse(str(json.loads(detail)["key"]))))
        except (ValueError, KeyError, TypeError, ConfigurationError):
            faults.append(
                Fault(kind="event", position=position, text=f"leaf {position} is a key event that cannot be read")
            )
    keys = list(trusted) if trusted is not None else [key for _, key in known]
    waiting = list(notes)
    opened: dict[int, tuple[Checkpoint, list[Verifier]]] = {}
    reasons: dict[int, str] = {}
    grown = True
    while grown and waiting:  # each round may make further keys trusted
        grown = False
        for size, note in list(waiting):
            try:
                checkpoint, by = open_checkpoint(note, keys)
            except NoteError as error:
                reasons[size] = str(error)
                continue
            waiting.remove((size, note))
            if checkpoint.size != size:
                reasons[size] = f"it has {checkpoint.size} leaves"
                faults.append(_not_valid(size, reasons[size]))
                continue
            opened[size] = (checkpoint, by)
            more = [key for position, key in known if position < size and key not in keys]
            keys += more
            grown = grown or bool(more)
    faults += [_not_valid(size, reasons[size]) for size, _ in waiting]
    return [opened[size] for size in sorted(opened)], keys, faults


def _not_valid(size: int, reason: str) -> Fault:
    return Fault(kind="checkpoint", position=size, text=f"the checkpoint of {size} leaves is not valid: {reason}")
