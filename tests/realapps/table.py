"""What was seen of the applications, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.realapps.visit import BEFORE, COLUMNS, Seen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.realapps.row import Row

__all__ = ["faults", "markdown", "plain", "updated"]

BEGIN = "<!-- Written by `python -m tests.realapps --update`; do not edit. -->"
END = "<!-- End of what is written by `python -m tests.realapps --update`. -->"
HEADINGS = (
    "application",
    *COLUMNS,
    "contacts before a choice",
    "new errors",
    "moved",
    "held until accepted",
    "from the site itself",
)
HEAD = (f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|")
WRAPPED = COLUMNS[1:]
FEW = 5
"""How many moved elements are named for a column. Where one moves, those in it do too."""
NEAR = 1
"""Pixels by which an element may differ."""


def faults(row: Row, seen: Mapping[str, Seen]) -> list[str]:
    """Return what is not as promised."""
    if not seen:
        return ["it took too long"]
    if seen["bare"].failed:
        return [f"bare: {seen['bare'].failed}"]
    found = [f"{column}: {seen[column].failed}" for column in WRAPPED if seen[column].failed]
    found += [f"{column}: contacts {host}" for column in BEFORE for host in contacts(row, seen, column)]
    missing = (row.cdn | row.needed) - set(seen["bare"].contacts)
    found += [f"bare: does not contact {host}, so it is no row of it" for host in sorted(missing)]
    for column in WRAPPED:
        missing = row.cdn - set(seen[column].mirrored)
        found += [f"{column}: the site itself serves nothing of {host}" for host in sorted(missing)]
        found += [f"{column}: new error: {error}" for error in new_errors(seen, column)]
        found += [f"{column}: moved: {where}" for where in moved(seen, column)[:FEW]]
    return found


def contacts(row: Row, seen: Mapping[str, Seen], column: str) -> list[str]:
    """Return the hosts that were contacted, but for those that what the user asks for needs."""
    return [host for host in seen[column].contacts if host not in row.needed]


def new_errors(seen: Mapping[str, Seen], column: str) -> list[str]:
    return [error for error in seen[column].errors if error not in seen["bare"].errors]


def moved(seen: Mapping[str, Seen], column: str) -> list[str]:
    """Return the elements that stand elsewhere than without the middleware, or are missing."""
    there = seen[column].boxes
    return [
        f"{path} from {box} to {there.get(path)}"
        for path, box in seen["bare"].boxes.items()
        if path not in there or any(abs(a - b) > NEAR for a, b in zip(box, there[path], strict=True))
    ]


def cells(row: Row, seen: Mapping[str, Seen]) -> list[str]:
    if not seen:
        return [row.title, *("too slow" for _ in COLUMNS), *("" for _ in HEADINGS[len(COLUMNS) + 1 :])]
    if seen["bare"].failed:
        return [row.title, "no", *("" for _ in HEADINGS[2:])]
    works = ["no" if seen[column].failed else "yes" for column in COLUMNS]
    early = {host for column in BEFORE for host in contacts(row, seen, column)}
    late = {*contacts(row, seen, "bare")} & {*contacts(row, seen, "accepted")} - early
    return [
        row.title,
        *works,
        f"{len(early)} of {len(contacts(row, seen, 'bare'))}",
        "/".join(str(len(new_errors(seen, column))) for column in WRAPPED),
        "/".join(str(len(moved(seen, column))) for column in WRAPPED),
        ", ".join(sorted(late)),
        ", ".join(sorted({host for column in WRAPPED for host in seen[column].mirrored})),
    ]


def markdown(results: Mapping[Row, Mapping[str, Seen]]) -> str:
    """Return the table for the documentation."""
    return "\n".join([*HEAD, *lines_of(results).values()])


def lines_of(results: Mapping[Row, Mapping[str, Seen]]) -> dict[str, str]:
    """Return the table's lines by the applications' titles."""
    return {row.title: f"| {' | '.join(cells(row, seen))} |" for row, seen in results.items()}


def plain(results: Mapping[Row, Mapping[str, Seen]]) -> str:
    """Return the table for a terminal."""
    table = [["application", *COLUMNS, "contacts", "errors", "moved", "held", "own copy"]]
    table += [cells(row, seen) for row, seen in results.items()]
    widths = [max(len(line[index]) for line in table) for index in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def updated(document: str, results: Mapping[Row, Mapping[str, Seen]], titles: Collection[str]) -> str:
    """Return the document with the rows in its table. Of the rows that it has, those of other ``titles`` stay."""
    before, begin, rest = document.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}")
    there = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    lines = {title: line for title, line in there.items() if title in titles} | lines_of(results)
    whole = "\n".join([*HEAD, *(lines[title] for title in sorted(lines, key=str.lower))])
    return f"{before}{begin}\n\n{whole}\n\n{end}{after}"
