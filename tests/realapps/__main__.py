"""``python -m tests.realapps``: run real applications bare and behind the middleware, and print what users see.

Each row is seen by a process of its own, which ends at a deadline, so that no row harms another.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.realapps.row import load, names
from tests.realapps.table import faults, markdown, plain, updated
from tests.realapps.visit import ROOT, Seen, visit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.realapps.row import Row

DOCUMENT = ROOT / "docs" / "realapps.md"
DEADLINE = 1800
"""Seconds for a row, its four starts included."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.realapps", description=__doc__)
    parser.add_argument("row", nargs="*", help=f"the rows to see; all without it: {', '.join(names())}")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--update", action="store_true", help="write the rows into the table of docs/realapps.md")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="where Chromium is")
    parser.add_argument("--json", action="store_true", help="see one row here, and print all that was seen")
    options = parser.parse_args()
    if unknown := set(options.row) - set(names()):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if options.chromium is None:
        parser.error("needs Chromium: apt-get install chromium")
    rows = [load(name) for name in options.row or names()]
    if options.json:
        (row,) = rows
        json.dump(visit(row, options.chromium, python(row)), sys.stdout)
        return 0
    results = {}
    for number, row in enumerate(sorted(rows, key=lambda row: row.title.lower()), 1):
        print(f"{number}/{len(rows)} {row.title}", file=sys.stderr, flush=True)  # noqa: T201 - a program
        results[row] = see(row, options.chromium)
    found = [f"{row.title}: {fault}" for row, seen in results.items() for fault in faults(row, seen)]
    print(markdown(results) if options.markdown else plain(results))  # noqa: T201 - a program
    print(*found, sep="\n", file=sys.stderr)  # noqa: T201 - a program
    if options.update:
        titles = {load(name).title for name in names()}
        DOCUMENT.write_text(updated(DOCUMENT.read_text("utf-8"), results, titles), "utf-8")
    return 1 if found else 0


def python(row: Row) -> Path:
    return ROOT / ".venv" / row.environment / "bin" / "python"


def see(row: Row, chromium: str) -> dict[str, Seen]:
    """Return what is seen of a row, by column; nothing if it took longer than the deadline."""
    command = [sys.executable, "-m", "tests.realapps", row.name, "--json", "--chromium", chromium]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            # Its server and the driver of its browser are in its process group; the browser ends with the driver.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return {}
    if process.returncode:
        raise RuntimeError(f"{row.name} could not be seen: it ended with {process.returncode}")
    return {column: Seen(**seen) for column, seen in json.loads(said).items()}


if __name__ == "__main__":
    sys.exit(main())
