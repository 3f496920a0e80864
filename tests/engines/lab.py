"""The leak lab's pages in one engine: what each gives away without the gates, and with both of them.

What a page gives away has a host or a name of its own. So one browser opens all pages, one after another, and what
comes late still counts for its page. ``python -m tests.engines.lab ENGINE [PAGE…]`` prints what was seen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent import ConsentMiddleware
from tests.engines.engine import DriverError, visiting
from tests.leaklab.corpus import PAGES
from tests.leaklab.lab import GATES, policy
from tests.leaklab.site import Plain, corpus_site
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tests.browser.harness import Proxy
    from tests.engines.engine import Engine
    from tests.leaklab.page import Page

__all__ = ["LAB", "given_away"]

LAB = tuple(
    page for page in PAGES if page.act == "load" and page.scripts and not page.whole and "PORT" not in repr(page)
)
"""The pages that need nothing of a browser but to be opened, and whose contacts go by the proxy."""
LIVE = 6.0
"""How long a page that is known to do otherwise is waited for, in seconds."""
QUIET = 0.5
"""How long nothing may have been asked for, in seconds."""
STORED = """(async () => [
  ...Object.keys(localStorage).map((name) => `local ${name}`),
  ...Object.keys(sessionStorage).map((name) => `session ${name}`),
  // One of version 0 is none: its creation was aborted, and WebKitGTK lists it while the page is open.
  ...(await indexedDB.databases()).filter(({ version }) => version).map(({ name }) => `database ${name}`),
  ...(await caches.keys()).map((name) => `cache ${name}`),
])()"""


def given_away(
    name: str, pages: Sequence[Page], *, ledger: str = "", otherwise: Collection[str] = ()
) -> dict[str, frozenset[str]]:
    """Return what each page gives away in the engine: before any choice with a ``ledger``, else without the gates.

    All but the pages named in ``otherwise`` are waited for until they do what they should.
    """
    site = corpus_site(Plain())
    app = ConsentMiddleware(site, policy=policy(GATES["both"]), secret="x" * 40, ledger=ledger) if ledger else site
    kept: dict[str, set[str]] = {}
    with visiting(name, app) as (engine, proxy):
        for page in pages:
            with suppress(DriverError):  # it may lead elsewhere at once
                engine.open(page.url)
            end = time.monotonic() + (LIVE if page.name in otherwise else HANG)
            is_done = False
            while not is_done and time.monotonic() < end:
                rest(proxy)
                kept[page.name] = stored(engine, page)
                # What is to go may go late, as a database that was written before the guard was there.
                is_done = not kept[page.name] if ledger else expected(page) <= seen(page, proxy) | kept[page.name]
        rest(proxy)
        return {page.name: frozenset(seen(page, proxy) | kept[page.name]) for page in pages}


def expected(page: Page) -> frozenset[str]:
    """Return what a page gives away, but for the lifetimes of cookies, which drivers do not say."""
    return frozenset(leak for leak in page.leaks if not leak.startswith("lasting cookie "))


def rest(proxy: Proxy) -> None:
    """Wait until nothing has been asked for, the site's own files neither, for a while."""
    before = -1
    while proxy.requests + len(proxy.contacts) != before:
        before = proxy.requests + len(proxy.contacts)
        time.sleep(QUIET)


def seen(page: Page, proxy: Proxy) -> set[str]:
    return set(page.leaks) & (proxy.hosts() | set(proxy.own))


def stored(engine: Engine, page: Page) -> set[str]:
    """Return what of the page's cookies and storage the browser has kept."""
    found = {f"cookie {name}" for name in page.cookies} & {f"cookie {name}" for name in engine.cookies()}
    if page.storage:
        with suppress(DriverError):
            found |= set(engine.run(STORED)) & set(page.storage)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.engines.lab", description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("page", nargs="*", help="the pages to see; all without it")
    options = parser.parse_args()
    pages = [page for page in LAB if not options.page or page.name in options.page]
    names = [page.name for page in pages]
    bare = given_away(options.engine, pages, otherwise=names)
    with tempfile.TemporaryDirectory() as folder:
        ledger = f"sqlite:///{Path(folder) / 'consent.db'}"
        gated = given_away(options.engine, pages, ledger=ledger, otherwise=names)
    for page in pages:
        missing = expected(page) - bare[page.name]
        state = f"not live: {', '.join(sorted(missing))}" if missing else "live"
        print(f"{page.name}: {state}; gated: {', '.join(sorted(gated[page.name])) or '-'}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
