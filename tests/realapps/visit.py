"""One row, seen in a browser: bare, and behind the middleware undecided, refused and accepted."""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import re
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trustme
from playwright.sync_api import Error, Page, expect, sync_playwright

from tests.browser.harness import FLAGS, forward_proxy, stubbed
from tests.realapps.libraries import library
from tests.realapps.upstream import upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Response, WebError

    from tests.browser.harness import Proxy
    from tests.realapps.row import Row

__all__ = ["BEFORE", "COLUMNS", "Seen", "visit"]

COLUMNS = ("bare", "undecided", "refused", "accepted")
BEFORE = ("undecided", "refused")
"""The columns in which nothing has been agreed to."""
BUTTONS = {"refused": "Refuse all", "accepted": "Accept all"}
ROOT = Path(__file__).parents[2]
HOST = "app.example.test"
"""The site. The browser resolves the hosts of its domain to loopback, and asks the proxy for everything else."""
ITS_HOSTS = "*.example.test"
START = 300.0
"""Seconds that an application may take to start."""
STEP = 20_000
"""Milliseconds that a user waits for one thing to happen."""
LATE = 700
"""Milliseconds in which a page may still contact somebody."""
MIRROR = "/_consent/mirror/"
REFUSED = re.compile(r"'https?://([^/':]+)[^']*'.*violates the following Content Security Policy")
BOXES = Path(__file__).with_name("boxes.js").read_text("utf-8")


@dataclass
class Seen:
    """What was seen of one row in one column.

    Attributes:
        failed: Why the actions did not pass; empty if they did.
        contacts: The other hosts that were contacted.
        errors: What the console said, each once, without what differs from run to run.
        boxes: Where the page's elements stand, by their path.
        mirrored: The hosts whose files came from the site itself.

    """

    failed: str = ""
    contacts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    boxes: dict[str, list[int]] = field(default_factory=dict)
    mirrored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rig:
    """What all columns of a row share.

    Attributes:
        certificate: A file with the site's key and certificate.
        authority: A file with the certificate that it is to be trusted by.
        upstream: The port of the stand-in for the hosts of libraries.

    """

    browser: Browser
    proxy: Proxy
    python: Path
    certificate: Path
    authority: Path
    upstream: int


def visit(row: Row, chromium: str, python: Path) -> dict[str, dict[str, Any]]:
    """Return what is seen of a row, by column, as JSON has it."""
    authority = trustme.CA()
    with (
        tempfile.TemporaryDirectory(prefix=f"realapps-{row.name}-") as folder,
        forward_proxy(answers=functools.partial(answer, row)) as proxy,
        upstream(authority) as libraries,
        sync_playwright() as playwright,
    ):
        certificate, trusted = Path(folder, "certificate.pem"), Path(folder, "authority.pem")
        authority.issue_cert(HOST, ITS_HOSTS).private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(trusted)
        arguments = [
            *(flag for flag in FLAGS if not flag.startswith("--proxy-bypass-list")),
            f"--proxy-server=http://127.0.0.1:{proxy.port}",
            f"--proxy-bypass-list=<-loopback>;{ITS_HOSTS}",
            f"--host-resolver-rules=MAP {ITS_HOSTS} 127.0.0.1",
        ]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        rig = Rig(browser, proxy, python, certificate, trusted, libraries)
        try:
            seen = {}
            for column in COLUMNS:
                seen[column] = asdict(see(row, column, rig))
                if seen["bare"]["failed"]:
                    break  # nothing to compare with
            return seen
        finally:
            browser.close()


def answer(row: Row, host: str, path: str) -> tuple[str, bytes]:
    """Answer for a host that is not the site: as the row says, else with a library's file, else with a stub."""
    return row.third_party(host, path) or library(host, path) or stubbed(host, path)


def see(row: Row, column: str, rig: Rig) -> Seen:
    seen = Seen()
    errors: set[str] = set()
    mirrored: set[str] = set()
    rig.proxy.contacts.clear()
    with contextlib.ExitStack() as stack:
        try:
            port = stack.enter_context(serving(row, rig, wrapped=column != "bare"))
        except RuntimeError as error:
            seen.failed = f"it does not start: {error}"
            return seen
        context = stack.enter_context(
            rig.browser.new_context(base_url=f"https://{HOST}:{port}", ignore_https_errors=True, locale="en-US")
        )
        context.set_default_timeout(STEP)
        expect.set_options(timeout=STEP)

        def logged(message: ConsoleMessage) -> None:
            refused = REFUSED.search(message.text)
            if column in BEFORE and refused is not None and refused[1] != HOST:
                return  # a script's request that the Content-Security-Policy holds, as it should
            if message.type == "error" and "favicon.ico" not in message.location.get("url", ""):
                errors.add(same(f"{message.text} {message.location.get('url', '')}"))

        def thrown(error: WebError) -> None:
            errors.add(same(str(error.error)))

        def answered(response: Response) -> None:
            path = urlsplit(response.url).path
            if response.ok and path.startswith(MIRROR):
                mirrored.add(path.removeprefix(MIRROR).partition("/")[0])

        context.on("response", answered)
        context.on("console", logged)
        context.on("weberror", thrown)
        page = context.new_page()
        try:
            settle(page, row.path)
            if column in BUTTONS:
                errors.clear()  # those of the page before the choice stand under "undecided"
                choose(page, BUTTONS[column])
                settle(page, row.path)
            seen.boxes = boxes(page, row, twice=column == "bare")
            row.act(page)
            page.wait_for_timeout(LATE)
            seen.contacts = sorted(rig.proxy.hosts())
            row.allow(page)
        except (AssertionError, Error) as error:
            text = re.sub(r"\x1b\[\d+m", "", str(error)).partition("Aria snapshot")[0]
            seen.failed = " ".join(text.split())[:600] or type(error).__name__
            save(page, row, column)
            seen.contacts = seen.contacts or sorted(rig.proxy.hosts())
        seen.mirrored = sorted(mirrored)
        seen.errors = sorted(errors)
    return seen


def same(text: str) -> str:
    """Return what the console said without what differs from run to run: ports, queries, hashes and numbers."""
    text = re.sub(r"\?\S*|:\d+", "", text)
    return re.sub(r"[0-9a-f]{8,}|\d+", "…", text)[:500]


def settle(page: Page, path: str) -> None:
    """Open a page, and wait until it asks for nothing more. Pages that keep asking are taken as they are."""
    try:
        page.goto(path, wait_until="load")
    except Error as error:
        # The banner may reload the page after a choice, and on a busy machine that comes late.
        if "ERR_ABORTED" not in str(error):
            raise
        page.goto(path, wait_until="load")
    with contextlib.suppress(Error):
        page.wait_for_load_state("networkidle", timeout=5000)
    page.wait_for_timeout(500)


def choose(page: Page, button: str) -> None:
    with page.expect_response(lambda response: response.url.endswith("/choices")) as answer:
        page.locator("#consent-root").get_by_role("button", name=button, exact=True).first.click()
    assert answer.value.status in {200, 303}, f"the choice was answered with {answer.value.status}"
    page.wait_for_timeout(1000)  # where something cannot be activated in place, the page reloads
    page.wait_for_load_state("load")


def boxes(page: Page, row: Row, *, twice: bool) -> dict[str, list[int]]:
    """Return where the page's elements stand; ``twice`` leaves out those that another load puts elsewhere."""
    first: dict[str, list[int]] = page.evaluate(BOXES)
    if not twice:
        return first
    settle(page, row.path)
    second = page.evaluate(BOXES)
    return {path: box for path, box in first.items() if second.get(path) == box}


def save(page: Page, row: Row, column: str) -> None:
    """Keep a picture of what a user would have seen."""
    if folder := os.environ.get("REALAPPS_PICTURES"):
        with contextlib.suppress(Error):
            page.screenshot(path=Path(folder) / f"{row.name}-{column}.png")


@contextlib.contextmanager
def serving(row: Row, rig: Rig, *, wrapped: bool) -> Iterator[int]:
    """Serve a fresh copy of the application in a process of its own; give the port.

    Raises:
        RuntimeError: It ended, or it has not answered after ``START`` seconds.

    """
    with (
        tempfile.TemporaryDirectory(prefix=f"realapps-{row.name}-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile("w+") as log,
        socket.create_server(("127.0.0.1", 0)) as listening,
    ):
        command = [str(rig.python), str(Path(__file__).with_name("serve.py")), row.name, "--folder", folder]
        command += ["--socket", str(listening.fileno()), "--certificate", str(rig.certificate)]
        command += ["--upstream", str(rig.upstream), "--authority", str(rig.authority)]
        process = subprocess.Popen(
            [*command, "--wrapped"] if wrapped else command,
            cwd=ROOT,
            env={**os.environ, "CONSENT_SECRET": "a secret of the tests that is long enough", "HOME": folder},
            pass_fds=[listening.fileno()],
            stdout=log,
            stderr=log,
        )
        port = listening.getsockname()[1]
        try:
            end = time.monotonic() + START
            while not answers(port):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(log.read()[-2000:])
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if os.environ.get("REALAPPS_LOGS"):
                log.seek(0)
                Path(os.environ["REALAPPS_LOGS"], f"{row.name}-{wrapped}.log").write_text(log.read())


def answers(port: int) -> bool:
    """Say whether the server answers. The socket takes connections before it does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    try:
        connection.request("GET", "/", headers={"Host": f"{HOST}:{port}"})
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
