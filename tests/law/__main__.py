"""``python -m tests.law`` prints the totals, and says if the page is out of date; with ``--update`` it writes it."""

from __future__ import annotations

import argparse
import sys

from tests.law.table import renewed, totals


def main() -> int:
    """Return 1 if the page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the page")
    update = parser.parse_args().update
    path, text = renewed()
    is_stale = path.read_text("utf-8") != text
    if is_stale and update:
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{totals()}\n")
    if is_stale and not update:
        sys.stdout.write(f"{path} is out of date\n")
    return 1 if is_stale and not update else 0


sys.exit(main())
