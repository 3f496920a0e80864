"""Runs the user's own script before a scan, such as one that signs in."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
from typing import TYPE_CHECKING, Any, cast

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.browser.egress import FIRST
from cookie_consent.scanner.browser.launch import answer_to, launch_options, launched, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from playwright.async_api import Playwright
    from playwright.sync_api import BrowserContext

    from cookie_consent.scanner.browser.egress import Way
    from cookie_consent.scanner.browser.options import BrowseOptions

__all__ = ["load_setup", "state_after_setup"]


def load_setup(path: Path) -> Callable[[Any], Any]:
    """Return the function ``setup`` of a Python file. Raises ``ConfigurationError`` if there is none."""
    what_to_do = "write one with a function async def setup(page), which gets a page of Playwright's"
    if not path.is_file():
        raise ConfigurationError(f"--setup: there is no file {path}: {what_to_do}")
    spec = importlib.util.spec_from_file_location("cookie_consent_scan_setup", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"--setup: {path} is no Python file: {what_to_do}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"--setup: {path} cannot be imported: {type(error).__name__}: {error}") from error
    setup = getattr(module, "setup", None)
    if not callable(setup):
        raise ConfigurationError(f"--setup: {path} has no function setup: {what_to_do}")
    return cast("Callable[[Any], Any]", setup)


async def state_after_setup(
    playwright: Playwright, setup: Callable[[Any], Any], options: BrowseOptions, way: Way
) -> Mapping[str, Any]:
    """Run the setup in a browser of its own; return the cookies and storage keys that it leaves.

    Raises ``ConfigurationError`` if it fails.
    """
    try:
        if inspect.iscoroutinefunction(setup):
            async with launched(playwright, options, way) as context:
                await setup(await context.new_page())
                return cast("Mapping[str, Any]", await context.storage_state())
        return await asyncio.to_thread(_run, setup, options, way)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"--setup: {options.setup} failed: {type(error).__name__}: {error}") from error


def _run(setup: Callable[[Any], Any], options: BrowseOptions, way: Way) -> Mapping[str, Any]:
    """Run a function that is written for Playwright's synchronous interface."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, profile() as folder:
        given = launch_options(playwright.chromium.executable_path, options, way)
        context = playwright.chromium.launch_persistent_context(folder, **given)
        try:
            _sign_in(context, way)
            setup(context.new_page())
            return cast("Mapping[str, Any]", context.storage_state())
        finally:
            context.close()


def _sign_in(context: BrowserContext, way: Way) -> None:
    """Give Chromium the proxy's password, as ``launched`` does."""
    page = context.new_page()
    session = context.new_cdp_session(page)

    def go_on(event: dict[str, Any]) -> None:
        session.send("Fetch.continueRequest", {"requestId": event["requestId"]})

    def sign_in(event: dict[str, Any]) -> None:
        answer = answer_to(event["authChallenge"], way)
        session.send("Fetch.continueWithAuth", {"requestId": event["requestId"], "authChallengeResponse": answer})

    session.on("Fetch.requestPaused", go_on)
    session.on("Fetch.authRequired", sign_in)
    session.send("Fetch.enable", {"handleAuthRequests": True})
    page.goto(FIRST)
    session.send("Fetch.disable")
    session.detach()
    page.close()
