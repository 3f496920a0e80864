"""What the lab saw, as a table for a terminal or for the documentation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.leaklab.corpus import GROUPS, PAGES
from tests.leaklab.lab import BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.leaklab.lab import Results

HEADINGS = {
    "none": "no gate",
    "html": "HTML gate",
    "csp": "CSP gate",
    "before": "both, before",
    "refused": "both, refused",
    "withdrawn": "both, withdrawn",
    "vanilla-cookieconsent": "vanilla-cookieconsent",
    "klaro": "klaro",
}
BEGIN = "<!-- Written by `make leaklab`; do not edit. -->"
END = "<!-- End of what is written by `make leaklab`. -->"


def leaking(results: Results, column: str) -> frozenset[str]:
    """Return the pages that gave something away."""
    return frozenset(name for name, seen in results.items() if column in seen and seen[column].leaks)


def totals(results: Results) -> Mapping[str, int]:
    """Return how many pages gave something away, by column."""
    return {column: len(leaking(results, column)) for column in BEFORE}


def total_cells(results: Results) -> list[str]:
    return [f"{number} of {len(results)}" for number in totals(results).values()]


def cells(results: Results, name: str) -> list[str]:
    """Return how many hosts were contacted and cookies and entries kept, by column; nothing for none."""
    return [str(len(results[name][column].leaks) or "") if column in results[name] else "?" for column in BEFORE]


def plain(results: Results) -> str:
    """Return the table for a terminal."""
    widths = [max(7, *(len(word) for word in HEADINGS[column].split())) for column in BEFORE]
    first = max(len(page.name) for page in PAGES)
    lines = []

    def row(name: str, values: Iterable[str]) -> None:
        lines.append(
            f"{name:{first}} " + " ".join(f"{value:>{width}}" for value, width in zip(values, widths, strict=True))
        )

    row("", [HEADINGS[column].split()[0] for column in BEFORE])
    row("", [HEADINGS[column].partition(" ")[2] for column in BEFORE])
    for page in PAGES:
        if page.name in results:
            row(page.name, cells(results, page.name))
    row("pages that leak", [str(number) for number in totals(results).values()])
    return "\n".join(lines)


def markdown(results: Results) -> str:
    """Return the table for the documentation."""
    lines = [
        f"| page | {' | '.join(HEADINGS[column] for column in BEFORE)} |",
        "|---|" + "--:|" * len(BEFORE),
        f"| **pages that leak** | {' | '.join(f'**{cell}**' for cell in total_cells(results))} |",
    ]
    for group, pages in GROUPS.items():
        lines.append(f"| *{group}* |" + " |" * len(BEFORE))
        lines += [
            f"| {page.does} | {' | '.join(cells(results, page.name))} |" for page in pages if page.name in results
        ]
    return "\n".join(lines)


def totals_in(document: str) -> list[str]:
    """Return the totals that a document shows."""
    row = re.search(r"^\| \*\*pages that leak\*\* \|(.*)\|$", document, re.MULTILINE)
    return [cell.strip(" *") for cell in row[1].split("|")] if row is not None else []


def updated(document: str, results: Results) -> str:
    """Return the document with the table in the place of the one that it has."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{markdown(results)}\n\n{end}{after}"
