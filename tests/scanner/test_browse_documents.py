"""What a scan in a browser reads in documents as the server sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.policy.load import parse_policy
from cookie_consent.scanner.browse import browse
from cookie_consent.scanner.browser.documents import LARGEST
from cookie_consent.scanner.browser.options import BrowseOptions
from cookie_consent.scanner.model import Carrier, Phase
from tests.scanner.planted import Answer
from tests.scanner.stand_in import ARGUMENTS, app_of, standing_in

if TYPE_CHECKING:
    from pathlib import Path

    from cookie_consent.scanner.model import Scan

pytestmark = [pytest.mark.browser, pytest.mark.anyio]
SITE = "https://site.test/"
POLICY = """
[services.own]
name = "Own"
category = "analytics"
hosts = ["own.test"]
inline = ["ownCounter("]
"""
HEAD = """<!doctype html><title>Caf\xe9</title>
<meta http-equiv=content-security-policy content="frame-src *">
<script>globalThis.fbq = () => {}; fbq('init', '1'); document.currentScript.remove()</script>
<script>globalThis.ownCounter = () => {}; ownCounter("\xe9")</script>
<script src=https://made.test/a.js></script>
<noscript><img src=https://named.test/pixel.gif></noscript>
"""


async def scanned(chromium_path: str, folder: Path, body: bytes, **given: Any) -> Scan:
    def answers(host: str, _: str) -> Answer:
        return Answer(body=body, kind="text/html; charset=iso-8859-1") if host == "site.test" else Answer()

    async with standing_in(app_of(answers), folder) as network:
        options = BrowseOptions(
            executable=chromium_path,
            pages=1,
            phases=(Phase.UNDECIDED,),
            stay_seconds=0,
            quiet_seconds=0.5,
            page_seconds=120,
            network=network,
            arguments=ARGUMENTS,
        )
        return await browse(SITE, options, **given)


async def test_snippets_and_what_is_only_named_are_found(chromium_path: str, tmp_path: Path, own: Any) -> None:
    scan = await scanned(chromium_path, tmp_path, HEAD.encode("latin-1"), policy=own)
    snippets = {snippet.service: snippet for snippet in scan.snippets}
    assert snippets.keys() == {"facebook-pixel", "own"}
    assert 'ownCounter("\xe9")' in snippets["own"].excerpt
    assert [sighting.page for sighting in snippets["own"].sightings] == [SITE]
    found = {(request.host, request.carrier, request.is_made) for request in scan.requests}
    assert ("named.test", Carrier.IMAGE, False) in found
    assert [made for host, _, made in found if host == "made.test"] == [True]  # not listed a second time as named
    assert scan.pages[0].content_security_policy == "frame-src *"


@pytest.fixture
def own() -> Any:
    import tomllib

    return parse_policy({"version": "1", **tomllib.loads(POLICY)}, source="test")


async def test_a_document_that_is_too_large_is_said_not_to_have_been_read(chromium_path: str, tmp_path: Path) -> None:
    scan = await scanned(chromium_path, tmp_path, HEAD.encode("latin-1") + b"<!-- " + b"x" * LARGEST + b"-->")
    assert [(limit.name, limit.value) for limit in scan.limits] == [("document", str(LARGEST))]
    assert scan.pages[0].title == "Caf\xe9"
    assert scan.snippets == []
