"""``Engine``: the little that a journey needs of a browser, and the browsers that offer it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import httpx
import pytest
from playwright.sync_api import Error, sync_playwright

from tests.browser.harness import FLAGS, forward_proxy, serving
from tests.waiting import HANG, listens, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    from tests.browser.harness import Proxy

__all__ = ["ENGINES", "DriverError", "Engine", "Firefox", "visiting"]

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("firefox.mjs")
DIRECT = "*.acme.test"
"""The hosts that Chromium reaches without a proxy."""


class DriverError(Exception):
    """The browser did not do what it was told, such as because the page was left meanwhile."""


class Engine(Protocol):
    """A browser with a fresh profile and at first one tab, whose only way out is a proxy."""

    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""

    def run(self, code: str) -> Any:
        """Return the value of a JavaScript expression in the page. Raises ``DriverError`` if the page is left."""

    def press(self, key: str) -> None:
        """Press a key, by its name in the DOM, such as ``Tab``."""

    def tab(self, number: int) -> None:
        """Go to a tab, counted from 0. The next one is opened."""

    def cookies(self) -> set[str]:
        """Return the names of the cookies that the open page would send, ``HttpOnly`` ones too."""


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

    def tab(self, number: int) -> None:
        pages = self.page.context.pages
        self.page = pages[number] if number < len(pages) else self.page.context.new_page()
        self.page.bring_to_front()

    def cookies(self) -> set[str]:
        return {str(cookie["name"]) for cookie in self.page.context.cookies(self.page.url)}


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

    def tab(self, number: int) -> None:
        self.ask("tab", str(number))

    def cookies(self) -> set[str]:
        return set(self.ask("cookies"))


class WebKit:
    """WebKitGTK's MiniBrowser, driven over WebDriver (https://www.w3.org/TR/webdriver2/), which is JSON over HTTP."""

    KEYS: ClassVar[Mapping[str, str]] = {"Enter": "\ue007", "Tab": "\ue004"}

    def __init__(self, driver: httpx.Client) -> None:
        self.driver = driver
        self.session = ""
        capabilities = {"acceptInsecureCerts": True, "timeouts": {"pageLoad": HANG * 1000, "script": HANG * 1000}}
        answer = self.ask("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = f"/{answer['sessionId']}"
        self.tabs: list[str] = [self.ask("GET", "/window")]

    def ask(self, method: str, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        answer = self.driver.request(method, f"/session{self.session}{command}", json=parameters)
        value = answer.json()["value"]
        if answer.is_error:
            raise DriverError(f"{value['error']}: {value['message']}")
        return value

    def open(self, address: str) -> None:
        self.ask("POST", "/url", {"url": address})

    def run(self, code: str) -> Any:
        script = f"const answer = arguments[0]; Promise.resolve({code}).then(answer, (error) => answer(`${{error}}`))"
        return self.ask("POST", "/execute/async", {"script": script, "args": []})

    def press(self, key: str) -> None:
        strokes = [{"type": stroke, "value": self.KEYS[key]} for stroke in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def tab(self, number: int) -> None:
        if number == len(self.tabs):
            self.tabs.append(self.ask("POST", "/window/new", {"type": "tab"})["handle"])
        self.ask("POST", "/window", {"handle": self.tabs[number]})

    def cookies(self) -> set[str]:
        return {str(cookie["name"]) for cookie in self.ask("GET", "/cookie")}


@contextmanager
def chromium(path: str, port: int) -> Iterator[Engine]:
    # A regular profile: in a private window a preconnect does nothing. And speculation rules prefetch from another site
    # only if it is reached without a proxy, so the proxy also plays the server of some hosts.
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        arguments = [
            *(flag for flag in FLAGS if not flag.startswith("--proxy-bypass-list")),
            f"--proxy-server=http://127.0.0.1:{port}",
            f"--proxy-bypass-list=<-loopback>;{DIRECT}",
            f"--host-resolver-rules=MAP {DIRECT} 127.0.0.1:{port}",
        ]
        context = playwright.chromium.launch_persistent_context(profile, executable_path=path, args=arguments)
        yield Chromium(context.pages[0])
        context.close()


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


@contextmanager
def screen() -> Iterator[str]:
    """Start an X server without a screen, and give the name of its display."""
    ours, its = os.pipe()
    with (
        os.fdopen(ours, "rb") as told,
        subprocess.Popen(
            ["Xvfb", "-displayfd", str(its), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
            pass_fds=[its],
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        os.close(its)
        try:
            yield f":{told.readline().decode().strip()}"
        finally:
            process.terminate()


@contextmanager
def webkit(path: str, port: int) -> Iterator[Engine]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    with ExitStack() as stack:
        # To the proxy that a session names for HTTPS WebKit speaks TLS, unlike to that of the environment. The driver
        # and its browser find each other over loopback, past the proxy.
        way_out = dict.fromkeys(("http_proxy", "https_proxy"), f"http://127.0.0.1:{port}")
        environment = {**os.environ, **way_out, "no_proxy": "127.0.0.1", "DISPLAY": stack.enter_context(screen())}
        process = stack.enter_context(
            subprocess.Popen(
                [path, f"--port={own}"], env=environment, start_new_session=True, stderr=subprocess.DEVNULL
            )
        )
        stack.callback(os.killpg, process.pid, signal.SIGTERM)
        until(lambda: listens(own), of=process)
        driver = httpx.Client(base_url=f"http://127.0.0.1:{own}", timeout=2 * HANG, trust_env=False)
        yield WebKit(stack.enter_context(driver))


ENGINES: dict[str, tuple[Mapping[str, str], Callable[[str, int], AbstractContextManager[Engine]]]] = {
    "chromium": ({"chromium": "chromium"}, chromium),
    "firefox": ({"firefox-esr": "firefox-esr"}, firefox),
    "webkit": ({"WebKitWebDriver": "webkit2gtk-driver", "Xvfb": "xvfb"}, webkit),
}
"""The engines with the programs that they need, the driven one first, and Debian's packages for these."""


@contextmanager
def visiting(name: str, app: ASGIApp) -> Iterator[tuple[Engine, Proxy]]:
    """Serve the application, and start the engine with a proxy before it. Skips the test where it cannot be driven."""
    programs, launch = ENGINES[name]
    paths = {program: shutil.which(program) for program in programs}
    driven = next(iter(programs))
    paths[driven] = os.environ.get(f"{name.upper()}_PATH") or paths[driven]
    missing = [programs[program] for program, path in paths.items() if path is None]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"{name} cannot be driven: apt-get install {' '.join(missing)}")
        pytest.skip(f"{name} cannot be driven here: apt-get install {' '.join(missing)}")
    with forward_proxy() as proxy, serving(app) as port:
        proxy.upstream = port
        with launch(paths[driven] or "", proxy.port) as engine:
            yield engine, proxy
