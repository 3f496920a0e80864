"""FastAPI's ``/docs``: try an operation out. Swagger UI comes from a CDN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "FastAPI `/docs`"
PATH = "/docs"
CDN = ("cdn.jsdelivr.net",)
POLICY = """
[services.fastapi]
name = "FastAPI"
category = "preferences"
purpose = "Shows the icon of the page"
hosts = ["fastapi.tiangolo.com"]
"""


def app(_: Path) -> ASGIApp:
    from fastapi import FastAPI

    site = FastAPI(title="Library")

    @site.get("/books/{number}")
    def book(number: int) -> dict[str, int]:
        return {"number": number}

    return site


def act(page: Page) -> None:
    page.locator(".opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("number").fill("42")
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text('"number": 42')
