"""Sites that would keep a crawl busy for ever, fill its memory, or break it: it ends, and says why."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import resource
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.scanner.crawl import crawl
from cookie_consent.scanner.options import CrawlOptions
from tests.scanner.hostile import HostileSite, hostile_site, missing, page, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cookie_consent.scanner.model import Scan
    from tests.scanner.hostile import Answer

pytestmark = [pytest.mark.anyio, pytest.mark.server]
HEAD = b"HTTP/1.1 200 x\r\ncontent-type: text/html\r\n"


async def scanned(site: HostileSite, **options: Any) -> Scan:
    made = CrawlOptions(**{"delay": 0, "seconds": 120, **options})
    return await crawl(site.url(), made, network=site.network)


def limits(scan: Scan) -> set[str]:
    return {limit.name for limit in scan.limits}


def without_files(answer: Callable[[str], Answer]) -> Callable[[str], Answer]:
    return lambda path: missing() if path in {"/robots.txt", "/sitemap.xml"} else answer(path)


async def test_a_calendar_is_left_and_the_rest_of_the_site_is_seen() -> None:
    numbers = itertools.count()

    def answer(path: str) -> bytes:
        if path.startswith("/calendar"):
            number = next(numbers)
            return page(f"/calendar/2026/{number + 1}", f"/calendar/{number + 2000}/1", title=str(number))
        return page("/calendar/2026/1", "/about", "/blog/first") if path == "/" else page(title=path)

    async with hostile_site(without_files(answer)) as site:
        scan = await scanned(site, alike=5, depth=1_000, pages=1_000)
    assert {"/about", "/blog/first"} <= set(site.paths)
    assert len(scan.pages) < 25
    assert "--alike" in limits(scan)


async def test_a_kind_whose_pages_show_something_new_is_not_left() -> None:
    def answer(path: str) -> bytes:
        number = int(path.rpartition("/")[2] or 0)
        return page(
            f"/p/{number + 1}", extra=f"<img src=https://h{number}.test/p>" if number % 4 == 0 else "", title=path
        )

    async with hostile_site(without_files(answer)) as site:
        scan = await scanned(site, alike=5, depth=1_000, pages=40)
    assert len(scan.pages) == 40
    assert "--pages" not in limits(scan) or len(scan.pages) == 40


async def test_one_template_does_not_take_the_visits_of_others() -> None:
    def answer(path: str) -> bytes:
        return page(
            *(f"/item/{number}" for number in range(500)), *(f"/section{name}/x" for name in "abcdefgh"), title=path
        )

    async with hostile_site(without_files(answer)) as site:
        await scanned(site, pages=15)
    assert {f"/section{name}/x" for name in "abcdefgh"} <= set(site.paths)


@pytest.mark.parametrize(
    "links",
    [
        lambda number: [f"/p;jsessionid={number:032x}"],
        lambda number: [f"/p?sid={number}&utm_source={number}"],
        lambda number: [f"/(S({number:024x}))/p"],
        lambda number: [f"/s/{number:032x}/p"],
        lambda _: ["a/"],  # which gets longer and longer
        lambda number: [f"/{'x' * 3000}{number}"],
        lambda number: ["/" + "/".join(f"d{each}" for each in range(number + 20))],
        lambda number: [f"/dir{number}/page?b={number}&a={number}"],
    ],
)
async def test_endless_links_end(links: Callable[[int], list[str]]) -> None:
    numbers = itertools.count(1)

    def answer(_: str) -> bytes:
        number = next(numbers)
        return page(*links(number), title=str(number))

    async with hostile_site(without_files(answer)) as site:
        scan = await scanned(site, alike=5, pages=1_000, depth=1_000)
    assert len(scan.pages) <= 20


async def test_a_page_that_is_known_by_its_content_is_not_followed() -> None:
    async with hostile_site(without_files(lambda _: page("more/"))) as site:
        scan = await scanned(site, pages=100, depth=100)
    assert len(scan.pages) == 2


@pytest.mark.parametrize(
    "location",
    ["/", "/x", "/y?{}", "http://[", "http://a b/", "\xff\xfe", "javascript:x()", "//", "http://shop.example:99999/"],
)
async def test_redirects_that_lead_nowhere_end(location: str) -> None:
    numbers = itertools.count()

    def answer(_: str) -> bytes:
        return response("", f"location: {location.format(next(numbers))}", status=302)

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    assert len(scan.pages) == 1
    assert scan.pages[0].error
    assert len(site.heads) <= 12


async def test_a_giant_page_is_cut_and_memory_stays() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield HEAD + b"content-length: 10000000000\r\n\r\n<script src=https://a.test/x.js></script>"
        while True:
            yield b"<p>some words and no more</p>" * 3_000

    async with hostile_site(without_files(lambda _: endless())) as site:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        scan = await scanned(site, page_bytes=1_000_000)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert scan.pages[0].size == 1_000_000
    assert "--page-bytes" in limits(scan)
    assert [request.host for request in scan.requests if not request.is_made] == ["a.test"]
    assert after - before < 100_000  # kilobytes


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
async def test_a_compressed_bomb_is_cut_by_what_it_decodes_to(coding: str) -> None:
    bomb = gzip.compress(b"<p>word</p>" * 10_000_000, 6)
    bomb = gzip.compress(bomb) if "," in coding else bomb
    async with hostile_site(without_files(lambda _: response(bomb, f"content-encoding: {coding}"))) as site:
        scan = await scanned(site, page_bytes=200_000)
    assert scan.pages[0].size == 200_000
    assert "--page-bytes" in limits(scan)


async def test_data_that_decodes_to_nothing_ends() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield HEAD + b"content-encoding: deflate\r\n\r\n\x78\x9c"
        while True:
            yield b"\x00\x00\x00\xff\xff" * 10_000  # empty blocks

    async with hostile_site(without_files(lambda _: endless())) as site:
        scan = await scanned(site, page_bytes=1_000_000)
    assert scan.pages[0].size == 0
    assert "--page-bytes" in limits(scan)


async def test_all_bytes_together_are_limited() -> None:
    async with hostile_site(without_files(lambda path: page(f"{path}x", extra=path + "y" * 10_000))) as site:
        scan = await scanned(site, total_bytes=35_000, depth=100, alike=100)
    assert len(scan.pages) == 4
    assert "--total-bytes" in limits(scan)


@pytest.mark.parametrize("where", ["before the head", "in the head", "in the body"])
async def test_a_site_that_dawdles_is_left(where: str) -> None:
    async def slow() -> AsyncIterator[bytes]:
        whole = HEAD + (b"x-a: b\r\n" * 1000 if where == "in the head" else b"\r\n" + b"<p>" * 1000)
        for byte in whole if where != "before the head" else b"":
            yield bytes([byte])
            await asyncio.sleep(0.01)
        await asyncio.Event().wait()

    async with hostile_site(without_files(lambda path: slow() if path == "/" else None)) as site:
        scan = await scanned(site, page_seconds=0.3)
    assert "longer than 0.3 seconds" in scan.pages[0].error or "ReadTimeout" in scan.pages[0].error


async def test_the_time_of_the_whole_scan_is_limited_and_unfinished_pages_are_told() -> None:
    def answer(path: str) -> Answer:
        return page("/slow", extra="<img src=https://a.test/p>") if path == "/" else None

    async with hostile_site(lambda path: missing() if path.endswith("s.txt") else answer(path)) as site:
        scan = await scanned(site, seconds=1.5)
    assert [found.error for found in scan.pages] == ["", "the scan ended before it was read"]
    assert "--seconds" in limits(scan)
    assert "a.test" in {request.host for request in scan.requests}


@pytest.mark.parametrize(
    "whole",
    [
        b"",
        b"\r\n\r\n",
        b"garbage\r\n\r\n<p>",
        b"HTTP/1.1 999999 x\r\n\r\n",
        HEAD + b"content-length: -5\r\n\r\nx",
        HEAD + b"content-length: x\r\n\r\nx",
        HEAD + b"content-length: 10\r\n\r\nx",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
        HEAD + b"x\x00y: z\r\n\r\n",
        HEAD + b"content-encoding: gzip\r\n\r\nnot gzip",
        HEAD + b"content-encoding: br\r\n\r\nnot br",
        HEAD + b"content-encoding: dcz\r\n\r\nx",
    ],
)
async def test_what_is_no_response_is_an_error_of_the_page_alone(whole: bytes) -> None:
    async with hostile_site(
        lambda path: page("/bad", "/good") if path == "/" else whole if path == "/bad" else page()
    ) as site:
        scan = await scanned(site)
    errors = {found.address.rpartition("/")[2]: found.error for found in scan.pages}
    assert errors.pop("bad")
    assert errors == {"": "", "good": ""}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=utf-8", b"<title>\xff\xfe</title><img src='https://a.test/\xff'>"),
        ("text/html; charset=nonsense", b"<img src=https://a.test/x>"),
        ("text/html; charset=utf-16le", "<img src=https://a.test/x>".encode("utf-16-le")),
        ("text/html; charset=iso-2022-jp", b"\x1b$B%\x1b(B<img src=https://a.test/x>"),
        ("text/html; charset=shift_jis", b"\x81<img src=https://a.test/x>"),
        ("text/html;;;;=;charset", b"<img src=https://a.test/x>"),
        ("", b"<html><img src=https://a.test/x>"),
        ("application/xhtml+xml", b"<html xmlns='http://www.w3.org/1999/xhtml'><img src='https://a.test/x'/></html>"),
        ("text/html", b"\xef\xbb\xbf<img src=https://a.test/x><a href='http://[::1'>x<a href='//%ff%00/'>"),
        (
            "text/html",
            b"<img src=https://a.test/x><a href='" + b"/x" * 100_000 + b"'><a href='http://\xe2\x98\x83.test'>",
        ),
        ("text/html", b"<img src=https://a.test/x>" + b"<div>" * 50_000 + b"<title <title " * 5_000),
    ],
)
async def test_broken_pages_are_read_as_browsers_read_them(kind: str, body: bytes) -> None:
    async with hostile_site(without_files(lambda path: response(body, kind=kind) if path == "/" else page())) as site:
        scan = await scanned(site)
    assert scan.pages[0].error == ""
    assert "a.test" in {request.host for request in scan.requests}


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE u [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><urlset><url><loc>&b;</loc></url></urlset>",
        b"<!DOCTYPE u [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>&x;</loc></url></urlset>",
        b"<urlset>" + b"<a>" * 100_000,
        b"<urlset><url><loc>" + b"x" * 3_000_000,
        b"\xff\xfe\x00",
        b"x" * 3_000_000,
        gzip.compress(b"<urlset>" + b" " * 200_000_000, 6),
        b"\x1f\x8bnot gzip",
        b"<sitemapindex><sitemap><loc>/sitemap.xml</loc></sitemap></sitemapindex>",
    ],
)
async def test_hostile_sitemaps_do_no_harm(body: bytes) -> None:
    def answer(path: str) -> bytes:
        return (
            response(body, kind="application/xml")
            if path == "/sitemap.xml"
            else page("/a")
            if path == "/"
            else missing()
        )

    async with hostile_site(answer) as site:
        scan = await scanned(site)
    assert [found.error for found in scan.pages] == ["", ""]
    assert not any("passwd" in path or "aaaa" in path for path in site.paths)


async def test_what_stands_before_an_error_in_a_sitemap_counts() -> None:
    def answer(path: str) -> bytes:
        body = f"<urlset><url><loc>{site.url('/found')}</loc></url><broken"
        return (
            response(body, kind="application/xml")
            if path == "/sitemap.xml"
            else page()
            if path != "/robots.txt"
            else missing()
        )

    async with hostile_site(answer) as site:
        await scanned(site)
    assert "/found" in site.paths


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"user-agent: a{number}\n" for number in range(50_000)) + "disallow: /x\n" * 50_000,
        "User-agent: *\n" + "Disallow: /*a*a*a*a*a*a*a*a*a*b$\n" * 4_000,
        "\x00\xff" * 100_000,
        "User-agent: *\nCrawl-delay: 1e9\nCrawl-delay: nan",
    ],
)
async def test_hostile_robots_files_do_no_harm(text: str) -> None:
    pages = {"/robots.txt": response(text, kind="text/plain"), "/": page()}
    async with hostile_site(lambda path: pages.get(path, missing())) as site:
        scan = await scanned(site)
    assert len(scan.pages) == 1
    assert scan.seconds < 30


async def test_a_wildcard_in_dns_makes_no_endless_site() -> None:
    numbers = itertools.count()

    def answer(_: str) -> bytes:
        return page(*(site.url("/", f"x{next(numbers)}y.shop.example") for _ in range(10)), title=str(next(numbers)))

    async with hostile_site(without_files(answer)) as site:
        scan = await scanned(site, pages=300, alike=1000, depth=1000)
    hosts = {head.lower().partition("host: ")[2].split(":")[0] for head in site.heads}
    assert len(hosts) <= 50
    assert "hosts" in limits(scan)
