"""``python -m tests.leaklab``: run the leak lab and print what it saw."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.leaklab.corpus import PAGES
from tests.leaklab.lab import SEEN, run
from tests.leaklab.table import markdown, plain, updated

KNOWN = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""The lab has imported what pytest would rewrite."""
DOCUMENT = Path(__file__).parents[2] / "docs" / "leaks.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.leaklab", description=__doc__)
    parser.add_argument("page", nargs="*", help="the pages to see; all without it")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--update", action="store_true", help="write the table into docs/leaks.md")
    parser.add_argument("--check", action="store_true", help="hold what was seen to what is promised")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="where Chromium is")
    shell = shutil.which("chromium-headless-shell")
    parser.add_argument("--shell", default=shell, help="where its headless shell is; '' to see all pages in Chromium")
    options = parser.parse_args()
    names = {page.name for page in PAGES}
    if unknown := set(options.page) - names:
        parser.error(f"no such page: {', '.join(sorted(unknown))}")
    if (options.update or options.check) and options.page:
        parser.error("--update and --check need all pages")
    if options.chromium is None:
        parser.error("needs Chromium: apt-get install chromium")

    def progress(name: str, done: int, of: int) -> None:
        end = "\n" if not sys.stderr.isatty() or done == of else ""
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{start}{done}/{of} {name}", end=end, file=sys.stderr, flush=True)  # noqa: T201 - a program

    pages = [page for page in PAGES if not options.page or page.name in options.page]
    results = asyncio.run(run(options.chromium, shell=options.shell or None, pages=pages, progress=progress))
    print(markdown(results) if options.markdown else plain(results))  # noqa: T201 - a program
    if options.update:
        DOCUMENT.write_text(updated(DOCUMENT.read_text("utf-8"), results), "utf-8")
    if not options.check:
        return 0

    class Given:
        def pytest_configure(self, config: pytest.Config) -> None:
            config.stash[SEEN] = results

    tests = Path(__file__).with_name("test_leaklab.py")
    return int(pytest.main([*KNOWN, "-m", "browser or leaklab", str(tests)], plugins=[Given()]))


if __name__ == "__main__":
    sys.exit(main())
