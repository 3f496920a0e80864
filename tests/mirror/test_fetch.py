"""What the mirror fetches, from hosts that behave and from hosts that do not."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import to_thread

from cookie_consent.gate import LibraryLinks, SitePolicies
from cookie_consent.mirror import fetch, mirror
from cookie_consent.mirror.network import Network, is_public
from cookie_consent.mirror.store import FolderStore, MemoryStore
from tests.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cookie_consent.mirror.libraries import LibraryFile
    from cookie_consent.mirror.mirror import Mirror
    from cookie_consent.mirror.store import Entry
    from tests.mirror.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.server]

EXACT = "https://cdn.jsdelivr.net/npm/vue@3.4.1/dist/vue.js"
PATH = "/npm/vue@3.4.1/dist/vue.js"
PATIENT = 30.0


@pytest.fixture
def mirrors(upstream: Upstream) -> Iterator[list[Mirror]]:
    made = [upstream.mirror()]
    yield made
    for each in made:
        each.close()


def file_of(mirror: Mirror, address: str) -> LibraryFile:
    found = mirror.libraries.from_address(address)
    assert found is not None
    return found[0]


async def get(mirror: Mirror, address: str = EXACT) -> Entry | None:
    return await mirror.get(file_of(mirror, address), patience=PATIENT)


async def test_a_file_is_fetched_once_and_tells_nothing_of_anybody(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put(PATH, b"vue()", set_cookie="a=b; Domain=cdn.jsdelivr.net")
    upstream.put("/npm/vue@3.4.1/b.js", b"b()")
    for _ in range(3):
        entry = await get(mirrors[0])
        assert entry is not None
        assert (entry.body, entry.media_type) == (b"vue()", "text/javascript; charset=utf-8")
        assert entry.fresh_until is None
    await get(mirrors[0], "https://cdn.jsdelivr.net/npm/vue@3.4.1/b.js")
    assert upstream.paths() == [PATH, "/npm/vue@3.4.1/b.js"]
    for head in upstream.asked:
        names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
        assert names == {"host", "accept", "accept-encoding", "user-agent"}
        assert "\r\nHost: cdn.jsdelivr.net\r\n" in head


def test_a_server_that_runs_on_trio_has_the_mirror_too(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put(PATH, b"vue()")
    entry = anyio.run(get, mirrors[0], backend="trio")
    assert entry is not None
    assert entry.body == b"vue()"


def make_old(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (1, 1))


def used_at(folder: Path) -> set[float]:
    return {path.stat().st_mtime for path in folder.iterdir()}


async def test_a_file_that_is_served_from_memory_counts_as_used(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path, size=3 * 4096)
    made = upstream.mirror(store=store)
    names = [f"{EXACT.removesuffix('vue.js')}{number}.js" for number in range(4)]
    for name in names:
        upstream.put(name.removeprefix("https://cdn.jsdelivr.net"), b"vue()")
    for name in names[:3]:
        await get(made, name)
    make_old(tmp_path)
    await get(made, names[0])
    assert used_at(tmp_path) == {1}  # nothing is written for each visitor
    monkeypatch.setattr(mirror, "USED_FOR", 0.0)
    await get(made, names[0])
    monkeypatch.undo()
    await get(made, names[3])
    made.close()
    left = {found.upstream for found in store.entries()}
    assert {names[0], names[3]} <= left
    assert len(left) < 4


async def test_a_range_follows_the_age_that_its_host_gives(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put("/npm/vue@3/dist/vue.js", b"vue()", cache_control="public, max-age=7200")
    entry = await get(mirrors[0], "https://cdn.jsdelivr.net/npm/vue@3/dist/vue.js")
    assert entry is not None
    assert entry.fresh_until == entry.fetched_at + 7200


async def test_what_is_no_longer_fresh_is_served_and_fetched_again(
    upstream: Upstream, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://cdn.jsdelivr.net/npm/vue@3/dist/vue.js"
    upstream.put("/npm/vue@3/dist/vue.js", b"old()")
    await get(mirrors[0], address)
    upstream.put("/npm/vue@3/dist/vue.js", b"new()")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 4000)
    old = await get(mirrors[0], address)
    assert old is not None
    assert old.body == b"old()"
    with anyio.fail_after(PATIENT):
        while True:
            new = await get(mirrors[0], address)
            if new is not None and new.body == b"new()":
                break
            await anyio.sleep(0.01)
    assert len(upstream.asked) == 2


async def test_many_who_wait_share_one_fetch(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put(PATH, "waits")
    found: list[Entry | None] = []

    async def ask() -> None:
        found.append(await get(mirrors[0]))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
        await to_thread.run_sync(upstream.has_been_asked.wait)
        upstream.go_on.set()
    assert [entry.body for entry in found if entry is not None] == [b"late()"] * 20
    assert len(upstream.asked) == 1


async def test_a_visitor_does_not_wait_for_a_slow_host_and_the_next_one_has_the_file(
    upstream: Upstream, mirrors: list[Mirror]
) -> None:
    upstream.put(PATH, "waits")
    assert await mirrors[0].get(file_of(mirrors[0], EXACT), patience=0.05) is None
    await until_async(lambda: upstream.asked)
    upstream.go_on.set()
    entry = await get(mirrors[0])
    assert entry is not None
    assert entry.body == b"late()"
    assert len(upstream.asked) == 1


async def test_a_redirect_to_a_listed_file_becomes_one_of_ours(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put("/vue@3", b"", status=302, location="/vue@3.5.1/index.js", cache_control="max-age=600")
    upstream.put("/vue@3.5.1/index.js", b"vue()")
    entry = await get(mirrors[0], "https://unpkg.com/vue@3")
    assert entry is not None
    assert entry.location == "unpkg.com/vue@3.5.1/index.js"
    assert entry.fresh_until == entry.fetched_at + 600
    assert mirrors[0].store.get("https://unpkg.com/vue@3.5.1/index.js") is not None


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, {"location": "http://127.0.0.1/"}, b""),
        (302, {"location": "https://169.254.169.254/latest/meta-data/"}, b""),  # a cloud's own address
        (302, {"location": "https://evil.example/npm/vue@3.4.1/dist/vue.js"}, b""),
        (302, {"location": "/npm/evil@1.0.0/x.js"}, b""),
        (302, {"location": "/npm/vue@3.4.1/../../gh/evil/x.js"}, b""),
        (302, {"location": "https://cdn.jsdelivr.net:8443/npm/vue@3.4.1/x.js"}, b""),
        (302, {"location": "file:///etc/passwd"}, b""),
        (302, {"location": "/npm/vue@3.4.1/dist/"}, b""),
        (302, {"location": PATH}, b""),  # for ever
        (302, {}, b""),
        (200, {"content-type": "text/html"}, b"<script>"),
        (200, {"content-type": "application/xhtml+xml"}, b"<html/>"),
        (200, {"content-type": "text/plain"}, b"vue()"),
        (200, {"content-type": "application/wasm"}, b"\0asm"),
        (200, {"content-type": "application/octet-stream"}, b"vue()"),
        (200, {"content-encoding": "gzip"}, b"\x1f\x8b"),  # a bomb
        (200, {"content-length": "100"}, b"cut"),
        (200, {}, "cut off"),
        (200, {"content-length": str(1 << 40)}, b"vue()"),
        (302, {"location": "/npm/vue@3/dist/vue.js"}, b""),  # to what may change
        (200, {}, "endless"),
        (206, {}, b"vue"),
        (404, {}, b"vue()"),
        (500, {}, b""),
        (204, {}, b""),
        (200, {"x": "y" * 200_000}, b"vue()"),
    ],
)
async def test_what_hosts_must_not_send_is_not_served_and_not_asked_for_again(
    upstream: Upstream,
    mirrors: list[Mirror],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    status: int,
    headers: dict[str, str],
    body: Any,
) -> None:
    monkeypatch.setattr(fetch, "LARGEST_FILE", 1 << 20)
    upstream.put(PATH, body, status=status, **headers)
    assert mirrors[0].offers(EXACT) is not None
    with caplog.at_level(logging.WARNING, "cookie_consent"):
        assert await get(mirrors[0]) is None
    assert f"the mirror could not fetch {EXACT}" in caplog.text
    asked = len(upstream.asked)
    upstream.put(PATH, b"good()")
    assert await get(mirrors[0]) is None
    assert len(upstream.asked) == asked
    assert mirrors[0].offers(EXACT) is None
    assert mirrors[0].offers("https://cdn.jsdelivr.net/npm/vue@3.4.1/other.js") is not None
    assert not list(mirrors[0].store.entries())


async def test_a_host_that_is_too_slow_is_given_up(
    upstream: Upstream, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_LONGEST", 0.2)
    upstream.put(PATH, "waits")
    assert await get(mirrors[0]) is None


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["127.0.0.1", "192.168.1.1"], ["::1"], ["::ffff:10.0.0.1"], []],
)
async def test_a_host_with_an_address_that_is_not_public_is_not_contacted(
    upstream: Upstream, mirrors: list[Mirror], addresses: list[str]
) -> None:
    upstream.put(PATH, b"vue()")
    upstream.addresses["cdn.jsdelivr.net"] = addresses
    assert await get(mirrors[0]) is None
    assert not upstream.asked
    assert mirrors[0].offers("https://cdn.jsdelivr.net/npm/jquery@3.7.1/dist/jquery.js") is None  # nor is the host


async def test_what_no_page_names_takes_nothing_from_what_pages_name(
    upstream: Upstream, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "_BURST", 2)
    made = upstream.mirror()
    mirrors.append(made)
    for number in range(5):
        assert await get(made, f"https://cdn.jsdelivr.net/npm/vue@3.4.1/{number}.js") is None
    assert len(upstream.asked) < 5
    upstream.put(PATH, b"vue()")
    assert made.offers(EXACT) is not None
    assert await get(made) is not None


async def test_a_pin_that_cannot_be_read_serves_nothing(
    upstream: Upstream, mirrors: list[Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pin(*_: object) -> str:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(MemoryStore, "pin", pin)
    upstream.put(PATH, b"vue()")
    assert await get(mirrors[0]) is None


async def test_what_no_page_names_does_not_change_pages(upstream: Upstream, mirrors: list[Mirror]) -> None:
    mirror = mirrors[0]
    assert mirror.offers(EXACT) is not None
    before = mirror.state
    assert await get(mirror, "https://cdn.jsdelivr.net/npm/vue@3.4.1/nobody.js") is None
    assert (mirror.state, mirror.failing) == (before, "")
    assert await get(mirror) is None
    assert mirror.failing
    assert mirror.state != before
    failing = mirror.state
    upstream.put("/npm/vue@3.4.1/another.js", b"vue()")
    upstream.put("/npm/vue@3.4.1/more.js", b"vue()")
    for name in ("another", "more"):
        assert await get(mirror, f"https://cdn.jsdelivr.net/npm/vue@3.4.1/{name}.js") is not None
        failing = mirror.state if name == "another" else failing  # the first file of its host counts
    assert mirror.state == failing


async def test_a_file_that_failed_before_a_page_named_it_is_held_from_the_second_page_on(
    mirrors: list[Mirror],
) -> None:
    mirror = mirrors[0]
    assert await get(mirror) is None
    assert not mirror.failing
    assert mirror.offers(EXACT) is not None
    assert mirror.failing
    assert mirror.offers(EXACT) is None


async def test_scripts_are_not_led_to_a_host_of_which_there_is_nothing(
    upstream: Upstream, mirrors: list[Mirror]
) -> None:
    mirror = mirrors[0]
    links = LibraryLinks(mirror, prefix="/m/", policies=SitePolicies(authority="page.example", scheme="https"))
    assert links.for_scripts() == "*"
    upstream.put("/vue@3.4.1/dist/vue.js", b"vue()")
    assert await get(mirror, "https://unpkg.com/vue@3.4.1/dist/vue.js") is not None
    upstream.addresses.update({"cdn.jsdelivr.net": [], "unpkg.com": []})
    for address in (EXACT, "https://unpkg.com/vue@3.4.1/other.js"):
        assert await get(mirror, address) is None
    assert mirror.reachable == mirror.hosts - {"cdn.jsdelivr.net"}
    script, *others = links.for_scripts().split()
    assert "cdn.jsdelivr.net" not in script
    assert "unpkg.com" in script.removeprefix("script=").split(",")
    assert len(others) == 4


async def test_the_host_that_fails_is_the_one_that_cannot_be_reached(upstream: Upstream, mirrors: list[Mirror]) -> None:
    mirror = mirrors[0]
    upstream.put(PATH, b"", status=302, location="https://unpkg.com/vue@3.4.1/dist/vue.js")
    upstream.addresses["unpkg.com"] = []
    assert mirror.offers(EXACT) is not None
    assert await get(mirror) is None
    assert mirror.offers(EXACT) is None
    assert mirror.offers("https://cdn.jsdelivr.net/npm/vue@3.4.1/other.js") is not None
    assert mirror.offers("https://unpkg.com/vue@3.4.1/dist/vue.js") is None


async def test_the_certificate_must_be_for_the_host(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put("/ajax/libs/vue/3.4.1/vue.js", b"vue()")
    assert await get(mirrors[0], "https://cdnjs.cloudflare.com/ajax/libs/vue/3.4.1/vue.js") is None
    assert not upstream.asked


async def test_an_exact_version_that_has_changed_is_refused(
    upstream: Upstream, mirrors: list[Mirror], caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    mirrors += [upstream.mirror(store=store), upstream.mirror(store=store)]
    upstream.put(PATH, b"vue()")
    assert await get(mirrors[1]) is not None
    store._entries.clear()  # as when others needed the room
    upstream.put(PATH, b"evil()")
    with caplog.at_level(logging.ERROR, "cookie_consent"):
        assert await get(mirrors[2]) is None
    assert "has changed, though its version is exact" in caplog.text


async def test_a_policy_for_one_host_is_not_a_way_to_another(upstream: Upstream, mirrors: list[Mirror]) -> None:
    upstream.put("/evil@1.0.0/x.js", b"evil()")
    assert mirrors[0].offers("https://unpkg.com/evil@1.0.0/x.js") is None
    mirrors.append(upstream.mirror("npm:evil"))
    assert mirrors[1].offers("https://unpkg.com/evil@1.0.0/x.js") == "unpkg.com/evil@1.0.0/x.js"
    assert await get(mirrors[1], "https://unpkg.com/evil@1.0.0/x.js") is not None


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::6810:84e5", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),  # carrier-grade NAT
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.0.2.1", False),
        ("192.168.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", False),
        ("64:ff9b::7f00:1", False),  # 127.0.0.1 by NAT64
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),  # 127.0.0.1 by 6to4
        ("2001:0:7f00:1::", False),  # by Teredo
        ("nonsense", False),
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(
    upstream: Upstream, mirrors: list[Mirror]
) -> None:
    """A name that is public at first and private a moment later (DNS rebinding) is looked up once."""
    calls = []

    async def resolve(host: str) -> list[str]:
        calls.append(host)
        return ["127.0.0.1"] if len(calls) == 1 else ["10.0.0.1"]

    network = Network(resolve=resolve, is_public=lambda _: True, port=upstream.network.port, tls=upstream.network.tls)
    mirrors.append(mirror.Mirror(mirrors[0].libraries, store=MemoryStore(), network=network))
    upstream.put(PATH, b"vue()")
    assert await get(mirrors[1]) is not None
    assert calls == ["cdn.jsdelivr.net"]
