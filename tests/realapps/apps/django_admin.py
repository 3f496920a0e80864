"""The admin of Django: sign in, make a group with what it may do, find it again, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Django admin"
PATH = "/admin/"


def app(folder: Path) -> ASGIApp:
    from tests.realapps.djangos import set_up

    set_up(folder, [])
    from django.contrib import admin
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
    from django.core.asgi import get_asgi_application
    from django.urls import path

    from tests.realapps.djangos import URLS

    URLS.append(path("admin/", admin.site.urls))
    return ASGIStaticFilesHandler(get_asgi_application())


def act(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("a password of ann")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    page.get_by_role("link", name="Groups", exact=True).click()
    page.locator(".object-tools .addlink").click()
    page.get_by_label("Name").fill("Editors")
    # The two lists are a script's.
    page.locator("#id_permissions_from option").first.dblclick()
    expect(page.locator("#id_permissions_to option")).to_have_count(1)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    page.get_by_role("link", name="Editors", exact=True).first.click()
    expect(page.locator("#id_permissions_to option")).to_have_count(1)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("was deleted successfully")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Logged out")).to_be_visible()
