"""How the files of the mirror are asked for and served."""

from __future__ import annotations

import gzip
import threading
from typing import TYPE_CHECKING

import anyio
import pytest

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.mirror import mirror as module
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.mirror.sheets import mirrored_sheet
from cookie_consent.testing import make_policy
from tests.asking import Reply, ask
from tests.waiting import HANG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from cookie_consent.mirror.libraries import LibraryFile
    from cookie_consent.mirror.store import Entry
    from tests.mirror.upstream import Upstream

pytestmark = pytest.mark.anyio
VUE = "/_consent/mirror/cdn.jsdelivr.net/vue@3.4.1/dist/vue.js"
SCRIPT = {"sec-fetch-dest": "script", "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"}


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("the application is not asked")


@pytest.fixture
def site(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsentMiddleware]:
    monkeypatch.setattr(
        "cookie_consent.site.Mirror", lambda libraries, named: upstream.mirror(libraries=libraries, named=named)
    )
    upstream.put("/npm/vue@3.4.1/dist/vue.js", b"vue();" * 100)
    made = ConsentMiddleware(
        nothing, make_policy(gate={"mirror": True}), "k" * 40, ledger=Ledger("sqlite://", memory=True)
    )
    yield made
    made.close()


async def get(site: ConsentMiddleware, path: str = VUE, headers: dict[str, str] | None = None, **more: str) -> Reply:
    path, _, query = path.partition("?")
    return await ask(site, path, SCRIPT if headers is None else headers, query_string=query.encode(), **more)


async def test_a_file_comes_with_headers_that_keep_it_a_file(site: ConsentMiddleware) -> None:
    reply = await get(site)
    assert (reply.status, reply.text) == (200, "vue();" * 100)
    assert reply.header("content-type") == "text/javascript; charset=utf-8"
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"
    assert reply.header("content-security-policy") == "sandbox"
    assert reply.header("cross-origin-resource-policy") == "same-origin"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("set-cookie") is None
    assert (await get(site, method="HEAD")).status == 200
    packed = await get(site, headers={**SCRIPT, "accept-encoding": "gzip"})
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.messages[1]["body"]) == b"vue();" * 100
    etag = reply.header("etag")
    assert etag is not None
    assert (await get(site, headers={**SCRIPT, "if-none-match": etag})).status == 304


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # by http, browsers do not say
        *(({"sec-fetch-dest": name}, 200) for name in ("script", "style", "font", "image", "worker", "empty")),
        *(
            ({"sec-fetch-dest": name}, 403)
            for name in ("document", "iframe", "frame", "object", "embed", "serviceworker", "xslt", "fencedframe", "")
        ),
        ({"service-worker": "script"}, 403),
        ({"service-worker": ""}, 403),
        ({"sec-fetch-dest": "empty", "sec-fetch-mode": "navigate"}, 403),
        ({"sec-fetch-dest": "script", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-dest": "script", "sec-fetch-site": "none"}, 403),
    ],
)
async def test_only_elements_and_scripts_of_the_site_are_answered(
    site: ConsentMiddleware, headers: dict[str, str], status: int
) -> None:
    reply = await get(site, headers=headers)
    assert reply.status == status
    if status != 200:
        assert reply.header("cache-control") == "no-store"


async def test_two_values_of_a_header_must_both_be_right(site: ConsentMiddleware) -> None:
    pairs = [(b"host", b"shop.example"), (b"sec-fetch-dest", b"script"), (b"sec-fetch-dest", b"document")]
    assert (await ask(site, VUE, pairs=pairs)).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_but_get_is_answered(site: ConsentMiddleware, upstream: Upstream, method: str) -> None:
    assert (await get(site, method=method)).status == 405
    assert not upstream.asked


@pytest.mark.parametrize(
    "path",
    [
        "cdn.jsdelivr.net/evil@1.0.0/x.js",
        "cdn.jsdelivr.net/vue@3.4.1/",
        "cdn.jsdelivr.net/vue@3.4.1/../x.js",
        "127.0.0.1/vue@3.4.1/x.js",
        "../state",
        "",
    ],
)
async def test_what_is_not_listed_is_not_fetched(site: ConsentMiddleware, upstream: Upstream, path: str) -> None:
    reply = await get(site, f"/_consent/mirror/{path}")
    assert reply.status == 404
    assert not upstream.asked


async def test_a_worker_can_contact_the_site_only(site: ConsentMiddleware) -> None:
    reply = await get(site, headers={"sec-fetch-dest": "worker"})
    assert (reply.header("content-security-policy") or "").startswith("default-src 'self' ")
    assert "sec-fetch-dest" in reply.listed("vary")  # a cache must not mistake it for the script


async def test_only_a_script_is_a_worker(site: ConsentMiddleware, upstream: Upstream) -> None:
    upstream.put("/npm/vue@3.4.1/a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", content_type="image/svg+xml")
    reply = await get(site, VUE.replace("dist/vue.js", "a.svg"), headers={"sec-fetch-dest": "worker"})
    assert (reply.status, reply.header("content-security-policy")) == (200, "sandbox")


async def test_a_json_module_is_json_and_nothing_else(site: ConsentMiddleware, upstream: Upstream) -> None:
    upstream.put("/npm/vue@3.4.1/package.json", b"{}", content_type="application/json; charset=utf-8")
    upstream.put("/npm/vue@3/a.json", b"", status=302, location="/npm/vue@3.4.1/package.json")
    asked = {"sec-fetch-dest": "json"}
    reply = await get(site, VUE.replace("dist/vue.js", "package.json"), headers=asked)
    assert (reply.status, reply.header("content-type"), reply.text) == (200, "application/json", "{}")
    assert (await get(site, VUE.replace("3.4.1/dist/vue.js", "3/a.json"), headers=asked)).status == 302
    refused = await get(site, headers=asked)
    assert (refused.status, refused.header("cache-control")) == (403, "no-store")


async def test_a_failure_is_not_stored_by_browsers(site: ConsentMiddleware) -> None:
    reply = await get(site, VUE.replace("vue.js", "missing.js"))
    assert reply.status == 503
    assert reply.header("cache-control") == "no-store"


async def test_a_redirect_of_the_host_becomes_one_within_the_mirror(
    site: ConsentMiddleware, upstream: Upstream
) -> None:
    upstream.put("/vue@3", b"", status=302, location="https://unpkg.com/vue@3.4.1/dist/vue.js")
    upstream.put("/vue@3.4.1/dist/vue.js", b"vue()")
    reply = await get(site, "/_consent/mirror/unpkg.com/vue@3")
    assert (reply.status, reply.header("location")) == (302, "../unpkg.com/vue@3.4.1/dist/vue.js")
    assert "immutable" not in (reply.header("cache-control") or "")


async def test_a_sheet_of_fonts_leads_to_the_fonts_of_the_mirror(site: ConsentMiddleware, upstream: Upstream) -> None:
    font = "https://fonts.gstatic.com/s/inter/v13/a.woff2"
    sheet = f"@font-face{{src:url({font}) format('woff2')}}".encode()
    upstream.put("/css2?family=Inter:wght@400", sheet, content_type="text/css; charset=utf-8")
    upstream.put("/s/inter/v13/a.woff2", b"wOF2", content_type="font/woff2")
    reply = await get(site, "/_consent/mirror/fonts.googleapis.com/css2?family=Inter:wght@400")
    assert reply.text == "@font-face{src:url(../fonts.gstatic.com/inter@v13/a.woff2) format('woff2')}"
    font_reply = await get(site, "/_consent/mirror/fonts.gstatic.com/inter@v13/a.woff2")
    assert font_reply.header("content-type") == "font/woff2"


BOOTSTRAP = "/_consent/mirror/cdn.jsdelivr.net/bootstrap@5.3.3/a.css"


async def test_a_sheet_comes_as_its_host_sends_it_where_the_page_has_its_digest(
    site: ConsentMiddleware, upstream: Upstream
) -> None:
    sheet = b"@import 'https://unpkg.com/bootstrap@5.3.3/b.css';"
    upstream.put("/npm/bootstrap@5.3.3/a.css", sheet, content_type="text/css")
    led = "@import '../../unpkg.com/bootstrap@5.3.3/b.css';"
    assert (await get(site, BOOTSTRAP)).text == led
    original = await get(site, f"{BOOTSTRAP}?original")
    assert (original.text, original.header("content-type")) == (sheet.decode(), "text/css; charset=utf-8")
    assert (await get(site, BOOTSTRAP)).text == led
    assert len(upstream.asked) == 1
    for query in ("?original=1", "?original&x", "?x=original"):
        assert (await get(site, BOOTSTRAP + query)).text == led


async def test_the_original_of_a_sheet_of_fonts_has_its_query_too(site: ConsentMiddleware, upstream: Upstream) -> None:
    sheet = b"@font-face{src:url(https://fonts.gstatic.com/s/inter/v13/a.woff2)}"
    upstream.put("/css2?family=Inter", sheet, content_type="text/css")
    reply = await get(site, "/_consent/mirror/fonts.googleapis.com/css2?family=Inter&original")
    assert reply.text == sheet.decode()


async def test_a_redirect_leads_from_original_to_original(site: ConsentMiddleware, upstream: Upstream) -> None:
    upstream.put("/bulma@latest", b"", status=302, location="https://unpkg.com/bulma@1.0.0/bulma.css")
    upstream.put("/bulma@1.0.0/bulma.css", b"a{}", content_type="text/css")
    reply = await get(site, "/_consent/mirror/unpkg.com/bulma@latest?original")
    assert reply.header("location") == "../unpkg.com/bulma@1.0.0/bulma.css?original"


async def test_it_can_be_switched_off() -> None:
    site = ConsentMiddleware(
        nothing, make_policy(gate={"mirror": False}), "k" * 40, ledger=Ledger("sqlite://", memory=True)
    )
    assert (await get(site)).status == 404
    site.close()


@pytest.mark.parametrize(
    ("written", "served"),
    [
        ("url(../fonts/a.woff2?v=1#iefix)", "url(../fonts/a.woff2?v=1#iefix)"),
        ("url(data:image/svg+xml,x)", "url(data:image/svg+xml,x)"),
        ("url(#filter)", "url(#filter)"),
        (
            '@import "https://cdn.jsdelivr.net/npm/normalize.css@8.0.1/normalize.css";',
            '@import "../../../cdn.jsdelivr.net/normalize.css@8.0.1/normalize.css";',
        ),
        (
            "url('//unpkg.com/bootstrap-icons@1.11.3/i.svg#a')",
            "url('../../../unpkg.com/bootstrap-icons@1.11.3/i.svg#a')",
        ),
        ("url(/npm/vue@3.4.1/a.png)", "url(../../../cdn.jsdelivr.net/vue@3.4.1/a.png)"),
        (
            "url(https:\\2f/unpkg.com/vue@3.4.1/a.png)",
            "url(../../../unpkg.com/vue@3.4.1/a.png)",
        ),
        ("url(a.png)", "url(a.png)"),
        ("url('?v=2')", "url('?v=2')"),
        ("url(a.svg#b%20c)", "url(a.svg#b%20c)"),
        ("url(../../bootstrap@5.3.3/a.png)", "url(../../bootstrap@5.3.3/a.png)"),
        ("url(../../../vue@3.4.1/a.png)", "url(https://#consent/../../../vue@3.4.1/a.png)"),
        ("url(../../vue@3.4.1/a.png?b#c)", "url(../../vue@3.4.1/a.png?b#c)"),
        # Out of the package, and out of the mirror to the site's own addresses.
        ("url(../../evil@1/a.png)", "url(https://#consent/../../evil@1/a.png)"),
        ("url(../../../../state)", "url(https://#consent/../../../../state)"),
        ("url(../../../../../logout)", "url(https://#consent/../../../../../logout)"),
        ("url(a/%2e%2e/%2E%2e/../../../../x)", "url(https://#consent/a/%2e%2e/%2E%2e/../../../../x)"),
        ("url(..\\\\..\\\\..\\\\..\\\\x)", "url(https://#consent/..\\\\..\\\\..\\\\..\\\\x)"),
        ("url('a\\\\..\\\\..\\\\b.png')", "url('a\\\\..\\\\..\\\\b.png')"),
        ("url(.\\2e/../../../x)", "url(https://#consent/.\\2e/../../../x)"),
        (
            "url(../../../../%/cdn.jsdelivr.net/bootstrap@5.3.3/a.png)",
            "url(https://#consent/../../../../%/cdn.jsdelivr.net/bootstrap@5.3.3/a.png)",
        ),
        ("url(..//a.png)", "url(https://#consent/..//a.png)"),
        ("url(a//../../b.png)", "url(a//../../b.png)"),
        ("url(a///../../../../../c.png)", "url(https://#consent/a///../../../../../c.png)"),
        ("@import '../../../../state';", "@import 'https://#consent/../../../../state';"),
        ("url(/npm/evil@1/a.png)", "url(https://#consent//npm/evil@1/a.png)"),
        ("url(https://evil.example/a.png)", "url(https://#consent/https://evil.example/a.png)"),
        ("@import url(\\\\evil.example/a.css);", "@import url(https://#consent/\\\\evil.example/a.css);"),
        ("@import 'data:text/css,x';", "@import 'https://#consent/data:text/css,x';"),
        ("image-set('//evil.example/a' 1x)", "image-set('https://#consent///evil.example/a' 1x)"),
    ],
)
def test_what_a_sheet_loads(written: str, served: str) -> None:
    libraries = Libraries()
    file = libraries.from_mirrored("cdn.jsdelivr.net/bootstrap@5.3.3/dist/a.css")
    assert file is not None
    rule = "{}" if written.startswith("@") else "a{background:{}}"
    sheet = rule.replace("{}", written)
    assert mirrored_sheet(sheet.encode(), file, libraries).decode() == rule.replace("{}", served)


@pytest.mark.parametrize(
    ("sheet", "written", "served"),
    [
        # The host has the version in a folder of its own, and the mirror beside the name.
        ("cdnjs.cloudflare.com/font-awesome@6.5.1/css/all.css", "../webfonts/a.woff2", "../webfonts/a.woff2"),
        (
            "cdnjs.cloudflare.com/font-awesome@6.5.1/css/all.css",
            "../../6.5.0/a.woff2",
            "../../../cdnjs.cloudflare.com/font-awesome@6.5.0/a.woff2",
        ),
        ("code.jquery.com/ui@1.13.2/themes/base/ui.css", "images/a.png", "images/a.png"),
        ("unpkg.com/bulma@1", "a.png", "https://#consent/a.png"),  # which is another package there
        ("fonts.googleapis.com/css2?family=Inter", "a.woff2", "https://#consent/a.woff2"),
    ],
)
def test_what_is_relative_leads_where_it_does_on_the_host(sheet: str, written: str, served: str) -> None:
    libraries = Libraries()
    path, _, query = sheet.partition("?")
    file = libraries.from_mirrored(path, query)
    assert file is not None
    assert mirrored_sheet(f"a{{b:url({written})}}".encode(), file, libraries).decode() == f"a{{b:url({served})}}"


def test_a_sheet_that_browsers_would_read_otherwise_is_not_served() -> None:
    libraries = Libraries()
    file = libraries.from_mirrored("cdn.jsdelivr.net/bootstrap@5.3.3/dist/a.css")
    assert file is not None
    assert mirrored_sheet("\ufeffa{background:url(//evil.example)}".encode("utf-16-le"), file, libraries) == b""


async def test_a_file_is_compressed_once_for_all_who_wait(
    site: ConsentMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, names, found = 8, [], []
    all_have_it = threading.Event()
    original, compress = Mirror.get, gzip.compress

    async def mirror_get(self: Mirror, file: LibraryFile) -> Entry | None:
        found.append(await original(self, file))
        if len(found) == count:
            all_have_it.set()
        return found[-1]

    def wait_and_compress(body: bytes, level: int, *, mtime: int) -> bytes:
        names.append(threading.current_thread().name)
        all_have_it.wait(HANG)
        return compress(body, level, mtime=mtime)

    monkeypatch.setattr(Mirror, "get", mirror_get)
    monkeypatch.setattr("cookie_consent.mirror.endpoint.gzip.compress", wait_and_compress)
    replies: list[Reply] = []

    async def visit() -> None:
        replies.append(await get(site))

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(visit)
    assert [reply.text for reply in replies] == ["vue();" * 100] * count
    assert len(names) == 1
    assert names[0].startswith("consent-mirror-prepare")  # the threads that requests share are left to them


async def test_what_could_not_be_prepared_is_tried_again(
    site: ConsentMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("cookie_consent.mirror.endpoint.gzip.compress", lambda *_, **__: 1 / 0)
        assert (await get(site)).messages == []  # the server says that it has failed
    assert (await get(site)).status == 200


async def test_too_many_fetches_are_refused(
    site: ConsentMiddleware, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_FETCHES", 0)
    monkeypatch.setattr(module, "_MOST_OTHERS", 0)
    assert (await get(site)).status == 503
    assert not upstream.asked
