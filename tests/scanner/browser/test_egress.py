"""The proxy that is the browser's only way out."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from cookie_consent.scanner.browser.egress import Egress, Way
from cookie_consent.scanner.browser.launch import answer_to
from cookie_consent.scanner.browser.network import Network
from tests.waiting import HANG, until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.server, pytest.mark.anyio]
ANSWER = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nKeep-Alive: x\r\nContent-Length: 2\r\n\r\nok"


class World:
    """Hosts, their changing addresses, and what was sent to them."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[list[str]]] = {}
        self.connected: list[tuple[str, int]] = []
        self.received = bytearray()
        self.refused: list[str] = []
        self.failed: list[str] = []
        self.server_port = 0

    async def look_up(self, host: str, _: int) -> list[str]:
        answers = self.addresses.get(host, [])
        if not answers:
            raise OSError(f"{host} is not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.connected.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.server_port)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                self.received += data
                if b"\r\n\r\n" in self.received and self.received.endswith((b"\r\n\r\n", b"body")):
                    writer.write(ANSWER)
        writer.close()


@contextlib.asynccontextmanager
async def running(
    world: World, *, site: str = "http://typed.test:8000/", private: bool = False
) -> AsyncIterator[Egress]:
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0)
    world.server_port = server.sockets[0].getsockname()[1]
    network = Network(addresses=world.look_up, connect=world.connect)
    egress = Egress(
        network,
        site=site,
        private=private,
        on_refused=lambda host, port, _: world.refused.append(f"{host}:{port}"),
        on_failed=lambda host, _, why: world.failed.append(f"{host}: {why}"),
    )
    async with server, egress:
        yield egress


def signed(egress: Egress, request: bytes, password: str | None = None) -> bytes:
    token = b64encode(f"scan:{egress.way.password if password is None else password}".encode())
    return request.replace(b"\r\n", b"\r\nProxy-Authorization: Basic " + token + b"\r\n", 1)


async def asked(egress: Egress, request: bytes, password: str | None = None) -> bytes:
    """Send bytes; return what comes until the proxy closes the connection, or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", egress.way.port)
    try:
        writer.write(signed(egress, request, password))
        found = b""
        async with asyncio.timeout(HANG):
            while not found.endswith((b"ok", b"established\r\n\r\n")) and (data := await reader.read(65_536)):
                found += data
    except ConnectionResetError:
        return b""
    else:
        return found
    finally:
        writer.close()


PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.1"
REFUSED = {
    "a name at a private address": ("inner.test:443", [[PRIVATE]]),
    "a name with a public address too": ("both.test:443", [[PUBLIC, "fd00::1"]]),
    "loopback": ("127.0.0.1:80", []),
    "loopback in IPv6": ("[::1]:80", []),
    "IPv4 in IPv6": ("[::ffff:127.0.0.1]:80", []),
    "link-local, as metadata services are": ("169.254.169.254:80", []),
    "another port of the site": ("typed.test:9200", [[PRIVATE]]),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_private_addresses_are_refused(case: str) -> None:
    target, addresses = REFUSED[case]
    world = World()
    host = target.rpartition(":")[0].strip("[]")
    world.addresses[host] = addresses
    async with running(world) as egress:
        assert await asked(egress, f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()) == b""
        assert await asked(egress, f"GET http://{target}/ HTTP/1.1\r\n\r\n".encode()) == b""
    assert world.refused == [target.replace("[", "").replace("]", "")] * 2
    assert not world.connected


async def test_private_addresses_are_reached_when_they_may_be() -> None:
    world = World()
    world.addresses["inner.test"] = [[PRIVATE]]
    async with running(world, private=True) as egress:
        assert b"200" in await asked(egress, b"CONNECT inner.test:443 HTTP/1.1\r\n\r\n")
    assert world.connected == [(PRIVATE, 443)]


@pytest.mark.parametrize("port", [8000, 80, 443])
async def test_the_site_is_reached_wherever_it_is(port: int) -> None:
    world = World()
    world.addresses["typed.test"] = [[PRIVATE]]
    async with running(world) as egress:
        assert b"200" in await asked(egress, f"CONNECT typed.test:{port} HTTP/1.1\r\n\r\n".encode())
    assert world.connected == [(PRIVATE, port)]


async def test_the_connection_is_to_the_address_that_was_checked() -> None:
    world = World()
    world.addresses["rebinding.test"] = [[PUBLIC], [PRIVATE]]
    async with running(world) as egress:
        assert b"200" in await asked(egress, b"CONNECT rebinding.test:443 HTTP/1.1\r\n\r\n")
        assert await asked(egress, b"CONNECT rebinding.test:443 HTTP/1.1\r\n\r\n") == b""
    assert world.connected == [(PUBLIC, 443)]


async def test_a_plain_request_is_passed_on_alone() -> None:
    world = World()
    world.addresses["plain.test"] = [[PUBLIC]]
    request = (
        b"POST http://plain.test/p?q=1 HTTP/1.1\r\nHost: plain.test\r\nProxy-Connection: keep-alive\r\n"
        b"Content-Length: 4\r\n\r\nbodyGET http://other.test/ HTTP/1.1\r\n\r\n"
    )
    async with running(world) as egress:
        answer = await asked(egress, request)
    assert bytes(world.received) == (
        b"POST /p?q=1 HTTP/1.1\r\nHost: plain.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )
    assert answer == (
        b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\nConnection: close\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    )


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET ftp://x.test/ HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"CONNECT :443 HTTP/1.1\r\n\r\n",
        b"CONNECT x.test:99999 HTTP/1.1\r\n\r\n",
        b"x" * 200_000,
    ],
)
async def test_what_is_no_request_is_closed(request_: bytes) -> None:
    world = World()
    async with running(world) as egress:
        assert await asked(egress, request_) == b""
    assert not world.connected


async def test_it_says_which_hosts_are_not_there() -> None:
    world = World()
    async with running(world) as egress:
        assert await asked(egress, b"CONNECT gone.test:443 HTTP/1.1\r\n\r\n") == b""
        await until_async(lambda: world.failed)
    assert world.failed == ["gone.test: gone.test is not known"]


async def test_the_site_s_own_name_leads_nowhere_else_later() -> None:
    """Its page could read what is there as its own (DNS rebinding)."""
    world = World()
    world.addresses["typed.test"] = [[PUBLIC], [PRIVATE], [PRIVATE]]
    async with running(world) as egress:
        for _ in range(3):
            assert b"200" in await asked(egress, b"CONNECT typed.test:8000 HTTP/1.1\r\n\r\n")
    assert {address for address, _ in world.connected} == {PUBLIC}


async def test_a_name_that_is_none_is_told() -> None:
    world, label = World(), "a" * 64
    async with running(world) as egress:
        egress._network = Network()  # the system's own look-up
        assert await asked(egress, f"CONNECT {label}.test:443 HTTP/1.1\r\n\r\n".encode()) == b""
    assert [failed.partition(":")[0] for failed in world.failed] == [f"{label}.test"]


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_other_programs_need_the_password(password: str) -> None:
    world = World()
    world.addresses["shop.test"] = [[PUBLIC]]
    async with running(world) as egress:
        for request in (b"CONNECT shop.test:443 HTTP/1.1\r\n\r\n", b"GET http://shop.test/ HTTP/1.1\r\n\r\n"):
            assert (await asked(egress, request, password)).startswith(b"HTTP/1.1 407 ")
            twice = signed(egress, request)  # of two, none counts
            assert (await asked(egress, twice)).startswith(b"HTTP/1.1 407 ")
    assert not world.connected


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"GET http://cookie-consent-scan.invalid/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        # which Chromium asks for of itself, sometimes after that page has been left
        (b"GET http://cookie-consent-scan.invalid/favicon.ico HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"CONNECT cookie-consent-scan.invalid:443 HTTP/1.1\r\n\r\n", b""),
    ],
)
async def test_the_first_page_is_answered_by_the_proxy_itself(request_: bytes, answer: bytes) -> None:
    world = World()
    async with running(world) as egress:
        assert (await asked(egress, request_)).partition(b"\r\n")[0] == answer
    assert not world.failed
    assert not world.connected


def test_no_site_is_told_the_password() -> None:
    way = Way(1, "secret")
    assert "secret" not in str(answer_to({"source": "Server"}, way))
    assert answer_to({"source": "Proxy"}, way)["password"] == "secret"
