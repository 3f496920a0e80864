"""``Engine``: the little that a journey needs of a browser, and the browsers that offer it."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from playwright.sync_api import Error, sync_playwright

from tests.browser.harness import FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Page

__all__ = ["ENGINES", "DriverError", "Engine"]

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("firefox.mjs")


class DriverError(Exception):
    """The browser did not do what it was told, such as because the page was left meanwhile."""


class Engine(Protocol):
    """A browser with a fresh profile and one tab, whose only way out is a proxy."""

    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""

    def run(self, code: str) -> Any:
        """Return the value of a JavaScript expression in the page. Raises ``DriverError`` if the page is left."""

    def press(self, key: str) -> None:
        """Press a key, by its name in the DOM, such as ``Tab``."""


class Chromium:
    """Chromium, driven by Playwright."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, address: str) -> None:
        self.page.goto(address, wait_until="load")

    def run(self, code: str) -> Any:
        try:
            return self.page.evaluate(code)
        except Error as error:
            raise DriverError(error.message) from error

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)


class Firefox:
    """Firefox, driven over WebDriver BiDi by puppeteer-core in a Node.js process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise DriverError("the driver of Firefox has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["value"]

    def ask(self, *command: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def open(self, address: str) -> None:
        self.ask("open", address)

    def run(self, code: str) -> Any:
        return self.ask("run", code)

    def press(self, key: str) -> None:
        self.ask("press", key)


@contextmanager
def chromium(path: str, port: int) -> Iterator[Engine]:
    with sync_playwright() as playwright:
        arguments = [*FLAGS, f"--proxy-server=http://127.0.0.1:{port}"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield Chromium(browser.new_page())
        browser.close()


@contextmanager
def firefox(path: str, port: int) -> Iterator[Engine]:
    node = shutil.which("node", path=str(ROOT / ".venv" / "bin")) or shutil.which("node") or "node"
    with subprocess.Popen(
        [node, str(DRIVER), path, str(port)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        driven = Firefox(process)
        driven.answer()
        yield driven
        if process.stdin is not None:
            process.stdin.close()


ENGINES: dict[str, tuple[str, Callable[[str, int], AbstractContextManager[Engine]]]] = {
    "chromium": ("chromium", chromium),
    "firefox": ("firefox-esr", firefox),
}
"""The engines with the names of their programs."""
