"""What the guard costs a page, in script time of a slow device's browser.

    python benchmarks/guard.py [--rounds 15] [--rate 4] [--most-first 30] [--most-decided 5]

Serves a small page with the built-in policy on a loopback port, and opens it in Chromium with its processor slowed down
``--rate`` times. In each round the same page without a guard stands beside it. Each round has a browser context of its
own: a first visitor, whose browser has nothing in its caches, and the same visitor once they have refused and have seen
a few pages since, when the browser has kept the compiled script.

*Blocking* is what the page waits for: to compile and run the guard's file. *Processor* is the part of it in which the
browser's thread computes, on a page that is not slowed down, times ``--rate``: other work on the machine changes it
little, and what waits for other processes is not in it. *Whole* is all that the browser's trace attributes to the file
until a second after the load, which includes calls later on. *Page* is the difference of all script time to the page
without a guard, by the browser's own count. Medians. Exits with status 1 if a *processor* time is above its limit.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from playwright.sync_api import sync_playwright

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.testing import make_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import BrowserContext, BrowserType
    from starlette.types import Receive, Scope, Send

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu"]
VISITORS = ("first", "decided")
CATEGORY = "devtools.timeline"
BLOCKING = {"EvaluateScript"}
"""Contains the compilation of a classic script."""
LATER = {"FunctionCall"}
SETTLED = 1000
"""Milliseconds after the load."""
PAGES_SINCE = 3
"""Chromium keeps the compiled script from the second or third time on that it runs."""
PAGE = (
    b"<!doctype html><html lang=en><head><title>Page</title><link rel=icon href=data:,></head><body>%s</body></html>"
    % (b"<p>Some words, <a href=/a>a link</a>.</p>" * 100)
)


@dataclass
class Times:
    """Milliseconds of each round."""

    processor: list[float] = field(default_factory=list)
    blocking: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)


async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - as ASGI calls it
    """Send the page."""
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(PAGE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


@contextlib.contextmanager
def serving(policy: Policy, folder: Path) -> Iterator[str]:
    """Serve the page, and give its address."""
    ledger = f"sqlite:///{folder / policy.version}.db"
    site = ConsentMiddleware(app, policy=policy, secret="x" * 40, ledger=ledger)
    server = uvicorn.Server(uvicorn.Config(site, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


def outermost_of(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of the guard's file that no other of these contains."""
    found = [
        event
        for event in trace
        if event["name"] in BLOCKING | LATER and event.get("ph") == "X"
        if "/assets/guard." in event.get("args", {}).get("data", {}).get("url", "")
    ]
    ends: dict[int, float] = {}
    outermost = []
    for event in sorted(found, key=lambda event: float(event["ts"])):
        if event["ts"] >= ends.get(event["tid"], 0):
            outermost.append(event)
            ends[event["tid"]] = event["ts"] + event["dur"]
    return outermost


def traced(context: BrowserContext, address: str, rate: float) -> tuple[list[dict[str, Any]], float]:
    """Open the page, and return the guard's events and the milliseconds of all scripts."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    trace: list[dict[str, Any]] = []
    ended: list[Any] = []
    session.on("Tracing.dataCollected", lambda data: trace.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: ended.append(data))  # noqa: PLW0108 - Playwright marks it
    session.send("Performance.enable")
    session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
    session.send("Tracing.start", {"categories": CATEGORY})
    page.goto(address)
    page.wait_for_timeout(SETTLED)
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(10)
    page.close()
    events = outermost_of(trace)
    return events, metrics["ScriptDuration"] * 1000


def visit(contexts: Sequence[BrowserContext], address: str, rate: float) -> list[float]:
    """Return the figures of one visitor, *page* being that of all scripts. The contexts are alike."""
    quick, _ = traced(contexts[0], address, 1)
    slow, scripts = traced(contexts[1], address, rate)
    processor = sum(event["tdur"] for event in quick if event["name"] in BLOCKING) * rate
    blocking = sum(event["dur"] for event in slow if event["name"] in BLOCKING)
    return [processor / 1000, blocking / 1000, sum(event["dur"] for event in slow) / 1000, scripts]


def refuse(context: BrowserContext, address: str) -> None:
    """Refuse all, and see a few pages."""
    headers = {"Origin": address.rstrip("/")}
    response = context.request.post(f"{address}_consent/choices", data={"granted": []}, headers=headers)
    if not response.ok:
        raise SystemExit(f"the choice was not taken: {response.status} {response.text()}")
    for _ in range(PAGES_SINCE):
        page = context.new_page()
        page.goto(address)
        page.wait_for_timeout(SETTLED)
        page.close()


def visits(chromium: BrowserType, address: str, rate: float) -> Iterator[list[float]]:
    """Yield what ``visit`` returns for a first visitor, and then for the same one who has refused."""
    with contextlib.ExitStack() as stack:
        contexts = []
        for _ in range(2):
            # Browsers do not keep compiled scripts of private windows, as which other contexts count.
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            contexts.append(
                stack.enter_context(chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=FLAGS))
            )
        yield visit(contexts, address, rate)
        for context in contexts:
            refuse(context, address)
        yield visit(contexts, address, rate)


def main() -> int:
    """Print the figures, and compare them with the limits."""
    parser = argparse.ArgumentParser(prog="benchmarks/guard.py", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rate", type=float, default=4)
    parser.add_argument("--most-first", type=float, default=30)
    parser.add_argument("--most-decided", type=float, default=5)
    options = parser.parse_args()
    times = {visitor: Times() for visitor in VISITORS}
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Policy(version="1"), Path(name)) as guarded,
        serving(make_policy(version="2", gate={"guard": False}), Path(name)) as bare,
        sync_playwright() as playwright,
    ):
        for _ in range(options.rounds):
            pairs = zip(*(visits(playwright.chromium, site, options.rate) for site in (guarded, bare)), strict=True)
            for visitor, (found, without) in zip(VISITORS, pairs, strict=True):
                *own, scripts = found
                for kept, value in zip(vars(times[visitor]).values(), [*own, scripts - without[-1]], strict=True):
                    kept.append(value)
    limits = {"first": options.most_first, "decided": options.most_decided}
    for visitor, found in times.items():
        line = "  ".join(f"{kind} {statistics.median(values):5.1f} ms" for kind, values in vars(found).items())
        sys.stdout.write(f"{visitor:8} visitor: {line}  (processor: at most {limits[visitor]:g} ms)\n")
    return int(any(statistics.median(times[visitor].processor) > limit for visitor, limit in limits.items()))


if __name__ == "__main__":
    sys.exit(main())
