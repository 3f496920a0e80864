"""The operator's page of figures, as a browser shows it under its own policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, Ledger, Policy
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Visiting

TOKEN = "a-token-for-the-tests-long-enough"
DRAWN = """() => [...document.querySelectorAll('.cc-plot :is(polygon, polyline, text)')].map((element) => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element), plot = element.ownerSVGElement;
  const outer = plot.getBoundingClientRect();
  return {
    tag: element.tagName, name: element.getAttribute('class'), width: box.width, height: box.height,
    paint: style.fill === 'none' ? style.stroke : style.fill, size: parseFloat(style.fontSize) * outer.width / 600,
    inside: box.left >= outer.left - 1 && box.right <= outer.right + 1,
  };
})"""
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def app(tmp_path: Path) -> ConsentMiddleware:
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    now = datetime.now(UTC)
    choices: list[dict[str, Any]] = [
        {},
        {"granted": ("advertising", "analytics"), "refused": ()},
        {"granted": (), "refused": ("advertising", "analytics"), "action": "withdrawn"},
        {"channel": "gpc", "action": "signal"},
    ]
    ledger.append([make(at=now - timedelta(days=day), **choice) for day in range(120) for choice in choices])
    ledger.close()
    policy = Policy(version="1")
    return ConsentMiddleware(Starlette(), policy=policy, secret="s" * 32, ledger=ledger, admin_token=TOKEN)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en", "light", 1280), ("ar", "dark", 360), ("de", "light", 360)]
)
def test_plots_can_be_seen_and_read(
    app: ConsentMiddleware, visiting: Visiting, language: str, scheme: Any, width: int
) -> None:
    with visiting(app, scripts=False, locale=language) as visit:
        complaints: list[str] = []
        visit.page.on("console", lambda message: complaints.append(message.text))
        visit.context.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}", "Accept-Language": language})
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.set_viewport_size({"width": width, "height": 800})
        visit.open("/_consent/admin/stats?period=90")
        drawn = visit.page.evaluate(DRAWN)
        background = visit.page.evaluate(BACKGROUND)
        assert visit.page.evaluate(OVERFLOW) <= 0
        assert {one["tag"] for one in drawn} == {"polygon", "polyline", "text"}
        assert all(one["inside"] for one in drawn)
        paint = {one["name"]: one["paint"] for one in drawn}
        for one in drawn:
            assert one["width"] > 0 or one["name"] == "cc-plot-share"
            if one["tag"] == "text":
                assert one["size"] >= 10
                assert contrast(one["paint"], background) >= 4.5
        for first, second in (("all", "some"), ("some", "none"), ("share", "rest")):
            assert contrast(paint[f"cc-plot-{first}"], paint[f"cc-plot-{second}"]) >= 3
        for name in ("all", "some", "none", "share", "line"):
            assert contrast(paint[f"cc-plot-{name}"], background) >= 3
        visit.page.locator("summary").first.click()
        assert visit.page.locator("td").first.is_visible()
        visit.page.locator("#period").select_option("30")
        visit.page.locator(".cc-period button").click()
        visit.page.wait_for_url("**/stats?period=30")
        assert complaints == []
