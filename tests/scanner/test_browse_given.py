"""The scan in a browser of an address as it was typed: with a password, or one that leads to another site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.browse import browse
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.model import Phase
from tests.scanner.stand_in import ARGUMENTS, standing_in

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.scanner.browser.network import Network
    from cookie_consent.scanner.model import Scan

pytestmark = [pytest.mark.browser, pytest.mark.anyio]


async def app(scope: Any, _: Any, send: Any) -> None:
    """Serve a site that wants a password, and one that leads elsewhere."""
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode().partition(":")[0]
    status, sent, body = 200, [(b"content-type", b"text/html")], b"<title>In</title><script src=/a.js></script>"
    if host == "shop.test":
        status, body = 301, b""
        sent += [(b"location", b"https://www.shop.test/?token=s3cr3t")]
    elif host == "old.test":
        status, body = 302, b""
        sent += [(b"location", b"https://new.test/?token=s3cr3t")]
    elif host == "locked.test" and headers.get(b"authorization") != b"Basic bWU6czNjcjN0":
        status, body = 401, b"<title>Out</title>"
        sent += [(b"www-authenticate", b'Basic realm="x"')]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def scanned(address: str, network: Network, chromium_path: str) -> Scan:
    options = BrowseOptions(
        executable=chromium_path,
        pages=2,
        phases=(Phase.UNDECIDED,),
        stay_seconds=0.5,
        network=network,
        arguments=ARGUMENTS,
    )
    return await browse(address, options)


async def test_a_password_opens_the_site_and_is_kept_nowhere(chromium_path: str, tmp_path: Path) -> None:
    async with standing_in(app, tmp_path) as network:
        scan = await scanned("https://me:s3cr3t@locked.test/?token=s3cr3t", network, chromium_path)
    assert (scan.pages[0].status, scan.pages[0].title) == (200, "In")
    assert {request.address: request.statuses for request in scan.requests}["https://locked.test/a.js"] == [200]
    assert "s3cr3t" not in json.dumps(as_dict(scan))


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("https://old.test/", "it leads to https://new.test, which is another site; scan that one if"),
        ("https://shop.test/", ""),
    ],
)
async def test_an_address_that_leads_on(address: str, error: str, chromium_path: str, tmp_path: Path) -> None:
    async with standing_in(app, tmp_path) as network:
        scan = await scanned(address, network, chromium_path)
    (page,) = scan.pages
    assert page.error.startswith(error)
    assert bool(page.error) is bool(error)
    assert page.landed == ("" if error else "https://www.shop.test/?token=*")
    assert "s3cr3t" not in json.dumps(as_dict(scan))
