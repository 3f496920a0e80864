"""What a forked process must reset: threads, locks and connections stay with the process that made them."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Forkable", "reset_after_fork"]


class Forkable(Protocol):
    """What holds something that a fork must not use."""

    def after_fork(self) -> None:
        """Start over; called in the forked process."""


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()


def reset_after_fork(owner: Forkable) -> None:
    """Have ``after_fork`` called in each process that is forked from this one while ``owner`` exists."""
    _known.add(owner)


def _after_fork() -> None:
    for owner in list(_known):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
