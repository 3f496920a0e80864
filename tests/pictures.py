"""Make the pictures of ``docs/banner``: ``python -m tests.pictures [--fonts FOLDER] [--chromium PATH]``.

They show the banner in every layout and theme, and in five languages on a phone. The folder has fonts for scripts that
the machine has none for, and is used for this alone.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from playwright.sync_api import sync_playwright
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent.policy.model import BannerOptions
from cookie_consent.testing import make_policy, wrap
from tests.browser.harness import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["FOLDER", "MOST", "MOST_OF_ALL", "PICTURES", "Picture", "main", "take"]

FOLDER = Path(__file__).parents[1] / "docs" / "banner"
MOST, MOST_OF_ALL = 60_000, 1_500_000
"""The size of one picture and of all, in bytes, at most."""
WINDOW, PHONE = (1000, 600), (320, 640)
SHOP: dict[str, Any] = {
    "controller": {"name": "Shop Ltd"},
    "services": {"google-analytics": {}, "facebook-pixel": {}, "youtube": {}},
}
LINE = '<p style="width:{}%"></p>'
PAGE = f"""<!doctype html><html lang="@language" dir="@direction"><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>
:root {{ color-scheme: @scheme; --line: light-dark(#dde3ea, #39424e); background: light-dark(#fff, #14181d) }}
body {{ margin: 0 }} header {{ height: 3.5rem; background: #27476b }} main {{ max-width: 50rem; margin: 2rem auto }}
h1, p, figure {{ margin: 1rem; height: 0.9rem; border-radius: 0.4rem; background: var(--line) }}
h1 {{ height: 1.8rem; width: 50% }} figure {{ height: 10rem }}</style>
<body><header></header><main><h1></h1>{"".join(map(LINE.format, (88, 92, 70)))}<consent-banner></consent-banner>
<figure></figure>
{"".join(map(LINE.format, (90, 84, 93, 60, 88, 91)))}</main>"""
DIRECTIONS = {"ar": "rtl"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture: what the policy says of the banner, and who looks at it."""

    name: str
    banner: dict[str, Any] = field(default_factory=dict)
    language: str = "en"
    size: tuple[int, int] = WINDOW
    system: Literal["light", "dark"] = "light"
    page: Literal["light", "dark"] = "light"
    act: Literal["", "settings", "refuse"] = ""


def values_of(key: str) -> tuple[str, ...]:
    """Return what the policy takes for a key of ``[banner]``."""
    return get_args(BannerOptions.model_fields[key].annotation)


PICTURES = (
    *(
        Picture(
            name=f"{layout}-{theme}",
            banner={"layout": layout, "theme": theme, **({"position": "element"} if layout == "inline" else {})},
            page="dark" if theme in {"dark", "page"} else "light",
            system="dark" if theme == "auto" else "light",
        )
        for layout in values_of("layout")
        for theme in values_of("theme")
    ),
    *(
        Picture(name=f"phone-{language}", banner={"layout": "box"}, language=language, size=PHONE)
        for language in ("ar", "ta", "zh-Hans", "fi", "de")
    ),
    Picture(name="settings", act="settings"),
    Picture(name="phone-settings", act="settings", size=PHONE),
    Picture(name="close", banner={"layout": "corner", "position": "top-end", "close": True, "site_name": "Shop"}),
    Picture(name="pill", banner={"reopen": "pill"}, act="refuse", size=PHONE),
    Picture(name="icon", banner={"reopen": "icon"}, act="refuse", size=PHONE),
)


def fontconfig(fonts: Path, folder: Path) -> str:
    """Write a configuration of fontconfig that has the fonts of a folder beside the machine's; return its path."""
    file = folder / "fonts.conf"
    kept, given = escape(str(folder / "cache")), escape(str(fonts.resolve()))
    file.write_text(
        '<?xml version="1.0"?><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{given}</dir><cachedir>{kept}</cachedir></fontconfig>",
        "utf-8",
    )
    return str(file)


def act(page: Page, picture: Picture) -> None:
    """Do what the visitor has done before the picture is taken."""
    page.locator(".cc-panel").wait_for()
    if picture.act:
        page.locator(f".cc-panel button[data-action={picture.act}]").first.click()
    if picture.act == "settings":
        page.locator("#cookie-consent-settings").wait_for()
        page.evaluate("document.activeElement.blur()")
    if picture.act == "refuse":
        page.locator(".cc-status a").wait_for()
        page.locator(".cc-status button").click()
        page.locator(".cc-back").wait_for()
        page.evaluate("document.activeElement.blur()")


def take(browser: Browser, picture: Picture) -> bytes:
    """Return the picture, as WebP."""
    text = PAGE.replace("@language", picture.language).replace("@scheme", picture.page)
    answer = HTMLResponse(text.replace("@direction", DIRECTIONS.get(picture.language, "ltr")))
    policy = make_policy(**SHOP, banner={"privacy_url": "/privacy", **picture.banner})
    with serving(wrap(Starlette(routes=[Route("/", lambda _: answer)]), policy)) as port:
        width, height = picture.size
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=picture.system)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/", wait_until="load")
        act(page, picture)
        page.wait_for_timeout(500)  # for what comes in by and by, such as a shadow
        capture = {"format": "webp", "quality": 80}
        taken = context.new_cdp_session(page).send("Page.captureScreenshot", capture)
        context.close()
    return base64.b64decode(taken["data"])


def main() -> int:
    """Take all, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("name", nargs="*", help="the pictures to take; all without it")
    parser.add_argument("--fonts", type=Path, help="a folder with more fonts")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="where Chromium is")
    options = parser.parse_args()
    if options.chromium is None:
        parser.error("needs Chromium: apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        fonts = {"FONTCONFIG_FILE": fontconfig(options.fonts, Path(folder))} if options.fonts else {}
        environment: dict[str, str | float | bool] = {**os.environ, **fonts}
        browser = playwright.chromium.launch(executable_path=options.chromium, args=flags, env=environment)
        for picture in PICTURES:
            if options.name and picture.name not in options.name:
                continue
            content = take(browser, picture)
            if len(content) > MOST:
                sys.stderr.write(f"{picture.name}: {len(content)} bytes are too many\n")
                return 1
            (FOLDER / f"{picture.name}.webp").write_bytes(content)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
