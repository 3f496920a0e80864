"""Measure the registry against tables of labelled cookies and hosts: what it knows, and whether it agrees.

Run it with the folder that holds the tables: ``python benchmarks/classify.py TABLES [--wrong]``. These are
tab-separated files with a header; one that is missing is left out. ``--wrong`` prints the rows where label and registry
disagree too.

``*cookies.tsv``: ``pattern``, ``category``, ``domain``, ``pop_cookieblock`` (how often it was seen);
``framework_cookies.tsv``: ``pattern``, ``category``; ``*hosts.tsv``: ``host``, ``category``, ``pop``.

A pattern counts as known if one of some names that it matches is. Categories are compared in three groups, since
sources do not tell session, login and preferences apart reliably. A label is somebody's opinion: two sources agree on
about seven cookies in ten, so read the confusion matrix before believing a percentage.

What is labelled as a tracker, and needs no consent by the registry, is printed in the end. It counts unless it keeps
the visitor's own choice, such as an objection to being measured. If anything counts, the exit status is 1.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.policy import Policy, registry
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cookie_consent.policy.classifier import Verdict

HEX = "0123456789abcdef0123456789abcdef"
FILLERS = ("1", "", "0a1b2c", HEX, "ab-12_c.d")
"""What may stand for ``*`` in a table's pattern."""
GROUPS = {
    "session": "functional",
    "login": "functional",
    "preferences": "functional",
    "analytics": "analytics",
    "advertising": "marketing",
    "social": "marketing",
    "unclassified": "unknown",
    "": "no label",
}
COLUMNS = ("functional", "analytics", "marketing", "unknown")
TRACKERS = frozenset({"analytics", "marketing"})
NEEDED = frozenset({"session", "login"})


@dataclass(frozen=True)
class Row:
    """One row of a table, and what the registry answers: for a pattern, one verdict for each name that it may mean."""

    pattern: str
    domain: str
    label: str
    weight: float
    verdicts: tuple[Verdict, ...]

    @property
    def verdict(self) -> Verdict:
        """The first verdict that knows anything, or the first."""
        return next((verdict for verdict in self.verdicts if verdict.known), self.verdicts[0])

    @property
    def labelled(self) -> str:
        """The group of the label."""
        return GROUPS.get(self.label, "no label")

    @property
    def answered(self) -> str:
        """The group of the answer."""
        return GROUPS.get(self.verdict.category, "unknown")

    @property
    def needed(self) -> Verdict | None:
        """The verdict by which a tracker needs no consent, if there is one."""
        if self.labelled not in TRACKERS:
            return None
        return next((verdict for verdict in self.verdicts if verdict.category in NEEDED), None)

    def __str__(self) -> str:
        """Return the line for it in a list."""
        of = f" of {self.domain}" if self.domain else ""
        service = self.verdict.service or "-"
        return f"{self.pattern}{of}: labelled {self.label}, {self.verdict.category} by {service}"


def cookies(rows: Iterable[dict[str, str]], known: Classifier) -> list[Row]:
    """Judge the cookies of a table. One with a domain is that domain's."""

    def judged(row: dict[str, str]) -> Row:
        pattern, domain = row["pattern"], row.get("domain", "").lower().strip(".")
        verdicts = (
            known.cookie_of(name, domain) if domain else known.cookie(name) for name in dict.fromkeys(names(pattern))
        )
        return Row(pattern, domain, row["category"], weight(row, "pop_cookieblock"), tuple(verdicts))

    return list(map(judged, rows))


def hosts(rows: Iterable[dict[str, str]], known: Classifier) -> list[Row]:
    """Judge the hosts of a table, or one below a wildcard."""
    return [
        Row(row["host"], "", row["category"], weight(row, "pop"), (known.host(row["host"].replace("*", "x")),))
        for row in rows
    ]


def names(pattern: str) -> Iterator[str]:
    """Yield names that a table's pattern matches."""
    pattern = re.sub(r"\[hash\]|X{3,}|#+", "*", pattern)
    for filler in FILLERS if "*" in pattern else ("",):
        yield pattern.replace("*", filler)


def read(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def weight(row: dict[str, str], column: str) -> float:
    """Return how often something was seen; 0 if nobody counted."""
    return float(row.get(column) or 0)


def report(title: str, rows: list[Row], *, wrong: bool) -> None:
    """Print coverage, precision and the confusion matrix, and with ``wrong`` the rows in which the two differ."""
    known = [row for row in rows if row.verdict.known]
    total, seen = sum(row.weight for row in rows), sum(row.weight for row in known)
    print(f"\n{title}: {len(known)} of {len(rows)} known ({len(known) / max(1, len(rows)):.1%})", end="")
    print(f"; by how often they were seen, {seen / total:.1%}" if total else "")
    matrix = Counter((row.labelled, row.answered) for row in rows)
    print(f"  {'label':12}" + "".join(f"{column:>12}" for column in COLUMNS))
    for label in (*COLUMNS[:3], "no label"):
        print(f"  {label:12}" + "".join(f"{matrix[label, column]:>12}" for column in COLUMNS))
    for column in COLUMNS[:3]:
        judged = sum(matrix[label, column] for label in COLUMNS[:3])
        share = f"{matrix[column, column] / judged:.1%}" if judged else "-"
        print(f"  precision of {column}: {share} of {judged}")
    if wrong:
        differing = [row for row in known if row.labelled not in {row.answered, "no label"}]
        for row in sorted(differing, key=lambda row: (row.answered, row.labelled, row.pattern)):
            print(f"    {row}")


def report_needed(rows: Iterable[Row]) -> int:
    """Print what is labelled as a tracker and needs no consent. Return how many of them keep no choice."""
    choices, trackers = [], []
    for row in rows:
        if (needed := row.needed) is not None:
            keeps_choice = needed.rule is not None and needed.rule.exempt == "choice"
            (choices if keeps_choice else trackers).append(f"{row} ({needed.reason})")
    print(f"\ntrackers called necessary: {len(trackers)}")
    for line in dict.fromkeys(trackers):
        print(f"    {line}")
    print(f"labelled as trackers, but they keep the visitor's choice: {len(choices)}")
    for line in dict.fromkeys(choices):
        print(f"    {line}")
    return len(trackers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a report for each table of the folder. Return 1 if a tracker is called necessary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, help="the folder that holds the tables")
    parser.add_argument("--wrong", action="store_true", help="print the rows where label and registry disagree")
    given = parser.parse_args(arguments)
    known, services = Classifier(Policy(version="1")), registry().values()
    rules = sum(len(service.cookies) for service in services)
    print(f"{len(services)} services, {sum(bool(s.hosts) for s in services)} with hosts, {rules} cookie rules")
    judged: list[Row] = []
    for file in sorted(given.tables.glob("*cookies.tsv")):
        rows = cookies(read(file), known)
        bound = [row for row in rows if row.domain]
        parts = {"": rows} if not bound else {", first-party": [row for row in rows if not row.domain]}
        for kind, part in {**parts, **({", of a domain": bound} if bound else {})}.items():
            report(f"{file.name}{kind}", part, wrong=given.wrong)
        judged += rows
    for file in sorted(given.tables.glob("*hosts.tsv")):
        rows = hosts(read(file), known)
        report(file.name, rows, wrong=given.wrong)
        judged += rows
    return 1 if report_needed(judged) else 0


if __name__ == "__main__":
    sys.exit(main())
