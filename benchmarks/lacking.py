"""Print what a table of cookies or hosts has and the registry lacks, the most frequent first.

    python benchmarks/lacking.py TABLE [NUMBER OF ROWS]

The table is tab-separated, with a header. It has a column ``pattern`` or ``host``; ``domain``, ``category``,
``service`` and a count (``pop``, ``pop_cookieblock`` or ``pop_tpw``) are used if they are there. Rows are leads, not
entries: docs/add-a-service.md says what to look at before one goes into the registry.
"""

from __future__ import annotations

import sys
from pathlib import Path

from classify import Registry, read, weight

COUNTS = ("pop", "pop_cookieblock", "pop_tpw")


def main() -> None:
    """Print the rows."""
    if len(sys.argv) not in {2, 3}:
        raise SystemExit(__doc__)
    rows, known = read(Path(sys.argv[1])), Registry()
    key = "host" if "host" in rows[0] else "pattern"
    count = next((column for column in COUNTS if column in rows[0]), "")
    lacking = [
        row
        for row in rows
        if (known.host(row[key]) if key == "host" else known.cookie(row[key], row.get("domain", ""))) == "unclassified"
    ]
    lacking.sort(key=lambda row: (-weight(row, count), row[key]))
    for row in lacking[: int(sys.argv[2]) if len(sys.argv) == 3 else 50]:
        print(*(row.get(column, "") for column in (count, key, "domain", "category", "service")), sep="\t")
    print(f"{len(lacking)} of {len(rows)} rows are not in the registry", file=sys.stderr)


if __name__ == "__main__":
    main()
