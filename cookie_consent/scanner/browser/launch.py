"""Starts Chromium with an empty profile, behind the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.browser.disk import until_full
from cookie_consent.scanner.browser.egress import FIRST, USER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from playwright.async_api import BrowserContext, Playwright

    from cookie_consent.scanner.browser.egress import Way
    from cookie_consent.scanner.browser.options import BrowseOptions

__all__ = ["answer_to", "executable", "launch_options", "launched", "playwright_started", "profile"]

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
_CLOSE_SECONDS = 15.0
_PREFERENCES = {
    # As most people have it. Chromium's own default for pages without a profile is to block third parties' cookies.
    "profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False},
    "download": {"prompt_for_download": False},
    "credentials_enable_service": False,
    "search": {"suggest_enabled": False},
}
_CACHE_BYTES = 50_000_000
_ARGUMENTS = (
    f"--disk-cache-size={_CACHE_BYTES}",
    f"--media-cache-size={_CACHE_BYTES}",
    "--proxy-bypass-list=<-loopback>",  # so that loopback addresses go through the proxy as well
    "--disable-quic",  # it would pass the proxy by
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-pings",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--disable-external-intent-requests",
)


@contextlib.asynccontextmanager
async def playwright_started() -> AsyncIterator[Playwright]:
    """Start Playwright. Raises ``ConfigurationError`` if it is not installed."""
    try:
        import dns.asyncresolver  # noqa: F401 - of the same extra
        from playwright.async_api import async_playwright
    except ImportError as error:
        raise ConfigurationError(
            "a scan in a browser needs Playwright: run pip install 'cookie-consent[browser]', "
            "then playwright install chromium"
        ) from error
    async with async_playwright() as playwright:
        yield playwright


def executable(own: str, given: str | None) -> str:
    """Return the path of Chromium: the one that was given, Playwright's own, or the system's.

    Raises ``ConfigurationError`` if there is none.
    """
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise ConfigurationError(f"--executable is {given}, which is no program: give the path of Chromium")
        return found
    if own and Path(own).exists():
        return own
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise ConfigurationError("there is no Chromium: run playwright install chromium, or give its path by --executable")


def launch_options(own: str, options: BrowseOptions, way: Way) -> dict[str, Any]:
    """Return what Playwright's ``launch_persistent_context`` is given beside the profile's folder."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return {
        "executable_path": executable(own, options.executable),
        "headless": options.headless,
        "chromium_sandbox": not is_root,  # Chromium's sandbox does not start for root
        "args": [*_ARGUMENTS, f"--proxy-server=http://127.0.0.1:{way.port}", *options.arguments],
        "accept_downloads": False,
        "viewport": {"width": options.viewport[0], "height": options.viewport[1]},
        "locale": options.locale,
        "handle_sigint": False,  # the scan ends the browser itself, and reports what it has seen so far
    }


@contextlib.contextmanager
def profile() -> Iterator[str]:
    """Make a folder for a profile, and remove it in the end."""
    folder = tempfile.mkdtemp(prefix="cookie-consent-scan-")
    try:
        default = Path(folder, "Default")
        default.mkdir()
        default.joinpath("Preferences").write_text(json.dumps(_PREFERENCES), "utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def launched(
    playwright: Playwright,
    options: BrowseOptions,
    way: Way,
    state: Mapping[str, Any] | None = None,
    *,
    on_full: Callable[[], None] = lambda: None,
) -> AsyncIterator[BrowserContext]:
    """Start Chromium with an empty profile, and with the cookies and storage keys of ``state``.

    Once its profile takes more of the disk than it may, ``on_full`` is called and Chromium is closed.
    """
    from playwright.async_api import Error

    with profile() as folder:
        given = launch_options(playwright.chromium.executable_path, options, way)
        try:
            context = await playwright.chromium.launch_persistent_context(folder, **given)
        except Error as error:
            first = error.message.strip().splitlines()[0]
            raise ConfigurationError(
                f"Chromium does not start ({given['executable_path']}): {first}. "
                "Try playwright install --with-deps chromium"
            ) from error

        async def closed_when_full() -> None:
            await until_full(folder, options.disk_bytes)
            on_full()
            with contextlib.suppress(Error):
                await context.close()

        watch = asyncio.ensure_future(closed_when_full())
        try:
            await _sign_in(context, way)
            if state:
                await _restore(context, state)
            yield context
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await context.close()


def answer_to(challenge: Mapping[str, Any], way: Way) -> dict[str, str]:
    """Return what Chromium is told that asks for a password: that of the proxy, and none of a site's."""
    if challenge.get("source") != "Proxy":
        return {"response": "Default"}
    return {"response": "ProvideCredentials", "username": USER, "password": way.password}


async def _sign_in(context: BrowserContext, way: Way) -> None:
    """Give Chromium the proxy's password, which it keeps from then on for all that it asks."""
    from playwright.async_api import Error

    page = await context.new_page()
    session = await context.new_cdp_session(page)
    tasks: set[asyncio.Task[Any]] = set()

    async def send(method: str, given: dict[str, Any]) -> None:
        with contextlib.suppress(Error):  # the page may be gone by then
            await session.send(method, given)

    def later(method: str, **given: Any) -> None:
        task = asyncio.ensure_future(send(method, given))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    session.on("Fetch.requestPaused", lambda event: later("Fetch.continueRequest", requestId=event["requestId"]))
    session.on(
        "Fetch.authRequired",
        lambda event: later(
            "Fetch.continueWithAuth",
            requestId=event["requestId"],
            authChallengeResponse=answer_to(event["authChallenge"], way),
        ),
    )
    await session.send("Fetch.enable", {"handleAuthRequests": True})
    await page.goto(FIRST)
    await session.send("Fetch.disable")
    if tasks:
        await asyncio.wait(tasks)
    await session.detach()
    await page.close()


async def _restore(context: BrowserContext, state: Mapping[str, Any]) -> None:
    await context.add_cookies(state.get("cookies", []))
    for stored in state.get("origins", ()):
        page = await context.new_page()
        # The origin's storage is open to a page that never came from there.
        await page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        await page.goto(stored["origin"])
        await page.evaluate(
            "entries => { for (const { name, value } of entries) localStorage.setItem(name, value) }",
            stored["localStorage"],
        )
        await page.close()
