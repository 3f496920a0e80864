"""Wagtail: log in, edit a page, upload an image, preview, publish. Avatars come from Gravatar."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Wagtail"
POLICY = """
[services.gravatar]
"""
TEMPLATE = """<!doctype html>{% load wagtailuserbar %}<html lang="en"><head><title>{{ page.title }}</title></head>
<body><h1>{{ page.title }}</h1>{% wagtailuserbar %}</body></html>"""


def app(folder: Path) -> ASGIApp:
    from tests.realapps.djangos import set_up

    (folder / "templates" / "wagtailcore").mkdir(parents=True, exist_ok=True)
    (folder / "templates" / "wagtailcore" / "page.html").write_text(TEMPLATE, "utf-8")
    set_up(
        folder,
        [
            "wagtail.contrib.redirects",
            "wagtail.embeds",
            "wagtail.sites",
            "wagtail.users",
            "wagtail.snippets",
            "wagtail.documents",
            "wagtail.images",
            "wagtail.search",
            "wagtail.admin",
            "wagtail",
            "modelcluster",
            "taggit",
        ],
        WAGTAIL_SITE_NAME="Gallery",
        WAGTAILADMIN_BASE_URL="https://app.example.test",
        WAGTAIL_ENABLE_UPDATE_CHECK=False,
        WAGTAIL_ENABLE_WHATS_NEW_BANNER=False,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    from django.conf import settings
    from django.conf.urls.static import static
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
    from django.core.asgi import get_asgi_application
    from django.urls import include, path
    from wagtail import urls as pages
    from wagtail.admin import urls as admin
    from wagtail.documents import urls as documents

    from tests.realapps.djangos import URLS

    media = static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
    URLS.extend(
        [path("admin/", include(admin)), path("documents/", include(documents)), *media, path("", include(pages))]
    )
    return ASGIStaticFilesHandler(get_asgi_application())


def act(page: Page) -> None:
    page.goto("/admin/")
    page.locator("input[name=username]").fill("ann")
    page.locator("input[name=password]").fill("a password of ann")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()

    page.goto("/admin/images/add/")
    page.locator("input[type=file]").set_input_files({"name": "dot.png", "mimeType": "image/png", "buffer": png()})
    # A script gives the picture the name of its file.
    expect(page.locator("#id_title")).to_have_value("dot")
    fold_banner(page)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("added")).to_be_visible()
    shown = page.locator("main img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("(image) => image.naturalWidth"), "the picture is not shown"

    page.goto("/admin/pages/2/edit/")
    page.locator("#id_title").fill("Welcome to the gallery")
    page.get_by_role("button", name="Toggle preview").click()
    preview = page.frame_locator("#w-preview-iframe")
    expect(preview.get_by_role("heading", name="Welcome to the gallery")).to_be_visible()
    fold_banner(page)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("has been published")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Welcome to the gallery")).to_be_visible()
    page.locator("wagtail-userbar").get_by_role("button").click()
    expect(page.get_by_role("menuitem", name="Edit this page")).to_be_visible()


def fold_banner(page: Page) -> None:
    """Make an open banner small: Wagtail's buttons stick to the bottom of the window."""
    fold = page.locator("#consent-root .cc-fold")
    if fold.is_visible():
        fold.click()


def png() -> bytes:
    """Return a picture of 60 by 60 red pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * 60) * 60
    header = struct.pack(">IIBBBBB", 60, 60, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
