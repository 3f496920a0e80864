"""The x-ray shows the site's owner what is held on a page, and nobody else anything."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy import GateOptions, parse_policy
from tests.asking import HTML, ask

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from tests.asking import Reply

pytestmark = pytest.mark.anyio

LOCAL = ("127.0.0.1", 5000)
TOKEN = "a-token-for-the-tests-long-enough"
PAGE = """<!doctype html><html><head><title>t</title>
<script src="https://code.jquery.com/jquery.js?secret=1"></script>
<style>h1 { background: url("https://cdn.unknown.test/a.png?secret=1") }</style>
<script>gtag('config', 'G-1')</script></head>
<body><iframe src="https://www.youtube.com/embed/x?secret=1"></iframe></body></html>"""
MARK = re.compile(r"<script type=\"application/json\" data-cookie-consent-xray>(.*?)</script>", re.DOTALL)


async def home(_: Request) -> Response:
    response = HTMLResponse(PAGE)
    response.set_cookie("_fbp", "secret", max_age=1000)
    response.set_cookie("odd", "secret", max_age=1000)
    response.headers["link"] = "<https://pre.unknown.test/a.js?secret=1>; rel=preload; as=script"
    return response


async def hostile(_: Request) -> Response:
    return HTMLResponse('<!doctype html><body><img src="https://a</script><b>.test/x"><img src="//&quot;\n[x].test/y">')


async def library(_: Request) -> Response:
    return HTMLResponse("<!doctype html><body><script src=https://unpkg.com/vue@3/dist/vue.js?a=secret></script>")


async def endless(_: Request) -> Response:
    async def chunks() -> Any:
        yield "<!doctype html><body>"
        while True:
            yield "<p>" * 100_000

    return StreamingResponse(chunks(), media_type="text/html")


async def failing(_: Request) -> Response:
    raise ZeroDivisionError


def made(tmp_path: Path, policy: Policy | None = None, **options: Any) -> ConsentMiddleware:
    routes = [
        Route("/", home),
        Route("/library", library),
        Route("/hostile", hostile),
        Route("/endless", endless),
        Route("/failing", failing),
        Route("/admin/x", home),
    ]
    ledger = f"sqlite:///{tmp_path / 'log.db'}"
    return ConsentMiddleware(
        Starlette(routes=routes), policy or Policy(version="1"), secret="s" * 40, ledger=ledger, **options
    )


def read(text: str) -> Policy:
    return parse_policy(tomllib.loads(text), source="test")


async def asked(app: ConsentMiddleware, path: str = "/", **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(app, path, {**HTML, "host": "localhost", **names}, client=LOCAL, query_string=b"")


async def as_json(app: ConsentMiddleware, query: str, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = await ask(
        app, "/_consent/xray", {"host": "localhost", **names}, client=LOCAL, query_string=query.encode("ascii")
    )
    return json.loads(reply.text) if reply.status == 200 else reply


def data_of(reply: Reply) -> Any:
    found = MARK.findall(reply.text)
    assert len(found) == 1
    return json.loads(found[0])


def by_place(document: Any) -> dict[str, Any]:
    return {f"{entry['place']} {entry['address'] or entry['name']}": entry for entry in document["entries"]}


async def test_a_page_lists_what_is_held_on_it(tmp_path: Path) -> None:
    reply = await asked(made(tmp_path, dev=True), cookie="_ga=1")
    entries = by_place(data_of(reply))
    assert entries.keys() == {
        "link header pre.unknown.test/a.js",
        "script code.jquery.com/jquery.js",
        "style cdn.unknown.test/a.png",
        "script ",
        "iframe www.youtube.com/embed/x",
        "set-cookie _fbp",
        "set-cookie odd",
        "cookie _ga",
    }
    video = entries["iframe www.youtube.com/embed/x"]
    assert video["layer"] == "html"
    assert video["service"] == "youtube"
    assert video["service_name"] == "YouTube"
    assert video["category"] == "social"
    assert "youtube.com is a host of YouTube" in video["reason"]
    assert entries["link header pre.unknown.test/a.js"]["layer"] == "header"
    assert entries["set-cookie _fbp"]["change"] == "dropped"
    assert entries["set-cookie odd"]["change"] == "made to end with the browser"
    assert entries["script "]["service"] == "google-analytics"
    assert "secret" not in json.dumps(data_of(reply))
    assert "no-store" in (reply.header("cache-control") or "")


async def test_the_json_of_an_address_is_that_of_its_page(tmp_path: Path) -> None:
    app = made(tmp_path, dev=True)
    page = data_of(await asked(app))
    document = await as_json(app, "path=/%3Fq%3Dsecret")
    assert document.pop("whole") is True
    assert document == page
    assert document["page"] == "/"


@pytest.mark.parametrize("path", ["/", "/hostile"])
async def test_the_lines_declare_what_they_are_for(path: str, tmp_path: Path) -> None:
    document = data_of(await asked(made(tmp_path, dev=True), path))
    lines = "\n".join(dict.fromkeys(entry["policy"] for entry in document["entries"] if entry["policy"]))
    policy = read(f'version = "2"\n{lines}')
    assert all(re.fullmatch(r"[a-z0-9-]+", service.id) for service in policy.services)
    if path == "/":
        after = by_place(data_of(await asked(made(tmp_path, policy, dev=True), path)))
        assert all(entry["declared"] and not entry["policy"] for entry in after.values())
    assert "services" not in tomllib.loads(lines) or path == "/"


async def test_what_is_declared_needs_no_lines(tmp_path: Path) -> None:
    policy = read('version = "1"\n[services.youtube]')
    entry = by_place(data_of(await asked(made(tmp_path, policy, dev=True))))["iframe www.youtube.com/embed/x"]
    assert entry["declared"]
    assert not entry["policy"]


async def test_names_that_only_the_browser_knows_are_explained(tmp_path: Path) -> None:
    document = await as_json(made(tmp_path, dev=True), "host=cdn.unknown.test&cookie=_ga&storage=odd&host=%22%5D%0A.x")
    host, cookie, storage, odd = document["entries"]
    assert 'hosts = ["cdn.unknown.test"]' in host["policy"]
    assert cookie["service"] == "google-analytics"
    assert storage["category"] == "unclassified"
    assert tomllib.loads(odd["policy"]) == {}


async def test_nobody_else_sees_it(tmp_path: Path) -> None:
    for app in (made(tmp_path), made(tmp_path, admin_token=TOKEN)):
        page = await asked(app)
        assert "xray" not in page.text
        assert (await as_json(app, "path=/")).status == 404
        for cookie in ("cookie_consent_xray=1", "cookie_consent_xray=", "cookie_consent_xray=abc.def.ghi"):
            assert "xray" not in (await asked(app, cookie=cookie)).text


async def test_the_admin_token_shows_it_to_one_browser(tmp_path: Path) -> None:
    app = made(tmp_path, admin_token=TOKEN)
    switch = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    refused = await ask(app, "/_consent/admin/xray", {"host": "localhost"}, method="POST")
    assert refused.status == 401
    foreign = await ask(app, "/_consent/admin/xray", {**switch, "sec-fetch-site": "cross-site"}, method="POST")
    assert foreign.status == 403
    reply = await ask(app, "/_consent/admin/xray", switch, method="POST")
    assert reply.status == 303
    given = reply.header("set-cookie") or ""
    assert "HttpOnly" in given
    assert "SameSite=Strict" in given
    cookie = given.partition(";")[0]
    assert data_of(await asked(app, cookie=cookie))["entries"]
    assert (await as_json(app, "path=/", cookie=cookie))["entries"]
    # Another token, or another secret, makes it worthless.
    other = made(tmp_path, admin_token=f"{TOKEN}-2")
    assert "xray" not in (await asked(other, cookie=cookie)).text


async def test_the_admin_token_gives_the_json(tmp_path: Path) -> None:
    app = made(tmp_path, admin_token=TOKEN)
    headers = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    reply = await ask(app, "/_consent/admin/xray", headers, query_string=b"path=/")
    assert by_place(json.loads(reply.text))["script code.jquery.com/jquery.js"]["declared"] is False
    assert (await ask(app, "/_consent/admin/xray", {"host": "localhost"})).status == 401


async def test_the_application_does_not_see_the_cookie(tmp_path: Path) -> None:
    seen: list[str] = []

    async def page(request: Request) -> Response:
        seen.append(request.headers.get("cookie", ""))
        return HTMLResponse("<!doctype html>")

    app = ConsentMiddleware(
        Starlette(routes=[Route("/", page)]),
        Policy(version="1"),
        secret="s" * 40,
        ledger=f"sqlite:///{tmp_path / 'log.db'}",
        admin_token=TOKEN,
    )
    await asked(app, cookie="a=1; cookie_consent_xray=x; __Host-cookie_consent_xray=y")
    assert seen == ["a=1"]


@pytest.mark.parametrize("path", ["/_consent/state", "/%5Fconsent/xray", "//evil.test/", "evil", "/a\\b"])
async def test_a_path_that_is_no_page_of_the_site_is_refused(path: str, tmp_path: Path) -> None:
    app = made(tmp_path, dev=True)
    assert (await as_json(app, f"path={path.replace('%', '%25')}")).status == 400


async def test_an_excluded_page_has_none(tmp_path: Path) -> None:
    app = made(tmp_path, Policy(version="1", gate=GateOptions(exclude=("/admin/*",))), dev=True)
    assert "xray" not in (await asked(app, "/admin/x")).text
    assert (await as_json(app, "path=/admin/x"))["excluded"] is True


async def test_an_endless_page_ends(tmp_path: Path) -> None:
    assert (await as_json(made(tmp_path, dev=True), "path=/endless"))["whole"] is False


async def test_a_page_that_fails_says_so(tmp_path: Path) -> None:
    reply = await as_json(made(tmp_path, dev=True), "path=/failing")
    assert reply.status == 502
    assert "ZeroDivisionError" in reply.text


async def test_an_asker_leaves_nothing_in_the_log(tmp_path: Path) -> None:
    app = made(tmp_path, dev=True)
    await as_json(app, "path=/", sec_gpc="1")
    app.close()
    assert list(app.ledger.records()) == []


async def test_a_hostile_page_cannot_end_the_data(tmp_path: Path) -> None:
    reply = await asked(made(tmp_path, dev=True), "/hostile")
    assert data_of(reply)["entries"]
    assert "</script><b>" not in reply.text.partition("data-cookie-consent-xray")[2].partition("</script>")[0]


async def test_libraries_that_come_from_the_mirror_are_listed(tmp_path: Path) -> None:
    entries = (await as_json(made(tmp_path, dev=True), "path=/library"))["entries"]
    (entry,) = [entry for entry in entries if entry["change"] == "led to the mirror"]
    assert entry["address"] == "unpkg.com/vue@3/dist/vue.js"
    assert (entry["policy"], entry["count"]) == ("", 1)
