"""No listed library runs code that it finds in markup, on a page whose policy allows scripts of the site itself.

Somebody who can inject markup, but no script, could load any listed library from the mirror.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from cookie_consent.mirror.libraries import Libraries

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tests.browser.conftest import Visiting

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
pytestmark = pytest.mark.skipif(not (NODE_MODULES / "htmx.org").is_dir(), reason="npm ci has not been run")

POLICY = "script-src 'self' 'nonce-abc'"
RUN = "document.documentElement.dataset.ran = 1"
LOADED = "<script nonce=abc>addEventListener('{}', () => {{ document.documentElement.dataset.loaded = 1 }})</script>"
ICON = "<link rel=icon href=data:,>"
PARTS = {
    "/part": f"<p>part</p><script>{RUN}</script><script nonce>{RUN}</script>",
    "/frame": f"<turbo-frame id=f><p>part</p><script>{RUN}</script></turbo-frame>",
}
MARKUP = {
    "htmx.org": (
        "htmx.org/dist/htmx.min.js",
        LOADED.format("htmx:afterSettle"),
        f"<i hx-get=/part hx-trigger=load></i><i hx-on::before-request='{RUN}' hx-vals='js:{{a: {RUN}}}' hx-get=/part "
        f"hx-trigger='load[{RUN}], load' hx-headers='javascript:{{a: {RUN}}}'></i>",
    ),
    "@hotwired/turbo": (
        "@hotwired/turbo/dist/turbo.es2017-umd.js",
        "<meta name=csp-nonce content=abc>" + LOADED.format("turbo:frame-load"),
        "<turbo-frame id=f src=/frame></turbo-frame>",
    ),
}


@pytest.mark.parametrize(("package", "is_listed"), [("htmx.org", True), ("@hotwired/turbo", False)])
def test_a_library_is_listed_only_if_no_markup_becomes_code(
    visiting: Visiting, package: str, *, is_listed: bool
) -> None:
    path, head, markup = MARKUP[package]

    def answer(request: Request) -> Response:
        if request.url.path == "/library":
            return FileResponse(NODE_MODULES / path)
        page = f"<!doctype html><title>Page</title>{ICON}{head}<script src=/library></script>{markup}"
        return HTMLResponse(PARTS.get(request.url.path, page), headers={"Content-Security-Policy": POLICY})

    with visiting(Starlette(routes=[Route("/{path:path}", answer)])) as visit:
        assert visit.open() == set()
        visit.until(lambda: visit.page.evaluate("document.documentElement.dataset.loaded"))
        assert (visit.page.evaluate("document.documentElement.dataset.ran") is None) is is_listed
    assert (Libraries().from_address(f"https://unpkg.com/{package}") is not None) is is_listed
