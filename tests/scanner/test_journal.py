"""An interrupted scan goes on from its journal."""

from __future__ import annotations

import json
import signal
import stat
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.crawl import crawl
from cookie_consent.scanner.options import CrawlOptions
from tests.scanner.hostile import HostileSite, hostile_site, missing, page
from tests.scanner.stopping import stopped

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.scanner.model import Scan

pytestmark = [pytest.mark.anyio, pytest.mark.server]


def answer(path: str) -> bytes:
    if path.endswith((".txt", ".xml")):
        return missing()
    cookie = f"<script src=https://h{len(path)}.test/x.js></script>"
    return page(*(f"{path.rstrip('/')}/{name}" for name in "ab"), extra=cookie, title=path)


async def scanned(site: HostileSite, journal: Path | None, **options: Any) -> Scan:
    made = CrawlOptions(**{"delay": 0, "depth": 3, "concurrency": 1, **options})
    return await crawl(site.url(), made, journal=journal, network=site.network)


def seen(scan: Scan) -> dict[str, Any]:
    """Return what does not depend on time and order."""
    data = as_dict(scan)
    requests = sorted((each["address"], each["carrier"], each["count"], each["is_made"]) for each in data["requests"])
    return {"pages": sorted(each["address"] for each in data["pages"]), "requests": requests, "limits": data["limits"]}


async def test_a_scan_in_two_parts_sees_what_one_sees_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site:
        whole = await scanned(site, None)
        site.heads.clear()
        await scanned(site, journal, pages=6)
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600
        parts = await scanned(site, journal)
        pages = [path for path in site.paths if not path.endswith((".txt", ".xml"))]
    assert len(pages) == len(set(pages)) == len(whole.pages)
    drop = {"/robots.txt", "/sitemap.xml"}
    first, second = (
        {**found, "requests": [row for row in found["requests"] if not any(row[0].endswith(path) for path in drop)]}
        for found in (seen(whole), seen(parts))
    )
    assert first == second


async def test_a_finished_scan_is_printed_again_without_visiting_a_page(tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site:
        first = await scanned(site, journal)
        site.heads.clear()
        again = await scanned(site, journal)
        assert {path for path in site.paths if not path.endswith((".txt", ".xml"))} == set()
    assert [found.address for found in again.pages] == [found.address for found in first.pages]


async def test_a_last_line_that_was_cut_is_dropped(tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site:
        await scanned(site, journal, pages=4)
        whole = journal.read_bytes()
        journal.write_bytes(whole[:-20])
        site.heads.clear()
        scan = await scanned(site, journal, pages=4)
        assert len([path for path in site.paths if not path.endswith((".txt", ".xml"))]) == 1
    assert len(scan.pages) == 4
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())
    journal.write_bytes(whole[:10])
    async with hostile_site(answer) as other:
        assert len((await scanned(other, journal, pages=2)).pages) == 2


@pytest.mark.parametrize("content", [b"my diary\n", b"my diary", b"{}\n", b"[1]\n", b"\xff\n", b"[" * 100_000 + b"\n"])
async def test_another_file_is_not_taken_for_a_journal_and_not_changed(content: bytes, tmp_path: Path) -> None:
    journal = tmp_path / "diary"
    journal.write_bytes(content)
    async with hostile_site(answer) as site:
        with pytest.raises(ConfigurationError, match="not the journal of a scan; name another file"):
            await scanned(site, journal)
    assert journal.read_bytes() == content


@pytest.mark.parametrize("line", [b"{}\n", b"1\n", b'{"page": {"address": 5}}\n', b'{"page": {}}\n'])
async def test_a_line_that_is_no_visit_is_refused(line: bytes, tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site:
        await scanned(site, journal, pages=2)
        journal.write_bytes(journal.read_bytes() + line)
        with pytest.raises(ConfigurationError, match="is not a visit of a scan"):
            await scanned(site, journal)


async def test_the_journal_of_another_site_and_a_folder_are_refused(tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site, hostile_site(answer) as other:
        await scanned(site, journal, pages=2)
        with pytest.raises(ConfigurationError, match=r"the journal of a scan of 'http://shop\.example:"):
            await scanned(other, journal)
        with pytest.raises(ConfigurationError, match="cannot be used"):
            await scanned(site, tmp_path)


async def test_neither_journal_nor_json_hold_values_of_cookies(tmp_path: Path) -> None:
    from tests.scanner.hostile import response

    journal = tmp_path / "scan.jsonl"
    async with hostile_site(lambda _: response("x", "set-cookie: session=0123456789abcdef")) as site:
        scan = await scanned(site, journal, pages=2)
    assert scan.cookies[0].sample
    assert b"0123456789" not in journal.read_bytes()
    assert "0123456789" not in json.dumps(as_dict(scan))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_a_scan_that_was_killed_goes_on(how: signal.Signals, tmp_path: Path) -> None:
    journal = tmp_path / "scan.jsonl"
    async with hostile_site(answer) as site:
        url = site.url(host="127.0.0.1")
        status, out, err = await stopped(
            [url, "--resume", str(journal), "--delay", "0.05"],
            how,
            when=lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 5,
            folder=tmp_path,
        )
        if how is signal.SIGINT:
            assert status == 130
            assert "h1.test" in out
            assert f"go on with --resume {journal}" in err
        before = set(site.paths)
        lines = journal.read_bytes().count(b"\n")
        site.heads.clear()
        scan = await crawl(url, CrawlOptions(delay=0, depth=3), journal=journal)
    again = [path for path in site.paths if path in before and not path.endswith((".txt", ".xml"))]
    assert len(again) <= 4  # those that were being read
    assert len(scan.pages) >= lines - 1
    assert sum(found.error == "" for found in scan.pages) >= 15


async def test_a_journal_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    journal, other = tmp_path / "scan.jsonl", tmp_path / "other"
    journal.touch()
    other.write_text("something else\n", "utf-8")
    for file in (journal, other):
        file.chmod(0o644)
    async with hostile_site(answer) as site:
        await scanned(site, journal, pages=1)
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600
        journal.chmod(0o640)
        await scanned(site, journal, pages=1)
        assert stat.S_IMODE(journal.stat().st_mode) == 0o600
        with pytest.raises(ConfigurationError):
            await scanned(site, other)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644


async def test_a_page_that_is_too_long_for_the_journal_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "scan.jsonl"
    monkeypatch.setattr("cookie_consent.scanner.journal._LONGEST_LINE", 4_000)

    def answer(path: str) -> bytes:
        if path.endswith((".txt", ".xml")):
            return missing()
        links = ("/long", "/a", "/b") if path == "/" else tuple(f"/a.pdf?{n}" for n in range(500))
        return page(*links) if path in {"/", "/long"} else page()

    async with hostile_site(answer) as site:
        await scanned(site, journal)
        site.heads.clear()
        again = await scanned(site, journal)
    assert sorted(address["address"].rpartition("/")[2] for address in as_dict(again)["pages"]) == [
        "",
        "a",
        "b",
        "long",
    ]
    assert [path for path in site.paths if not path.endswith((".txt", ".xml"))] == ["/long"]
