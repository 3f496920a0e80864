"""What ``benchmarks/banner.py`` measures, on pages of which the answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from playwright.sync_api import sync_playwright

from benchmarks import banner
from benchmarks.banner_tools import BARE, OURS, Tool
from tests.browser.harness import serving

pytestmark = [pytest.mark.browser, pytest.mark.server]

# A banner as it ought not to be: it pushes the page down, can hardly be read, and comes last for the keyboard.
POOR = replace(
    BARE,
    name="poor",
    foot="<div id=poor><button style='color:#aaa;background:#fff'>Accept</button></div><script>"
    "requestAnimationFrame(() => setTimeout(() => document.body.prepend(Object.assign(document.createElement('p'),"
    "{ style: 'height: 200px' })), 200));for (const end = Date.now() + 50; Date.now() < end;);</script>",
    root="#poor",
    accept="#poor button",
)
HIDDEN = replace(BARE, foot="<div style='opacity:0'><button id=none>Accept</button></div>", accept="#none")


def measured(chromium_path: str, tool: Tool) -> banner.Result:
    result = banner.Result(tool=tool)
    with sync_playwright() as playwright, serving(tool.app()) as port:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=[*banner.FLAGS, banner.LOOPBACK])
        url = f"http://127.0.0.1:{port}/"
        result.desktop.append(banner.load(browser, tool, url))
        if tool.root:
            banner.use(browser, result, url)
            result.phone.append(banner.load(browser, tool, url, banner.PHONE))
            result.script.append(banner.script_time(browser, url))
        browser.close()
    return result


def test_our_banner_is_seen_and_moves_nothing(chromium_path: str) -> None:
    result = measured(chromium_path, OURS)
    (desktop,), (phone,) = result.desktop, result.phone
    assert desktop.banner > 0
    assert phone.banner > 0
    assert (desktop.shift, phone.shift) == (0, 0)
    assert desktop.requests == 5  # the page, its style and picture; the banner's style and script
    assert desktop.bytes > 10_000
    assert result.script[0] > 0
    assert result.tabs == 1
    # That it comes first for the keyboard is against a practice that axe-core calls best, and on purpose.
    assert (result.wcag, result.practices) == (0, 1)


def test_the_faults_of_a_banner_are_seen(chromium_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The button is at the end of a long page, and never in the window.
    monkeypatch.setattr(banner, "MOST", 500)
    result = measured(chromium_path, POOR)
    assert math.isnan(result.desktop[0].banner)
    assert result.desktop[0].shift > 0
    assert result.script[0] > 50
    assert result.wcag == 1
    assert result.tabs is not None
    assert result.tabs > 10
    assert math.isnan(measured(chromium_path, HIDDEN).desktop[0].banner)
