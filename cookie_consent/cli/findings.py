"""Findings as text: one block of lines each, which no terminal is too narrow for."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from cookie_consent.cli.wording import counted
from cookie_consent.endpoints.reports.finding import SCRIPT_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cookie_consent.endpoints.reports import Finding

__all__ = ["section"]

_NARROWEST = 40
_DETAIL = "    "


def section(title: str, findings: Sequence[Finding]) -> str:
    """Return the findings below a title, in lines as wide as the terminal, or of 80 columns where there is none.

    A name stands on a line of its own and is never cut.
    """
    width = max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST)
    # Whatever has been seen in several places is shown once.
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        seen = finding.observation
        groups.setdefault((seen.kind, seen.name, seen.service, seen.reason), []).append(finding)
    return "\n".join([title, *(line for group in groups.values() for line in _block(group, width))])


def _block(group: Sequence[Finding], width: int) -> Iterator[str]:
    seen = group[0].observation
    count = sum(finding.count for finding in group)
    first, last = min(finding.first for finding in group), max(finding.last for finding in group)
    days = first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
    if seen.reason == SCRIPT_ERROR:
        held = f"held on {counted(count, 'page')}, scripts depend on it"
        yield from _wrapped(f"{seen.name}: {held}", width, indent="  ")
        yield from _wrapped(f"{f'{seen.service}; ' if seen.service else ''}{days}", width)
    else:
        yield f"  {seen.name}"
        places = ", ".join(dict.fromkeys(finding.observation.directive for finding in group))
        kind = "inline snippet" if seen.kind == "inline" else seen.kind
        why = f"{seen.reason}: {seen.service}" if seen.service else seen.reason
        yield from _wrapped(f"{kind} in {places}; {why}; {counted(count, 'time')}, {days}", width)
    paths = dict.fromkeys(path for finding in group for path in finding.paths)
    if paths:
        yield from _wrapped(f"on {' '.join(paths)}", width)


def _wrapped(text: str, width: int, *, indent: str = _DETAIL) -> list[str]:
    # A host that is wider than the terminal is left to wrap there: cut in pieces it could not be copied.
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{_DETAIL}  ",
        break_on_hyphens=False,
        break_long_words=indent == _DETAIL,
    )
