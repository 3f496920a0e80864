"""The x-ray in a browser: it lists what every layer holds, and what a page says stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy
from tests.browser.test_guard import errors_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tests.browser.conftest import Visit, Visiting

TOKEN = "a-token-for-the-tests-long-enough"
PAGE = """<!doctype html><html><head><title>t</title><script src="https://cdn.acme.test/lib.js?q=1"></script>
<script>window.seen = 0</script></head><body style="margin: 0">
<iframe src="https://www.youtube.com/embed/x" width="300" height="200"></iframe>
<script>
document.cookie = "_ga=1; max-age=1000";
fetch("https://api.acme.test/x?secret=1").catch(() => {});
const late = '<img src="https://late.acme.test/p.png?secret=1">';
setTimeout(() => document.body.insertAdjacentHTML("beforeend", late), 50);
</script><a href="/two">two</a></body></html>"""
HOSTILE = """<!doctype html><body><script>
document.cookie = "_ga_<img src=x onerror=window.broken=1>=1";
document.body.insertAdjacentHTML("beforeend",
  '<img data-consent="<img src=x onerror=window.broken=1>" data-consent-service="<b>" ' +
  'data-consent-src="//h.test/&lt;b&gt;">');
</script></body>"""


async def page(_: Request) -> Response:
    response = HTMLResponse(PAGE)
    response.set_cookie("_fbp", "secret", max_age=1000)
    return response


async def hostile(_: Request) -> Response:
    return HTMLResponse(HOSTILE)


def made(ledger: str) -> ConsentMiddleware:
    routes = [Route("/", page), Route("/two", page), Route("/hostile", hostile)]
    return ConsentMiddleware(
        Starlette(routes=routes), Policy(version="1"), secret="s" * 40, ledger=ledger, admin_token=TOKEN
    )


def switch_on(visit: Visit) -> None:
    """Press the button of the admin page, whose token the browser would ask for."""
    visit.open()
    status = visit.page.evaluate(
        """token => fetch("/_consent/admin/xray", {
            method: "POST", redirect: "manual", body: "on=1",
            headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/x-www-form-urlencoded" },
        }).then(({ type }) => type)""",
        TOKEN,
    )
    assert status == "opaqueredirect"


def opened(visit: Visit) -> dict[str, str]:
    """Open the panel; return the text of each entry by its name and layer."""
    visit.page.locator("cookie-consent-xray .edge").click()
    items = visit.page.locator("cookie-consent-xray li")
    items.first.wait_for()
    read: Any = items.evaluate_all("all => all.map(li => [`${li.dataset.name} ${li.dataset.layer}`, li.innerText])")
    return dict(read)


def test_the_panel_lists_what_each_layer_holds(visiting: Visiting, ledger_url: str) -> None:
    with visiting(made(ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.locator("cookie-consent-xray").count() == 0
        switch_on(visit)
        errors = errors_of(visit.page)
        assert visit.open() == set()
        assert visit.page.locator("cookie-consent-xray aside").is_hidden()
        entries = opened(visit)
        assert {
            "cdn.acme.test html",
            "www.youtube.com html",
            "_fbp cookie",
            "_ga guard",
            "api.acme.test csp",
            "late.acme.test csp",
        } <= entries.keys()
        assert 'hosts = ["api.acme.test"]' in entries["api.acme.test csp"]
        assert "[services.youtube]" in entries["www.youtube.com html"]
        assert "secret" not in "".join(entries.values())
        visit.page.locator("cookie-consent-xray li[data-name='www.youtube.com'] button", has_text="Show").click()
        shown = visit.page.locator("cookie-consent-xray .box").bounding_box()
        frame = visit.page.locator("iframe").bounding_box()
        assert shown is not None
        assert frame is not None
        assert abs(shown["x"] - frame["x"]) < 5
        assert abs(shown["height"] - frame["height"]) < 5
        visit.page.keyboard.press("Escape")
        assert visit.page.locator("cookie-consent-xray aside").is_hidden()
        assert errors == []
        assert visit.open("/two") == set()


def test_it_stands_in_front_of_the_banner(visiting: Visiting, ledger_url: str) -> None:
    with visiting(made(ledger_url)) as visit:
        switch_on(visit)
        visit.open()
        opened(visit)
        at = "document.elementFromPoint(innerWidth - 20, innerHeight - 20).localName"
        visit.page.set_viewport_size({"width": 390, "height": 700})
        assert visit.page.evaluate(at) == "cookie-consent-xray"


def test_what_a_page_says_stays_text(visiting: Visiting, ledger_url: str) -> None:
    with visiting(made(ledger_url)) as visit:
        switch_on(visit)
        visit.open("/hostile")
        entries = opened(visit)
        assert any("h.test" in name for name in entries)
        assert visit.page.evaluate("window.broken") is None
        assert visit.page.locator("cookie-consent-xray aside img, cookie-consent-xray aside b").count() == 0


def test_held_lists_the_tags_of_the_page(visiting: Visiting, ledger_url: str) -> None:
    with visiting(made(ledger_url)) as visit:
        visit.open()
        held = visit.page.evaluate("cookieConsent.held.map(({ kind, name, layer }) => `${kind} ${name} ${layer}`)")
        assert {
            "element script html",
            "element iframe html",
            "header  header",
            "cookie _ga guard",
            "host api.acme.test csp",
        } <= set(held)
