"""The banner in Chromium: what it activates, how it fails, how it is operated, how it withstands a page's style."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.browser import harness
from tests.browser.journey import choose
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

POLICY = parse_policy(
    {
        "version": "1",
        "services": {
            "acme": {"name": "Acme", "category": "analytics", "hosts": ["*.acme.test"], "inline": ["acmeStats("]},
            "ads": {"name": "Ads", "category": "advertising", "hosts": ["ads.test"]},
        },
    },
    source="test",
)
BODY = """
<script>window.order = []; function acmeStats(name) { order.push(name); }</script>
<script async src=//async.acme.test/a.js></script>
<script src=//one.acme.test/a.js></script>
<script>acmeStats('inline')</script>
<script defer src=//late.acme.test/a.js></script>
<script src=//two.acme.test/a.js></script>
<script src=//ads.test/a.js></script>
<img src=//picture.acme.test/a.gif>
<link rel=stylesheet href=//style.acme.test/a.css>
<iframe src=//frame.acme.test/></iframe>
<svg><image xlink:href=//svg.acme.test/a.png></image></svg>
"""
SCRIPTS = ("async.acme.test", "one.acme.test", "late.acme.test", "two.acme.test", "ads.test")


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in SCRIPTS:
        monkeypatch.setitem(harness.STUBS, host, ("text/javascript", f"order.push('{host}')".encode()))


def site(ledger: str, style: str = "", *, language: str = "en") -> ASGIApp:
    head = f"<title>Site</title><style>{style}</style>"
    page = f"<!doctype html><html lang={language}><head>{head}</head><body>{BODY}</body></html>"
    app = Starlette(routes=[Route("/", lambda _: HTMLResponse(page))])
    return ConsentMiddleware(app, policy=POLICY, secret="x" * 40, ledger=ledger)


def order(page: Page) -> list[str]:
    return [str(name) for name in page.evaluate("order")]


def test_activation_keeps_the_order_and_runs_nothing_twice(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        errors: list[str] = []
        visit.page.on("pageerror", lambda error: errors.append(str(error)))
        assert visit.open() == set()
        visit.page.locator(".cc-toggle:visible").click()
        visit.page.locator('#consent-root input[type="checkbox"][value="analytics"]').check()
        choose(visit, "Save choices")
        contacted = visit.settled()
        assert contacted == {
            f"{name}.acme.test" for name in ("async", "one", "late", "two", "picture", "style", "frame", "svg")
        }
        ran = order(visit.page)
        assert sorted(ran) == sorted(["async.acme.test", "one.acme.test", "inline", "late.acme.test", "two.acme.test"])
        ran.remove("async.acme.test")
        assert ran == ["one.acme.test", "inline", "two.acme.test", "late.acme.test"]
        assert visit.page.locator("[data-consent]").count() == 1
        assert visit.page.get_by_role("button", name="Accept all").count() == 0
        assert errors == []


def test_the_settings_button_of_a_phone_keeps_its_width_when_it_is_open(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.page.set_viewport_size({"width": 360, "height": 740})
        visit.open()
        button, actions = visit.page.locator("button.cc-toggle"), visit.page.locator(".cc-actions").first
        for is_open in ("false", "true", "false"):
            visit.page.locator(f"button.cc-toggle[aria-expanded={is_open}]").wait_for()
            width, whole = (box["width"] for box in (button.bounding_box(), actions.bounding_box()) if box is not None)
            assert width == whole
            button.click()


def test_a_choice_that_is_not_saved_is_told_and_changes_nothing(visiting: Visiting, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with visiting(site(f"sqlite:///{tmp_path}/file/consent.db")) as visit:
        visit.open()
        visit.page.get_by_role("button", name="Accept all").click()
        alert = visit.page.get_by_role("alert")
        alert.wait_for()
        assert "could not be saved" in alert.inner_text()
        assert visit.settled() == set()
        assert visit.page.get_by_role("button", name="Accept all").is_visible()
        assert visit.cookies() == {}


def test_the_keyboard_is_enough(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        reached = []
        for _ in range(12):
            visit.page.keyboard.press("Tab")
            name = visit.page.evaluate("document.activeElement.innerText.trim()")
            reached.append(name)
            if name == "Refuse all":
                break
        assert reached[-1] == "Refuse all"
        visit.page.keyboard.press("Enter")
        visit.page.get_by_role("link", name="Privacy settings").wait_for()
        assert visit.settled() == set()
    (record,) = Ledger(ledger_url).records()
    assert (record.action, record.granted, record.channel, record.url) == ("refused", (), "banner", "/")
    assert (record.control, len(record.build), len(record.edition)) == ("refuse-all", 16, 16)


def test_the_consent_id_can_be_selected_and_copied(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        visit.page.get_by_role("button", name="Accept all").click()
        visit.page.get_by_role("link", name="Privacy settings").wait_for()
        visit.page.goto(f"{visit.page.url.rstrip('/')}/_consent/preferences")
        (record,) = Ledger(ledger_url).records()
        assert visit.page.locator(".cc-id").inner_text() == record.subject
        button = visit.page.get_by_role("button", name="Copy")
        if visit.page.evaluate("Boolean(navigator.clipboard)"):
            visit.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
            button.click()
            visit.page.get_by_role("button", name="Copied").wait_for()
            assert visit.page.evaluate("copied") == record.subject
        else:
            assert not button.is_visible()


HOSTILE = """
* { font-size: 40px !important; margin: 30px !important; position: relative !important; color: #fff !important; }
button, a { all: unset !important; display: none !important }
section { display: none !important; width: 9px !important }
"""


@pytest.mark.parametrize("style", ["", HOSTILE])
@pytest.mark.parametrize("size", [(360, 640), (1280, 800)])
def test_the_banner_withstands_the_page(visiting: Visiting, ledger_url: str, style: str, size: tuple[int, int]) -> None:
    with visiting(site(ledger_url, style)) as visit:
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        visit.open()
        boxes = [visit.page.get_by_role("button", name=name).bounding_box() for name in ("Accept all", "Refuse all")]
        for box in boxes:
            assert box is not None
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= size[1]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert abs(boxes[0]["width"] - boxes[1]["width"]) < 1
        panel = visit.page.locator("#consent-root section").bounding_box()
        assert panel is not None
        assert panel["height"] < size[1] * 0.8


FULL = parse_policy(
    {
        "version": "1",
        "controller": {"name": "Acme Ltd", "contact": "privacy@acme.example"},
        "services": {"google-analytics": {}, "facebook-pixel": {}, "youtube": {}, "google-fonts": {}},
        "cookies": own_cookies("login", "preferences"),
    },
    source="test",
)


@pytest.mark.parametrize(("language", "share"), [("en", 0.56), ("de", 0.6)])
def test_the_first_layer_leaves_room_on_a_phone(
    visiting: Visiting, ledger_url: str, language: str, share: float
) -> None:
    """It is no taller than it was before it had purposes, partners, controller, and how to withdraw."""
    page = f"<!doctype html><html lang={language}><meta name=viewport content='width=device-width'><title>a</title>"
    app = ConsentMiddleware(HTMLResponse(page), policy=FULL, secret="x" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        visit.page.set_viewport_size({"width": 375, "height": 667})
        visit.open()
        panel = visit.page.locator("#consent-root section")
        box = panel.bounding_box()
        assert box is not None
        assert panel.evaluate(
            "panel => panel.scrollHeight <= panel.clientHeight"
        )  # nothing of it has to be scrolled to
        assert box["height"] <= share * 667


def test_right_to_left(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, language="ar")) as visit:
        visit.open()
        assert visit.page.locator("#consent-root").get_attribute("dir") == "rtl"
        assert visit.page.get_by_role("button", name="قبول الكل").is_visible()
        title = visit.page.locator("#consent-root h2").evaluate("node => getComputedStyle(node).textAlign")
        assert title in {"start", "right"}
