"""Measure the registry against tables of labelled cookies and hosts: what it knows, and whether it agrees.

Run it with the folder that holds the tables: ``python benchmarks/classify.py TABLES``. These are tab-separated files
with a header; one that is missing is left out.

``*cookies.tsv``: ``pattern``, ``category``, ``domain``, ``pop_cookieblock`` (how often it was seen);
``framework_cookies.tsv``: ``pattern``, ``category``; ``*hosts.tsv``: ``host``, ``category``, ``pop``.

A pattern counts as known if one of some names that it matches is. Categories are compared in three groups, since
sources do not tell session, login and preferences apart reliably. A label is somebody's opinion: two sources agree on
about seven cookies in ten, so read the confusion matrix before believing a percentage.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.policy import Policy, registry
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class Registry:
    """The registry as the classifier sees it, and its cookies that are bound to a domain."""

    def __init__(self) -> None:
        self.classifier = Classifier(Policy(version="1"))
        self.bound: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for service in registry().values():
            for rule in service.cookies:
                domain = getattr(rule, "domain", None)
                if domain:
                    name = re.compile(".*".join(map(re.escape, rule.name.split("*"))))
                    self.bound.setdefault(domain, []).append((name, rule.category or service.category))

    def cookie(self, pattern: str, domain: str = "") -> str:
        """Return the category of the first name that is known, or ``unclassified``."""
        for name in dict.fromkeys(names(pattern)):
            for parent in parents(domain):
                for rule, category in self.bound.get(parent, ()):
                    if rule.fullmatch(name):
                        return category
            category = self.classifier.cookie(name).category
            if category != "unclassified":
                return category
        return "unclassified"

    def host(self, pattern: str) -> str:
        """Return the category of a host, or of one below a wildcard."""
        return self.classifier.host(pattern.replace("*", "x")).category


def names(pattern: str) -> Iterator[str]:
    """Yield names that a table's pattern matches."""
    pattern = re.sub(r"\[hash\]|X{3,}|#+", "*", pattern)
    for filler in FILLERS if "*" in pattern else ("",):
        yield pattern.replace("*", filler)


def parents(domain: str) -> Iterator[str]:
    """Yield a domain and those above it."""
    domain = domain.lower().strip(".")
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def read(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def weight(row: dict[str, str], column: str) -> float:
    """Return how often something was seen; 0 if nobody counted."""
    return float(row.get(column) or 0)


def report(title: str, found: list[tuple[str, str, float]]) -> None:
    """Print coverage, precision and the confusion matrix. Each row has its label, the category and its weight."""
    known = [row for row in found if row[1] != "unclassified"]
    total, seen = sum(row[2] for row in found), sum(row[2] for row in known)
    print(f"\n{title}: {len(known)} of {len(found)} known ({len(known) / max(1, len(found)):.1%})", end="")
    print(f"; by how often they were seen, {seen / total:.1%}" if total else "")
    matrix = Counter((GROUPS.get(label, "no label"), GROUPS.get(category, "unknown")) for label, category, _ in found)
    print(f"  {'label':12}" + "".join(f"{column:>12}" for column in COLUMNS))
    for label in (*COLUMNS[:3], "no label"):
        print(f"  {label:12}" + "".join(f"{matrix[label, column]:>12}" for column in COLUMNS))
    for column in COLUMNS[:3]:
        judged = sum(matrix[label, column] for label in COLUMNS[:3])
        share = f"{matrix[column, column] / judged:.1%}" if judged else "-"
        print(f"  precision of {column}: {share} of {judged}")


def main() -> None:
    """Print a report for each table of the folder."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder, known = Path(sys.argv[1]), Registry()
    services = registry().values()
    rules = sum(len(service.cookies) for service in services)
    print(f"{len(services)} services, {sum(bool(s.hosts) for s in services)} with hosts, {rules} cookie rules")
    for file in sorted(folder.glob("*cookies.tsv")):
        rows = read(file)
        if "pop_cookieblock" not in rows[0]:
            report(file.name, [(row["category"], known.cookie(row["pattern"]), 0) for row in rows])
            continue
        for kind, domains in (("first-party", False), ("of a domain", True)):
            report(
                f"{file.name}, {kind}",
                [
                    (row["category"], known.cookie(row["pattern"], row["domain"]), weight(row, "pop_cookieblock"))
                    for row in rows
                    if bool(row["domain"]) is domains
                ],
            )
    for file in sorted(folder.glob("*hosts.tsv")):
        report(file.name, [(row["category"], known.host(row["host"]), weight(row, "pop")) for row in read(file)])


if __name__ == "__main__":
    main()
