"""The demo as a visitor sees it, and the log of what he chose."""

from __future__ import annotations

import csv
import io
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
OPTIONAL = ["login", "preferences", "analytics", "advertising", "social"]


class Demo:
    def __init__(self, shop: str, third: str, ledger: str) -> None:
        self.shop, self.third, self.ledger = shop, third, ledger


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    ledger = f"sqlite:///{tmp_path / 'demo.db'}"
    command = [
        sys.executable,
        "-m",
        "cookie_consent",
        "demo",
        "--port",
        "0",
        "--third-party-port",
        "0",
        "--ledger",
        ledger,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        text = "".join(process.stdout.readline() for _ in range(2))
        addresses = re.findall(r"http://[a-z0-9.]+:\d+", text)
        yield Demo(addresses[0], addresses[1], ledger)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(HANG * 1000)
    yield context.new_page()
    context.close()


def received(page: Page, demo: Demo, *, awaited: frozenset[str] = frozenset()) -> set[str]:
    """Return who has received anything, once all ``awaited`` ones have."""
    end = time.monotonic() + HANG
    while True:
        page.wait_for_timeout(600)
        found = {service["id"] for service in page.request.get(f"{demo.third}/live.json").json()["services"]}
        if found >= awaited:
            return found
        assert time.monotonic() < end, f"only {found}"


def tour(page: Page, demo: Demo) -> None:
    for path in ("/", "/products/mug", "/cart"):
        page.goto(demo.shop + path, wait_until="load")


def choose(page: Page, button: str) -> None:
    with page.expect_response(lambda response: response.url.endswith("/choices")) as answer:
        page.get_by_role("button", name=button, exact=True).first.click()
    assert answer.value.status in {200, 303}
    # The page is reloaded where something was held back on it, else the banner alone goes away.
    page.wait_for_function("""() => !document.querySelector('#consent-root[data-decided="false"]')""")
    page.wait_for_load_state("load")


def test_refusing_keeps_the_list_empty(page: Page, demo: Demo) -> None:
    tour(page, demo)
    choose(page, "Refuse all")
    tour(page, demo)
    assert received(page, demo) == set()
    assert "shop_visits" not in {cookie["name"] for cookie in page.context.cookies(demo.shop)}


def test_analytics_alone_makes_one_line_and_withdrawal_ends_it(page: Page, demo: Demo) -> None:
    page.goto(demo.shop)
    page.locator(".cc-toggle:visible").click()
    page.locator('#consent-root input[type="checkbox"][value="analytics"]').check()
    choose(page, "Save choices")
    tour(page, demo)
    assert received(page, demo, awaited=frozenset({"footfall"})) == {"footfall"}
    visits = [cookie for cookie in page.context.cookies(demo.shop) if cookie["name"] == "shop_visits"]
    assert visits[0]["httpOnly"]
    live = page.context.new_page()
    live.goto(demo.third)
    assert live.locator("section").count() == 1
    page.goto(f"{demo.shop}/_consent/preferences")
    choose(page, "Refuse all")
    page.request.post(f"{demo.third}/reset")
    tour(page, demo)
    assert received(page, demo) == set()
    assert "shop_visits" not in {cookie["name"] for cookie in page.context.cookies(demo.shop)}
    live.get_by_text("No third party has received anything").wait_for()


def test_accepting_all_lets_all_in(page: Page, demo: Demo) -> None:
    page.goto(demo.shop)
    choose(page, "Accept all")
    tour(page, demo)
    everyone = frozenset({"footfall", "adbarn", "nicely", "playhouse", "typeshelf"})
    assert received(page, demo, awaited=everyone) == everyone


def test_ten_choices_are_ten_rows(page: Page, demo: Demo) -> None:
    wanted = [OPTIONAL[: at % 6] if at % 2 else OPTIONAL[at % 5 :] for at in range(10)]
    for granted in wanted:
        page.goto(f"{demo.shop}/_consent/preferences")
        for name in OPTIONAL:
            page.locator(f'input[type="checkbox"][value="{name}"]').set_checked(name in granted)
        choose(page, "Save choices")
    command = [sys.executable, "-m", "cookie_consent", "log", "export", "--format", "csv", "--ledger", demo.ledger]
    export = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = list(csv.DictReader(io.StringIO(export)))
    assert [row["granted"].split() for row in rows] == [sorted(granted) for granted in wanted]
    for granted, row in zip(wanted, rows, strict=True):
        assert set(row["refused"].split()) == set(OPTIONAL) - set(granted)
    assert len({row["subject"] for row in rows}) == 1
    assert [row["previous"] for row in rows] == ["", *(row["id"] for row in rows[:-1])]
    assert {row["channel"] for row in rows} == {"preferences"}
    assert all(len(row["notice"]) == 64 for row in rows)
