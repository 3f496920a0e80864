"""Hostile answers that got through the gate once, and their neighbours: see ``tests/data/gate/README.md``.

Each is live in Chromium without a gate, held by the HTML gate alone, and held by the defaults.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy import GateOptions
from tests.browser.harness import SITE, serving

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser, Page
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.browser.harness import Proxy

FILES = sorted((Path(__file__).parents[1] / "data/gate").glob("*.json"))
CASES: list[dict[str, Any]] = [case for file in FILES for case in json.loads(file.read_text("ascii"))]
AT_ONCE = 10
SETTLED = 900
"""Milliseconds for what a page does after it has loaded, such as a refresh; a live page that needs more fails."""


def host(number: int) -> str:
    return f"evil{number}.test"


async def site(scope: Scope, _: Receive, send: Send) -> None:
    """Answer ``/NUMBER/`` with that case, and anything else with nothing."""
    number = scope["path"].split("/")[1]
    headers: list[tuple[bytes, bytes]] = []
    body, size = b"", 1
    if number.isdigit() and scope["path"] == f"/{number}/":
        case, evil = CASES[int(number)], host(int(number))
        text = case["body"].replace("PADDING", "x" * case.get("padding", 0))
        body = text.replace("EVIL", evil).encode("latin-1")
        size = case.get("chunks") or max(len(body), 1)
        if "content_type" in case:
            headers.append((b"content-type", case["content_type"].encode("latin-1")))
        headers += [
            (name.encode("latin-1"), value.replace("EVIL", evil).encode("latin-1"))
            for name, value in case.get("headers", ())
        ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for at in range(0, len(body), size):
        await send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
    await send({"type": "http.response.body"})


def visit(app: ASGIApp, browser: Browser, proxy: Proxy, numbers: Iterable[int]) -> set[int]:
    """Open the cases; return those of which another host was contacted."""
    proxy.contacts.clear()
    with serving(app) as port:
        proxy.upstream = port
        for scripting in (True, False):
            context = browser.new_context(java_script_enabled=scripting)
            chosen = [number for number in numbers if CASES[number].get("scripting", True) is scripting]
            for start in range(0, len(chosen), AT_ONCE):
                open_all(context.new_page, chosen[start : start + AT_ONCE])
            context.close()
    # Only the first label: a case may lengthen the host by the bytes that stand behind it.
    contacted = {contact.partition(".")[0] for contact in proxy.contacts}
    return {number for number in numbers if host(number).partition(".")[0] in contacted}


def open_all(new_page: Any, numbers: list[int]) -> None:
    pages: list[Page] = []
    for number in numbers:
        page = new_page()
        pages.append(page)
        page.goto(f"http://{SITE}/{number}/", wait_until="commit")
    for page in pages:
        page.wait_for_load_state("load")
    pages[-1].wait_for_timeout(SETTLED)
    for page in pages:
        page.close()


def names(numbers: Iterable[int]) -> list[str]:
    return [CASES[number]["name"] for number in sorted(numbers)]


def gated(policy: Policy, folder: Path) -> ASGIApp:
    return ConsentMiddleware(site, policy, secret="x" * 40, ledger=f"sqlite:///{folder / 'log.db'}")


MODES = {
    "HTML gate alone": Policy(version="1", gate=GateOptions(csp="off", guard=False)),
    "defaults": Policy(version="1"),
}


def test_all_are_live(browser: Browser, proxy: Proxy) -> None:
    numbers = range(len(CASES))
    assert names(set(numbers) - visit(site, browser, proxy, numbers)) == []


@pytest.mark.parametrize("mode", MODES)
def test_all_are_held(browser: Browser, proxy: Proxy, tmp_path: Path, mode: str) -> None:
    assert names(visit(gated(MODES[mode], tmp_path), browser, proxy, range(len(CASES)))) == []
