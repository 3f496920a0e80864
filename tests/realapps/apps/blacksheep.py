"""A BlackSheep site: an upload, and a file to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "BlackSheep site"
PAGE = """<!doctype html><html lang="en"><head><title>Locker</title></head><body><h1>Locker</h1>
<form method="post" enctype="multipart/form-data"><label>File <input type="file" name="file"></label>
<button>Keep</button></form>{}</body></html>"""


def app(_: Path) -> ASGIApp:
    from blacksheep import Application, Request, Response, get, html, post
    from blacksheep.contents import Content

    kept: list[bytes] = []

    async def home() -> Response:
        return html(PAGE.format(f"<p>{len(kept[0])} bytes</p><a href='/file' download>Fetch</a>" if kept else ""))

    async def keep(request: Request) -> Response:
        kept[:] = [part.data for part in await request.files("file")]
        return Response(303, [(b"location", b"/")])

    async def file() -> Response:
        headers = [(b"content-disposition", b'attachment; filename="kept.txt"')]
        return Response(200, headers, Content(b"text/plain", kept[0]))

    # Handlers' annotations are read when they are routed, and names of this function are not seen then.
    for handler in (home, keep, file):
        handler.__annotations__ = {"return": Response}
    keep.__annotations__["request"] = Request
    get("/")(home)
    post("/")(keep)
    get("/file")(file)
    return Application()


def act(page: Page) -> None:
    page.get_by_label("File").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"12345"})
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("5 bytes")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Fetch").click()
    assert download.value.path().read_bytes() == b"12345"
