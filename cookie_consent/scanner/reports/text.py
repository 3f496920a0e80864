"""Findings as text for a terminal, which no name of a site can write control characters to."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

from cookie_consent.endpoints.reports.advice import comment_text
from cookie_consent.scanner.finding import KINDS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["findings_text", "summary_text"]

_NARROWEST = 40
_MOST_SHOWN = 3


def findings_text(findings: Sequence[Finding]) -> str:
    """Return the findings by kind, in lines as wide as the terminal, or of 80 columns where there is none."""
    width = _width()
    return "\n".join(line for kind in KINDS for line in _section([one for one in findings if one.kind is kind], width))


def summary_text(paragraphs: Iterable[str]) -> str:
    """Return the paragraphs in lines of that width, all but the first line of each indented."""
    width = _width()
    return "\n".join(line for paragraph in paragraphs for line in _wrapped(paragraph, width, ""))


def _width() -> int:
    return max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST)


def _section(findings: Sequence[Finding], width: int) -> Iterator[str]:
    if not findings:
        return
    title, advice = KINDS[findings[0].kind]
    yield f"{title} ({findings[0].kind})"
    for finding in findings:
        yield from _wrapped(f"{finding.severity}: {finding.message}", width, "  ")
        if finding.initiators:
            yield from _wrapped(f"by {_some(finding.setters, ', ')}", width, "    ")
        pages = dict.fromkeys(seen.page for seen in finding.sightings)
        if pages:
            yield from _wrapped(f"on {_some(pages)}", width, "    ")
        yield from (f"      {comment_text(line)}" for line in finding.lines.splitlines())
    yield from _wrapped(advice, width, "  → ")
    yield ""


def _some(texts: Iterable[str], between: str = " ") -> str:
    shown = list(texts)
    more = f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    return between.join(shown[:_MOST_SHOWN]) + more


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    # An address that is wider than the terminal is left to wrap there: cut in pieces it could not be copied.
    return textwrap.wrap(
        comment_text(text),
        width,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) + 2),
        break_on_hyphens=False,
        break_long_words=False,
    )
