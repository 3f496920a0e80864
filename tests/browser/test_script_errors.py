"""Where the site's scripts fail for want of a held one, the report says which hosts are held there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy

if TYPE_CHECKING:
    from starlette.requests import Request

    from tests.browser.conftest import Visiting

LIBRARY = "<script src='https://code.jquery.test/jquery.js?v=3'></script>"
ASYNC = "<script async src='https://stats.test/s.js'></script>"
MODULE = "<script type=module src='https://modules.test/m.js'></script>"
PAGES = {
    "/fails": f"{LIBRARY}{ASYNC}{MODULE}<script>jQuery().hide()</script><script src=//after.test/a.js></script>",
    "/file": f"{LIBRARY}<script src=/own.js></script>",
    "/works": f"{LIBRARY}<script>window.ok = 1</script>",
    "/throws": f"{LIBRARY}<script>throw new Error('own')</script>",
    "/alone": "<script>jQuery('#secret')</script>",
}


async def page(request: Request) -> Response:
    if request.url.path == "/own.js":
        return Response("'use strict';undefined.property", media_type="text/javascript")
    return HTMLResponse(f"<!doctype html><title>t</title>{PAGES[request.url.path]}")


def test_hosts_that_scripts_miss_are_reported(visiting: Visiting, ledger_url: str) -> None:
    routes = [Route(path, page) for path in (*PAGES, "/own.js")]
    app = ConsentMiddleware(Starlette(routes=routes), Policy(version="1"), secret="s" * 40, ledger=ledger_url)
    with visiting(app) as visit:
        for path in PAGES:
            visit.open(path)
        visit.page.goto("about:blank")  # what is left is sent when the page is

        def missed() -> set[tuple[str, tuple[str, ...]]]:
            app.reports.flush()
            found = app.reports.store.read()
            return {(one.observation.name, one.paths) for one in found if one.observation.reason == "script-error"}

        visit.until(lambda: missed() == {("code.jquery.test", ("/fails", "/file"))})
