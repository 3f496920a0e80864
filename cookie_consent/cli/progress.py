"""Says how far a scan is, on standard error."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["progress_shown"]

_LINE_EVERY = 2.0


@contextmanager
def progress_shown() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on a terminal, and a line every two seconds elsewhere.

    What it yields is called with how many pages were visited, how many are known so far, and what the visitor has
    answered, if that differs.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("pages", total=None)

        def tell(done: int, known: int, phase: str) -> None:
            bar.update(task, completed=done, total=known, description=_named("pages", phase))

        yield tell


def _plain_lines() -> Callable[[int, int, str], None]:
    told = time.monotonic()

    def tell(done: int, known: int, phase: str) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_EVERY:
            told = time.monotonic()
            typer.echo(_named(f"visited {done} of {known} pages", phase), err=True)

    return tell


def _named(text: str, phase: str) -> str:
    return f"{text} ({phase})" if phase else text
