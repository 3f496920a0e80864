"""Pages that send their visitor on: the top page may, but not to services that are refused, and a frame never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.harness import SITE
from tests.browser.test_guard import errors_of, make

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visit, Visiting

UNKNOWN = "idp.partner.test"
NAMED = "acme.test"
"""A host of a service that the policy names."""
FORM = "<form method=post action=https://THERE/sso><input name=action value=a></form>"
LEADS = {
    "a form that sends itself on load": f"<body onload='document.forms[0].submit()'>{FORM}",
    "a form that sends itself in a window called _top": f"<body><base target=_top>{FORM}"
    "<script>document.forms[0].requestSubmit()</script>",
    "location.assign": "<body><script>location.assign('https://THERE/sso')</script>",
    "location.replace, later": "<body><script>setTimeout(() => location.replace('https://THERE/sso'), 50)</script>",
    "location.href": "<body><script>top.location.href = 'https://THERE/sso'</script>",
    "the Navigation API": "<body><script>navigation.navigate('https://THERE/sso').finished.catch(() => {})</script>",
    "a link": "<body><a href=https://THERE/sso>a</a><script>document.links[0].click()</script>",
    "a click event": "<body><a href=https://THERE/sso>a</a>"
    "<script>document.links[0].dispatchEvent(new MouseEvent('click'))</script>",
    "open, in the same window": "<body><script>open('https://THERE/sso', '_self')</script>",
    "beside frames": "<body><iframe src=/empty></iframe><iframe srcdoc='<p>a'></iframe>"
    "<script>onload = () => location.assign('https://THERE/sso')</script>",
}
BY_FRAMES = {
    "a script of a frame": "top.location = 'https://THERE/sso'",
    "a script of a frame, later": "setTimeout(() => parent.location.replace('https://THERE/sso'), 50)",
    "a link in a frame": "document.body.innerHTML = '<a href=https://THERE/sso target=_top>a</a>';"
    "document.links[0].click()",
    "a form in a frame": "document.body.innerHTML = '<form action=https://THERE/sso target=_top></form>';"
    "document.forms[0].submit()",
    "a frame itself": "location = 'https://THERE/sso'",
}
STILL_HELD = {
    "a window": "<body><script>open('https://THERE/sso')</script>",
    "a form in a new window": f"<body>{FORM}<script>document.forms[0].target = '_blank';"
    "document.forms[0].submit()</script>",
    "a link in a new window": "<body><base target=_blank><a href=https://THERE/sso>a</a>"
    "<script>document.links[0].click()</script>",
    "a form in a frame of the page": f"<body><iframe name=f></iframe>{FORM}<script>"
    "document.forms[0].target = 'f'; document.forms[0].submit()</script>",
}


def site(body: str, there: str, frame: str = "", **headers: str) -> ASGIApp:
    page = f"<!doctype html><html lang=en><head><title>Site</title><link rel=icon href=data:,></head>{body}</html>"

    def answer(request: Request) -> Response:
        text = page if request.url.path == "/" else "<!doctype html><title>Frame</title><body>"
        if request.url.path == "/frame":
            text += f"<script>{frame}</script>"
        return HTMLResponse(text.replace("THERE", there), headers=headers if request.url.path == "/" else {})

    def script(_: Request) -> Response:
        return Response(frame.replace("THERE", there), media_type="text/javascript")

    return Starlette(
        routes=[Route("/frame.js", script), *(Route(path, answer) for path in ("/", "/frame", "/empty", "/by-file"))]
    )


def refuse(visit: Visit) -> None:
    visit.page.goto(f"http://{SITE}/_consent/preferences?return_to=/empty")
    with visit.page.expect_response(lambda response: response.url.endswith("/choices")):
        visit.page.get_by_role("button", name="Refuse all", exact=True).first.click()
    visit.page.wait_for_url(f"http://{SITE}/empty")


def go(visit: Visit) -> None:
    visit.proxy.contacts.clear()
    visit.page.evaluate(f"() => {{ setTimeout(() => {{ location.href = 'http://{SITE}/' }}) }}")


@pytest.mark.parametrize("way", list(LEADS))
def test_a_page_leads_its_visitor_on(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(make(site(LEADS[way], UNKNOWN), ledger_url)) as visit:
        errors = errors_of(visit.page)
        visit.page.goto("about:blank")
        visit.page.evaluate(f"() => {{ setTimeout(() => {{ location.href = 'http://{SITE}/' }}) }}")
        visit.page.wait_for_url(f"https://{UNKNOWN}/sso*")
        refuse(visit)
        go(visit)
        visit.page.wait_for_url(f"https://{UNKNOWN}/sso*")
        assert errors == []
        assert visit.settled() == {UNKNOWN}


@pytest.mark.parametrize("way", list(LEADS))
def test_but_not_to_a_service_that_is_refused(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(make(site(LEADS[way], NAMED), ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.url == f"http://{SITE}/"
        held = visit.page.evaluate("cookieConsent.held.map(({ kind, name, service }) => [kind, name, service])")
        assert held == [["host", NAMED, "acme"]]
        refuse(visit)
        assert visit.open() == set()
        assert visit.page.url == f"http://{SITE}/"


# What leads a frame of no document of its own is left to the policy, before which Chromium connects.
@pytest.mark.parametrize(
    ("way", "kind"),
    [
        *(
            (way, kind)
            for way in BY_FRAMES
            if way != "a frame itself"
            for kind in ("inline", "file", "srcdoc", "written")
        ),
        ("a frame itself", "inline"),
    ],
)
def test_a_frame_leads_nothing_away(visiting: Visiting, ledger_url: str, way: str, kind: str) -> None:
    body = {
        "inline": "<body><iframe src=/frame></iframe>",
        "file": "<body><iframe srcdoc='<!doctype html><body><script src=/frame.js></script>'></iframe>",
        "srcdoc": f'<body><iframe srcdoc="<!doctype html><body><script>{BY_FRAMES[way]}</script>"></iframe>',
        "written": "<body><iframe></iframe><script>d = frames[0].document; d.open();"
        "d.write('<body><script src=/frame.js></scr' + 'ipt>'); d.close()</script>",
    }[kind]
    with visiting(make(site(body, UNKNOWN, BY_FRAMES[way]), ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.url == f"http://{SITE}/"


@pytest.mark.parametrize("way", list(STILL_HELD))
def test_windows_and_frames_are_not_led_to_unknown_hosts(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(make(site(STILL_HELD[way], UNKNOWN), ledger_url)) as visit:
        assert visit.open() == set()
        assert [page.url for page in visit.context.pages] == [f"http://{SITE}/"]


REFRESHES: dict[str, tuple[str, Mapping[str, str]]] = {
    "meta": (f"<meta http-equiv=refresh content='0; url=https://{UNKNOWN}/b?x=<a>&amp;y=1'><body><p>Wait</p>", {}),
    "header": ("<body><p>Wait</p>", {"Refresh": f"0; url=https://{UNKNOWN}/b?x=<a>&y=1"}),
}


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("way", list(REFRESHES))
def test_a_held_refresh_says_where_it_leads(visiting: Visiting, ledger_url: str, way: str, *, scripts: bool) -> None:
    body, headers = REFRESHES[way]
    with visiting(make(site(body, "", **headers), ledger_url), scripts=scripts, locale="de-DE") as visit:
        assert visit.open() == set()
        link = visit.page.locator(".cc-refresh").get_by_role("link", name=f"Continue to {UNKNOWN}", exact=True)
        assert link.is_visible()
        visit.page.get_by_role("button", name="Refuse all", exact=True).first.click()
        visit.page.wait_for_load_state("load")
        assert visit.open() == set()
        link.click()
        visit.page.wait_for_url(f"https://{UNKNOWN}/b?x=*")
        assert visit.settled() == {UNKNOWN}
