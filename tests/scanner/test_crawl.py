"""What a crawl finds on a site that means well."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from cookie_consent.demo.shop import make_shop
from cookie_consent.demo.third_parties import make_third_parties
from cookie_consent.errors import ConfigurationError
from cookie_consent.mirror.network import Network
from cookie_consent.policy import Policy, load_policy
from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.crawl import crawl
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Carrier
from cookie_consent.scanner.options import CrawlOptions, Progress
from tests.scanner.hostile import HostileSite, hostile_site, missing, page, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cookie_consent.scanner.model import Scan

pytestmark = [pytest.mark.anyio, pytest.mark.server]


async def scanned(site: HostileSite, path: str = "/", **options: Any) -> Scan:
    made = CrawlOptions(**{"delay": 0, "seconds": 60, **options})
    return await crawl(site.url(path), made, network=site.network)


def named(scan: Scan, *, is_made: bool = False) -> set[tuple[str, str]]:
    return {(request.host, request.carrier.value) for request in scan.requests if request.is_made is is_made}


def visited(scan: Scan) -> list[str]:
    return [page.address.partition("example")[2].partition("/")[2] for page in scan.pages]


@pytest.mark.parametrize(
    ("markup", "host", "carrier"),
    [
        ("<script src=https://a.test/x.js></script>", "a.test", "script"),
        ("<link rel=stylesheet href=//a.test/x.css>", "a.test", "style"),
        ("<link rel=preconnect href=https://a.test>", "a.test", "hint"),
        ("<link rel=preload as=font href=https://a.test/f>", "a.test", "font"),
        ("<link rel=icon href=https://a.test/i.ico>", "a.test", "image"),
        ("<img srcset='https://a.test/1.png 1x, https://b.test/2.png 2x'>", "b.test", "image"),
        ("<picture><source srcset=https://a.test/1.avif></picture>", "a.test", "image"),
        ("<video src=https://a.test/v.mp4></video>", "a.test", "media"),
        ("<iframe src=https://a.test/f></iframe>", "a.test", "frame"),
        ("<iframe srcdoc='&lt;img src=https://a.test/p>'></iframe>", "a.test", "image"),
        ("<style>@import 'https://a.test/x.css';</style>", "a.test", "style"),
        ("<style>@font-face{src:url(https://a.test/f.woff2)}</style>", "a.test", "font"),
        ("<p style='background:url(https://a.test/b.png)'>", "a.test", "image"),
        ("<a href=/ ping=https://a.test/p>x</a>", "a.test", "beacon"),
        ("<form action=https://a.test/pay></form>", "a.test", "form"),
        ("<form><button formaction=https://a.test/pay></form>", "a.test", "form"),
        ("<meta http-equiv=refresh content='9;url=https://a.test/'>", "a.test", "redirect"),
        ("<noscript><img src=https://a.test/p.gif></noscript>", "a.test", "image"),
        ("<base href=https://a.test/d/><script src=x.js></script>", "a.test", "script"),
        # as the middleware sends tags that it holds back
        ("<script type=text/plain data-consent=x data-consent-src=https://a.test/x.js></script>", "a.test", "script"),
        (
            "<iframe data-consent=x data-consent-placeholder srcdoc=y data-consent-src=//a.test/f></iframe>",
            "a.test",
            "frame",
        ),
        (
            "<style data-consent=x>p{background:url(https://#consent/x/y/https://a.test/b.png)}</style>",
            "a.test",
            "image",
        ),
    ],
)
async def test_what_a_page_names_is_listed_with_what_would_load_it(markup: str, host: str, carrier: str) -> None:
    async with hostile_site(lambda path: response(markup) if path == "/" else missing()) as site:
        scan = await scanned(site)
    assert (host, carrier) in named(scan)
    assert host not in {name for name, _ in named(scan, is_made=True)}


@pytest.mark.parametrize(
    ("header", "carrier"),
    [
        ("link: <https://a.test/x.js>; rel=preload; as=script", "hint"),
        ("refresh: 5; url=https://a.test/", "redirect"),
        ('reporting-endpoints: e="https://a.test/r"', "beacon"),
        ("content-security-policy: default-src 'self'; report-uri https://a.test/r", "beacon"),
    ],
)
async def test_what_headers_name_is_listed(header: str, carrier: str) -> None:
    async with hostile_site(lambda path: response("x", header) if path == "/" else missing()) as site:
        scan = await scanned(site)
    assert ("a.test", carrier) in named(scan)
    (found,) = [request for request in scan.requests if request.host == "a.test"]
    assert found.initiators[0].by == "header"
    if header.startswith("content-security"):
        assert scan.pages[0].content_security_policy == "default-src 'self'; report-uri https://a.test/r"


async def test_cookies_are_those_that_a_browser_would_keep() -> None:
    lines = (
        "set-cookie: a=1; Max-Age=60; HttpOnly; SameSite=Lax",
        "set-cookie: b=2; Domain=.shop.example; Path=/x; Secure",
        "set-cookie: gone=1; Max-Age=0",
        "set-cookie: foreign=1; Domain=other.example",
        "set-cookie: wide=1; Domain=example",
        "set-cookie: __Host-x=1; Path=/",
    )
    async with hostile_site(lambda path: response("x", *lines) if path == "/d/p" else missing()) as site:
        scan = await scanned(site, "/d/p")
    first, second = scan.cookies
    assert (first.name, first.domain, first.path, first.host_only) == ("a", "shop.example", "/d", True)
    assert (first.lifetime, first.http_only, first.same_site, first.secure) == (60.0, True, "lax", False)
    assert (second.name, second.domain, second.path, second.host_only, second.secure) == (
        "b", "shop.example", "/x", False, True,
    )  # fmt: skip
    assert first.initiators[0].address == site.url("/d/p")


async def test_a_cookie_without_a_path_is_one_cookie_whatever_the_folder() -> None:
    def answer(path: str) -> bytes:
        return response('<a href="/a/b/"></a><a href="/c/d"></a>' + path, "set-cookie: a=1", "set-cookie: b=1; path=/c")

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    paths = [cookie.path for cookie in scan.cookies if cookie.name == "a"]
    assert paths in (["/", "/a/b"], ["/", "/c"])
    assert {cookie.path for cookie in scan.cookies if cookie.name == "b"} == {"/c"}


async def test_inline_snippets_are_known_by_their_signature() -> None:
    async with hostile_site(
        lambda path: response("<script>gtag('config', 'G-1')</script>") if path == "/" else missing()
    ) as site:
        scan = await scanned(site)
    assert [(snippet.service, snippet.count) for snippet in scan.snippets][:1] == [("google-analytics", 1)]
    assert any("1 inline script was read but not run" in sentence for sentence in scan.unseen)


async def test_it_visits_the_site_alone_and_sends_only_get() -> None:
    pages = {
        "/": page("/a", "b?x=1#f", "https://other.test/", "mailto:a@b", "javascript:x()", "//www.shop.example:1/"),
        "/a": page("/a?utm_source=x", "/../a", "/./a#t"),
        "/b?x=1": page(extra="<form action=/send method=post><input type=submit></form>"),
    }
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
    assert sorted(visited(scan)) == ["", "a", "b?x=*"]
    (limit,) = scan.limits
    assert (limit.value, "cannot be reached" in limit.note) == ("http://www.shop.example:1", True)
    assert {head.split(" ")[0] for head in site.heads} == {"GET"}
    assert all("user-agent: cookie-consent/" in head.lower() for head in site.heads)
    assert site.paths.count("/a") == 1


@pytest.mark.parametrize(
    "link",
    ["/logout", "/account/log-out", "/?action=sign_out", "/item/delete/5", "/newsletter/unsubscribe?id=1", "/file.pdf"],
)
async def test_links_that_act_or_lead_to_files_are_not_followed(link: str) -> None:
    async with hostile_site(lambda _: page(link, "/blog/logout-of-time".replace("logout", "lookout"))) as site:
        scan = await scanned(site)
    assert link not in site.paths
    assert "/blog/lookout-of-time" in site.paths
    assert any("1 link was not followed" in sentence for sentence in scan.unseen)


async def test_robots_txt_is_obeyed_unless_told_otherwise() -> None:
    robots = response(
        "User-agent: *\nDisallow: /secret\nUser-agent: cookie-consent\nDisallow: /own\n", kind="text/plain"
    )
    pages = {"/": page("/secret", "/own", "/a"), "/robots.txt": robots}
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
        assert sorted(visited(scan)) == ["", "a", "secret"]
        assert [(limit.name, limit.note) for limit in scan.limits] == [("--no-robots", "1 page is forbidden by it")]
        assert sorted(visited(await scanned(site, robots=False))) == ["", "a", "own", "secret"]


async def test_a_robots_txt_that_cannot_be_read_closes_all_but_the_given_page() -> None:
    pages = {"/": page("/a"), "/robots.txt": response(status=503)}
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
    assert visited(scan) == [""]
    assert scan.limits[0].name == "--no-robots"


async def test_sitemaps_are_read_with_index_files_and_gzip() -> None:
    def answer(path: str) -> bytes:
        base = f"http://shop.example:{site.port}"
        robots = f"Sitemap: {base}/index.xml\nSitemap: https://other.test/s.xml"
        index = f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>{base}/s.xml.gz</loc></sitemap></sitemapindex>"
        urls = f"<urlset><url><loc> {base}/deep/one </loc></url><url><loc>https://other.test/</loc></url></urlset>"
        return {
            "/": page(),
            "/robots.txt": response(robots, kind="text/plain"),
            "/index.xml": response(index, kind="application/xml"),
            "/s.xml.gz": response(gzip.compress(urls.encode()), kind="application/gzip"),
            "/deep/one": page(extra="<img src=https://a.test/p>"),
        }.get(path, missing())

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    assert visited(scan) == ["", "deep/one"]
    assert ("a.test", "image") in named(scan)


async def test_style_sheets_of_the_site_are_read_for_what_they_import() -> None:
    pages = {
        "/": page(extra="<link rel=stylesheet href=/a.css>"),
        "/a.css": response("@import '/b.css'; p{}", "set-cookie: css=1", kind="text/css"),
        "/b.css": response("@import url(https://a.test/x.css);", kind="text/css"),
    }
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
    assert ("a.test", "style") in named(scan)
    assert [cookie.name for cookie in scan.cookies] == ["css"]
    assert len(scan.pages) == 1


async def test_redirects_within_the_site_are_followed_with_the_cookies_that_they_set() -> None:
    def answer(path: str) -> bytes:
        if path == "/":
            return page("/old")
        if path == "/old":
            has_cookie = "cookie: seen=1" in site.heads[-1].lower()
            return (
                page(title="ok") if has_cookie else response("", "location: /check", "set-cookie: seen=1", status=302)
            )
        return response("", "location: /old", status=302) if path == "/check" else missing()

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    assert [(found.title, found.error) for found in scan.pages] == [("", ""), ("ok", "")]
    assert [cookie.name for cookie in scan.cookies] == ["seen"]


async def test_a_redirect_to_another_site_is_noted_and_not_followed() -> None:
    pages = {"/": page("/go"), "/go": response("", "location: https://other.test/x?y", status=301)}
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
    assert scan.pages[1].error == "it redirects to other.test, which is another site"
    assert ("other.test", "redirect") in named(scan)


async def test_the_given_address_may_lead_to_another_host_whose_site_is_scanned() -> None:
    def answer(path: str) -> bytes:
        host = site.heads[-1].lower().partition("host: ")[2].split(":")[0]
        if host == "shop.example":
            return response("", f"location: {site.url('/home', 'www.shop.test')}", status=302)
        return page("/a", site.url("/b", "shop.example")) if path in {"/home", "/a"} else missing()

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    assert scan.landed == site.url("/home", "www.shop.test")
    assert [found.address for found in scan.pages] == [site.url("/"), site.url("/a", "www.shop.test")]


async def test_without_a_domain_the_site_is_one_host_and_port() -> None:
    async with hostile_site(lambda _: page("/a", "http://127.0.0.1:9/", "http://localhost/")) as site:
        scan = await crawl(site.url(host="127.0.0.1"), CrawlOptions(delay=0), network=site.network)
    assert [found.address for found in scan.pages] == [site.url(host="127.0.0.1"), site.url("/a", "127.0.0.1")]


@pytest.mark.parametrize("private", [True, False])
async def test_private_addresses_are_asked_only_where_the_user_has_named_them(private: bool) -> None:  # noqa: FBT001
    def answer(path: str) -> bytes:
        return page(site.url("/x", "intranet.shop.example"), "/a") if path == "/" else page()

    async with hostile_site(answer) as site:
        site.network = type(site.network)(resolve=site._resolve)  # for which loopback is private
        scan = await scanned(site, private=private)
        hosts = [head.lower().partition("host: ")[2].split(":")[0] for head in site.heads]
    assert ("intranet.shop.example" in hosts) is private
    assert (
        any("127.0.0.1, which is not public; --private allows it" in limit.note for limit in scan.limits) is not private
    )
    assert "/a" in site.paths


async def test_depth_pages_and_patterns_limit_a_scan() -> None:
    def answer(path: str) -> bytes:
        return missing() if path.endswith((".txt", ".xml")) else page(path.rstrip("/") + "/a", "/x/1", "/y/2")

    async with hostile_site(answer) as site:
        scan = await scanned(site, depth=1)
        assert sorted(visited(scan)) == ["", "a", "x/1", "y/2"]
        assert "--depth" in {limit.name for limit in scan.limits}
        scan = await scanned(site, pages=2)
        assert len(scan.pages) == 2
        assert "--pages" in {limit.name for limit in scan.limits}
        scan = await scanned(site, include=("/x/*",), exclude=("/x/1/a/*",))
        assert sorted(visited(scan)) == ["", "x/1"]
        scan = await scanned(site, include=("/y/*",), seeds=("/seed",))
        assert "seed" in visited(scan)
        with pytest.raises(ConfigurationError, match="--seed"):
            await scanned(site, seeds=("https://other.test/",))


async def test_no_more_pages_are_read_at_once_than_allowed() -> None:
    async with hostile_site(lambda _: page(*(f"/s{number}/p" for number in range(30)))) as site:
        await scanned(site, concurrency=3, pages=20)
    assert 1 < site.most_at_once <= 4  # with the sitemap


async def test_progress_is_told_and_never_more_than_the_limit() -> None:
    told: list[Progress] = []
    async with hostile_site(lambda _: page(*(f"/s{number}/p" for number in range(30)))) as site:
        await crawl(site.url(), CrawlOptions(delay=0, pages=10), progress=told.append, network=site.network)
    assert [one.done for one in told] == list(range(1, 11))
    assert all(one.done <= one.total <= 10 for one in told)


@pytest.mark.parametrize("address", ["ftp://shop.example/", "http://", "http://[::1", "http://a b/", "", "x:y"])
async def test_what_is_no_address_of_a_site_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the address of a site"):
        await crawl(address, CrawlOptions())


async def test_typed_credentials_are_sent_to_the_typed_origin_and_kept_nowhere() -> None:
    async with hostile_site(lambda path: page("/a", "//other.shop.example/b") if path == "/" else page()) as site:
        address = site.url().replace("://", "://me:s3cr3t@")
        scan = await crawl(f"{address}?token=s3cr3t", CrawlOptions(delay=0), network=site.network)
    sent = [head for head in site.heads if "uthorization: Basic bWU6czNjcjN0" in head]
    assert len(sent) == len([head for head in site.heads if "other.shop.example" not in head])
    assert "s3cr3t" not in json.dumps(as_dict(scan))
    assert scan.pages[0].address.endswith("/?token=*")


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    import asyncio
    import socket

    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    task = asyncio.create_task(server.serve([bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        bound.close()


@pytest.mark.parametrize("is_bare", [True, False])
async def test_of_the_demo_shop_all_third_parties_are_found(is_bare: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """With the middleware, too, which holds the tags back and withholds the cookie."""
    from cookie_consent.demo import shop as module

    shop = make_shop(third_parties="http://127.0.0.1:1", ledger=f"sqlite:///{tmp_path / 'consent.db'}")
    if is_bare:
        shop.user_middleware.clear()
    policy = load_policy(module.HERE / "consent.toml")
    async with served(shop) as url:
        scan = await crawl(url, CrawlOptions(delay=0), policy=policy)
    found = {
        request.address.split("/")[3] for request in scan.requests if request.address.startswith("http://127.0.0.1:1/")
    }
    assert found >= {"footfall", "adbarn", "nicely", "playhouse", "typeshelf"}
    assert "footfall" in {snippet.service for snippet in scan.snippets}
    assert [cookie.name for cookie in scan.cookies] == (["shop_visits"] if is_bare else [])
    assert any("runs cookie_consent" in sentence for sentence in scan.unseen) is not is_bare
    assert Carrier.FRAME in {request.carrier for request in scan.requests}
    assert make_third_parties() is not None


@pytest.mark.parametrize("root", ["consent-root", "cookie-consent"])
async def test_what_the_middleware_answers_is_no_page_of_the_site(root: str) -> None:
    banner = f'<div id="{root}" data-endpoint="/_c/choices"></div>'

    def answer(path: str) -> bytes:
        links = [f"/page{number}" for number in range(6)]
        if path.startswith("/_c"):
            return page(f"{path}/more")
        # The first page has no banner, as when it is cached for everybody.
        return page(*links, f"/_c/preferences?return_to={path}", "/_d/x", "/_c", extra=banner if path != "/" else "")

    async with hostile_site(answer) as site:
        scan = await scanned(site, concurrency=1, alike=100)
    told = {path for path in visited(scan) if path.startswith("_c")}
    assert len(told) <= 1  # which may come before the first banner
    assert {f"page{number}" for number in range(6)} | {"_d/x"} <= set(visited(scan))
    async with hostile_site(answer) as site:
        scan = await scanned(site, "/page0", concurrency=1, alike=100, seeds=("/_c/typed",))
    assert set(visited(scan)) == {*(f"page{number}" for number in range(6)), "_c/typed", "_d/x"}
    assert not scan.limits


async def test_of_a_site_with_the_middleware_its_pages_alone_are_visited(tmp_path: Path) -> None:
    shop = make_shop(third_parties="http://127.0.0.1:1", ledger=f"sqlite:///{tmp_path / 'consent.db'}")
    async with served(shop) as url:
        scan = await crawl(url, CrawlOptions(delay=0))
    assert scan.pages
    assert not [page.address for page in scan.pages if "/_consent" in page.address]


async def test_trackers_on_the_own_host_are_told_by_elements_and_by_any_query() -> None:
    queries = "".join(f"<img src=/g/collect?n={number}>" for number in range(10))
    marked = f"{queries}<img src='/g/collect?v=2&tid=G-1'><script src=/s.js data-website-id=1></script>"
    async with hostile_site(lambda path: page(extra=marked) if path == "/" else missing()) as site:
        scan = await scanned(site)
    services = {thing.verdict.service for thing in judge(scan, Policy(version="1")).things}
    assert {"google-analytics", "umami-cloud"} <= services


async def test_a_name_that_dns_does_not_know_is_told_in_words() -> None:
    async def resolve(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    network = Network(resolve=resolve)
    scan = await crawl("http://shop.example/", CrawlOptions(delay=0), network=network)
    assert [found.error for found in scan.pages] == ["shop.example cannot be found: Name or service not known"]
