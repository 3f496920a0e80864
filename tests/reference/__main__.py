"""``python -m tests.reference --update`` writes the generated pages; without it, says which are out of date."""

from __future__ import annotations

import argparse
import sys

from tests.reference.pages import PAGES, renewed


def main() -> int:
    """Return 1 if a page is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the pages")
    update = parser.parse_args().update
    stale = [(path, text) for path, text in map(renewed, PAGES) if path.read_text("utf-8") != text]
    for path, text in stale:
        if update:
            path.write_text(text, "utf-8")
        else:
            sys.stdout.write(f"{path} is out of date\n")
    return 1 if stale and not update else 0


sys.exit(main())
