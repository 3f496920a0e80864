"""The banner beside those of others, on the same page, in one run.

    make node_modules/installed; python -m benchmarks.banner [--loads 7] [--markdown] [--chromium PATH]

Each tool is set up as ``banner_tools.py`` says, and served from loopback, compressed with gzip. Chromium opens the page
again and again with nothing in its cache and a processor slowed down four times; the tools take turns, so that whatever
else the machine does strikes all of them. Other hosts cannot be reached.

- *bytes*, *requests*: what the tool adds to the page alone, over the wire, with headers; median;
- *page*: the first contentful paint of the page; median;
- *banner*: from the start of the navigation until the button to accept stands in the window and a click would reach it;
  median. *4G* is the same with 170 ms of latency and 9 Mbit/s;
- *shift*: the sum of all layout shifts, at 1280 and at 320 pixels; the worst load;
- *script*: the time in which JavaScript is compiled and run, above that of the page alone; median;
- *axe*: rules of axe-core that the page breaks with the banner open: those of WCAG, and best practices;
- *tabs*: how often Tab is pressed until the focus is on a control of the banner; 0 where it takes the focus by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from benchmarks.banner_tools import BARE, NODE_MODULES, Tool, tools
from tests.browser.harness import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Browser, CDPSession, Page

__all__ = ["DESKTOP", "PHONE", "Load", "Result", "axe_violations", "load", "main", "measure", "script_time", "tabs"]

DESKTOP, PHONE = (1280, 800), (320, 640)
SLOWED = 4
"""How much slower the processor is."""
FOUR_G = {"offline": False, "latency": 170, "downloadThroughput": 9e6 / 8, "uploadThroughput": 9e6 / 8}
"""As the profile "4G" of WebPageTest."""
MOST = 20_000
"""Milliseconds after which a banner is taken not to come."""
REST = 1000
"""Milliseconds for what moves, or is run, after the banner is seen."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
WATCH = """(() => {
  const seen = (self.seen = { shift: 0, banner: null, page: null });
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) seen.shift += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => { for (const { name, startTime } of list.getEntries())
    if (name === "first-contentful-paint") seen.page = startTime; }).observe({ type: "paint", buffered: true });
  const look = () => {
    const button = document.querySelector(SELECTOR);
    if (button?.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
      const { left, top, width, height } = button.getBoundingClientRect();
      if (button.contains(document.elementFromPoint(left + width / 2, top + height / 2))) {
        seen.banner = performance.now();
        return;
      }
    }
    requestAnimationFrame(look);
  };
  if (SELECTOR) requestAnimationFrame(look);
})()"""
IS_ON = """(selector) => {
  const node = document.activeElement;
  return Boolean(node?.closest(selector)) && node.matches("a, button, input, select, summary, [role=button]");
}"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load of a page."""

    bytes: int
    requests: int
    page: float
    banner: float
    """Milliseconds; not a number where no banner came."""
    shift: float


@dataclass(kw_only=True)
class Result:
    """What was measured of one tool."""

    tool: Tool
    desktop: list[Load] = field(default_factory=list)
    phone: list[Load] = field(default_factory=list)
    far: list[Load] = field(default_factory=list)
    script: list[float] = field(default_factory=list)
    wcag: int = 0
    practices: int = 0
    tabs: int | None = None

    def median(self, loads: str, what: str) -> float:
        """Return the median of one figure, such as ``banner`` of ``desktop``."""
        return statistics.median(getattr(one, what) for one in getattr(self, loads))


@contextlib.contextmanager
def opened(browser: Browser, size: tuple[int, int], *, slowed: int = SLOWED) -> Iterator[tuple[Page, CDPSession]]:
    """Open an empty page with nothing in its cache."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-US")
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        yield page, session
    finally:
        context.close()


def load(
    browser: Browser, tool: Tool, url: str, size: tuple[int, int] = DESKTOP, *, network: dict[str, Any] | None = None
) -> Load:
    """Open the page and watch it until its banner can be used, and a while longer."""
    sizes: list[float] = []
    asked: list[str] = []
    with opened(browser, size) as (page, session):
        session.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        session.send("Network.enable")
        if network:
            session.send("Network.emulateNetworkConditions", network)
        page.add_init_script(WATCH.replace("SELECTOR", json.dumps(tool.accept)))
        page.goto(url, wait_until="load")
        if tool.accept:
            with contextlib.suppress(Exception):
                page.wait_for_function("seen.banner !== null", timeout=MOST, polling=100)
        page.wait_for_timeout(REST)
        seen = page.evaluate("seen")
    banner = seen["banner"] if seen["banner"] is not None else float("nan")
    requests = sum(address.startswith("http") for address in asked)
    return Load(bytes=round(sum(sizes)), requests=requests, page=seen["page"], banner=banner, shift=seen["shift"])


def script_time(browser: Browser, url: str) -> float:
    """Return the milliseconds in which JavaScript is compiled and run, with nothing of ours in the page."""
    with opened(browser, DESKTOP) as (page, session):
        session.send("Performance.enable")
        page.goto(url, wait_until="load")
        page.wait_for_timeout(2.5 * REST)
        metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ScriptDuration"] + metrics["V8CompileDuration"]) * 1000


def axe_violations(page: Page) -> list[dict[str, Any]]:
    """Return the rules of axe-core that the page breaks."""
    page.evaluate((NODE_MODULES / "axe-core" / "axe.min.js").read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run()")["violations"]
    return found


def tabs(page: Page, root: str, most: int = 100) -> int | None:
    """Press Tab until a control within ``root`` has the focus; return how often, or None where none gets it."""
    for pressed in range(most):
        if page.evaluate(IS_ON, root):
            return pressed
        page.keyboard.press("Tab")
    return None


def use(browser: Browser, result: Result, url: str) -> None:
    """Look at what does not change from load to load."""
    tool = result.tool
    with opened(browser, DESKTOP, slowed=1) as (page, _):
        page.goto(url, wait_until="load")
        for button in filter(None, (tool.accept, tool.refuse)):
            page.locator(button).first.wait_for(timeout=MOST)
        page.wait_for_timeout(REST)
        if tool.root:
            result.tabs = tabs(page, tool.root)
    with opened(browser, DESKTOP, slowed=1) as (page, _):
        page.goto(url, wait_until="load")
        if tool.accept:
            page.locator(tool.accept).first.wait_for(timeout=MOST)
        page.wait_for_timeout(REST)
        found = axe_violations(page)
        result.practices = sum("best-practice" in rule["tags"] for rule in found)
        result.wcag = len(found) - result.practices
        for rule in found:
            progress(f"  axe: {tool.name}: {rule['id']} ({len(rule['nodes'])}), e.g. {rule['nodes'][0]['target']}")


def measure(browser: Browser, measured: Sequence[Tool], loads: int) -> list[Result]:
    """Measure all, in turn."""
    results = [Result(tool=tool) for tool in measured]
    with contextlib.ExitStack() as stack:
        present = [result for result in results if not result.tool.missing]
        urls = {
            id(result): f"http://127.0.0.1:{stack.enter_context(serving(result.tool.app()))}/" for result in present
        }
        for result in present:
            load(browser, result.tool, urls[id(result)])  # whatever a server does only once
            use(browser, result, urls[id(result)])
        for number in range(loads):
            for result in present:
                tool, url = result.tool, urls[id(result)]
                result.desktop.append(load(browser, tool, url))
                result.phone.append(load(browser, tool, url, PHONE))
                result.far.append(load(browser, tool, url, network=FOUR_G))
                result.script.append(script_time(browser, url))
            progress(f"{number + 1} of {loads}")
    return results


HEADINGS = (
    "tool", "version", "bytes", "requests", "page", "banner", "page, 4G", "banner, 4G",
    "shift, 1280", "shift, 320", "script", "axe", "tabs",
)  # fmt: skip


def rows(results: Sequence[Result]) -> list[list[str]]:
    """Return the table's cells."""
    bare = next(result for result in results if result.tool is BARE)
    table = []
    for result in results:
        tool = result.tool
        if tool.missing:
            table.append([tool.name, tool.version, f"not measured: {tool.missing}", *[""] * (len(HEADINGS) - 3)])
            continue
        times = [result.median(loads, what) for loads in ("desktop", "far") for what in ("page", "banner")]
        shifts = [max(one.shift for one in loads) for loads in (result.desktop, result.phone)]
        base = bare if result is not bare else None
        script = statistics.median(result.script) - (statistics.median(base.script) if base else 0)
        added = [
            result.median("desktop", what) - (base.median("desktop", what) if base else 0)
            for what in ("bytes", "requests")
        ]
        table.append(
            [
                tool.name,
                tool.version,
                f"{added[0] / 1000:.1f} KB",
                f"{added[1]:.0f}",
                *("" if math.isnan(time) else f"{time:.0f} ms" for time in times),
                *(f"{shift:.3f}" if shift else "0" for shift in shifts),
                f"{max(0, script):.0f} ms",
                f"{result.wcag} + {result.practices}",
                "" if not tool.root else "never" if result.tabs is None else str(result.tabs),
            ]
        )
    return table


def plain(table: Sequence[Sequence[str]]) -> str:
    """Return the table for a terminal."""
    lines = [HEADINGS, *table]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def markdown(table: Sequence[Sequence[str]]) -> str:
    """Return the table for the documentation."""
    lines = [HEADINGS, ["---", "---", *["--:"] * (len(HEADINGS) - 2)], *table]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def progress(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--only", default="", help="measure only tools whose name contains this, and the page alone")
    options = parser.parse_args()
    if not options.chromium:
        parser.error("needs Chromium: apt-get install chromium")
    measured = [tool for tool in tools() if tool is BARE or options.only in tool.name]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=[*FLAGS, LOOPBACK])
        results = measure(browser, measured, options.loads)
        version = browser.version
        browser.close()
    show: Callable[[Sequence[Sequence[str]]], str] = markdown if options.markdown else plain
    print(show(rows(results)))
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, Chromium {version}, {os.cpu_count()} processors ({platform.machine()}), "
        f"slowed {SLOWED} times, {options.loads} loads"
    )


if __name__ == "__main__":
    main()
