from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import sync_playwright

pytest.register_assert_rewrite("tests.browser.journey")

from tests.browser.harness import FLAGS, SITE, Proxy, forward_proxy, serving  # noqa: E402 - after the line above
from tests.waiting import HANG  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page
    from starlette.types import ASGIApp


class Visit:
    """A visitor with a fresh browser profile at the site."""

    def __init__(self, context: BrowserContext, proxy: Proxy) -> None:
        self.context = context
        context.set_default_timeout(HANG * 1000)
        self.page: Page = context.new_page()
        self.proxy = proxy

    def open(self, path: str = "/", *, awaited: Collection[str] = ()) -> set[str]:
        """Open a page; return the other hosts that were contacted meanwhile, all ``awaited`` ones among them."""
        self.proxy.contacts.clear()
        self.page.goto(f"http://{SITE}{path}", wait_until="load")
        return self.settled(awaited=awaited)

    def settled(self, *, awaited: Collection[str] = ()) -> set[str]:
        """Wait for the ``awaited`` hosts, then until nothing more is asked for; return the hosts contacted so far."""
        self.until(lambda: self.proxy.hosts() >= set(awaited))
        before = -1
        while len(set(self.proxy.contacts)) != before:  # an animation asks for its picture again and again
            before = len(set(self.proxy.contacts))
            self.page.wait_for_timeout(700)
        return self.proxy.hosts()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, while the page goes on."""
        end = time.monotonic() + HANG
        while not condition():
            assert time.monotonic() < end, "it hangs"
            self.page.wait_for_timeout(20)

    def cookies(self) -> dict[str, float]:
        """Return the site's cookies with the time at which they expire, -1 for those of the session."""
        return {str(cookie["name"]): float(cookie["expires"]) for cookie in self.context.cookies(f"http://{SITE}")}


class Visiting(Protocol):
    def __call__(
        self, app: ASGIApp, *, scripts: bool = True, locale: str = "en-US", regular: bool = False
    ) -> AbstractContextManager[Visit]: ...


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with forward_proxy() as started:
        yield started


@pytest.fixture(scope="module")
def browser(chromium_path: str, proxy: Proxy) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = [*FLAGS, f"--proxy-server=http://127.0.0.1:{proxy.port}"]
        launched = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def visiting(browser: Browser, chromium_path: str, proxy: Proxy, tmp_path: Path) -> Visiting:
    """Begin visits, ``regular`` ones with a profile on disk, as some things are not done in a private window."""

    @contextmanager
    def visit(app: ASGIApp, *, scripts: bool = True, locale: str = "en-US", regular: bool = False) -> Iterator[Visit]:
        with serving(app) as port:
            proxy.upstream = port
            if regular:
                context = browser.browser_type.launch_persistent_context(
                    tempfile.mkdtemp(dir=tmp_path),
                    executable_path=chromium_path,
                    args=[*FLAGS, f"--proxy-server=http://127.0.0.1:{proxy.port}"],
                    java_script_enabled=scripts,
                    locale=locale,
                )
            else:
                context = browser.new_context(java_script_enabled=scripts, locale=locale)
            try:
                yield Visit(context, proxy)
            finally:
                context.close()

    return visit
