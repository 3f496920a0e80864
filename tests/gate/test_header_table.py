"""The fast path and the careful one hold the same headers to the consent."""

from __future__ import annotations

from typing import Any

import pytest

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.exchange.kinds import USUAL_PASSIVE
from cookie_consent.gate.headers import ADDRESS_HEADERS, GATED_HEADERS, PLAIN_HEADERS

pytestmark = pytest.mark.anyio

HOSTILE = {
    b"set-cookie": b"_ga=1; Max-Age=99999",
    b"link": b"<https://x.test/a>; rel=preload; as=script",
    b"refresh": b"0; url=https://x.test/",
    b"speculation-rules": b'"https://x.test/a.json"',
    b"reporting-endpoints": b'a="https://x.test/r"',
    b"report-to": b'{"max_age":9,"endpoints":[{"url":"https://x.test/r"}]}',
    b"content-security-policy": b"report-uri https://x.test/r",
    b"content-security-policy-report-only": b"report-uri https://x.test/r",
    b"etag": b'"v1"',
}
PASSIVE = sorted(USUAL_PASSIVE | {b"application/pdf", b"video/mp4", b"application/ld+json"})
BODY = b"<img src=//x.test/>"
CLIENTS: dict[str, list[tuple[bytes, bytes]]] = {
    "program": [(b"host", b"site.test"), (b"accept", b"*/*")],
    "script": [(b"host", b"site.test"), (b"accept", b"*/*"), (b"sec-fetch-dest", b"empty")],
}


class Site:
    """A middleware, which takes a while to build, around an application that answers with ``headers``."""

    headers: list[tuple[bytes, bytes]]

    def __init__(self, ledger_url: str) -> None:
        self._gated = ConsentMiddleware(self._app, Policy(version="1"), secret="x" * 40, ledger=ledger_url)
        self._sent: list[Any] = []

    async def _app(self, _: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": BODY})

    async def _send(self, message: Any) -> None:
        self._sent.append(message)

    async def _receive(self) -> Any:
        return {"type": "http.disconnect"}

    async def answered(
        self, headers: list[tuple[bytes, bytes]], client: str
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return the headers and the body that reach the client."""
        self.headers, self._sent = headers, []
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": CLIENTS[client]}
        await self._gated(scope, self._receive, self._send)
        return list(self._sent[0]["headers"]), b"".join(message["body"] for message in self._sent[1:])


@pytest.fixture
def site(ledger_url: str) -> Site:
    return Site(ledger_url)


def test_the_table() -> None:
    assert set(HOSTILE) == GATED_HEADERS
    assert {name.encode() for name in ADDRESS_HEADERS} | {b"set-cookie"} <= GATED_HEADERS
    assert not GATED_HEADERS & PLAIN_HEADERS


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_gated_header_is_held_on_every_passive_type(client: str, site: Site) -> None:
    for name, value in HOSTILE.items():
        for content_type in PASSIVE:
            for written in (name, name.title()):
                headers = [(b"content-type", content_type), (written, value)]
                for order in (headers, headers[::-1]):
                    kept, body = await site.answered(order, client)
                    assert body == BODY
                    text = b" ".join(value for _, value in kept)
                    assert b"x.test" not in text, (name, content_type)
                    assert b"Max-Age" not in text, (name, content_type)


@pytest.mark.parametrize("client", CLIENTS)
async def test_no_plain_header_is_changed(client: str, site: Site) -> None:
    headers = [(b"content-type", b"image/png"), *((name, b"x") for name in sorted(PLAIN_HEADERS))]
    assert await site.answered(headers, client) == (headers, BODY)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "lines",
    [
        (b"image/png", b"text/html"),  # the last counts
        (b'text/css; a="', b'text/plain; b=", text/html'),  # joined they say what neither does
    ],
)
async def test_a_second_type_is_looked_at(client: str, lines: tuple[bytes, ...], site: Site) -> None:
    _, body = await site.answered([(b"content-type", line) for line in lines], client)
    assert b"data-consent-src=//x.test/" in body
