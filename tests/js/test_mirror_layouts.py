"""The guard knows the layouts of libraries' hosts too, and must lead nothing to the mirror that the server refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from cookie_consent.endpoints.static_files import static_folder
from cookie_consent.mirror.libraries import Libraries
from tests.js.nodes import find_node
from tests.mirror.addresses import LISTED, OTHERS
from tests.waiting import HANG

LIBRARIES = Libraries(["npm:@acme/widgets"])
HERE = Path(__file__).parent


def led(addresses: list[str]) -> list[str | None]:
    """Return where the guard leads each address, below the mirror."""
    source = (static_folder() / "guard" / "mirror.js").read_text("utf-8")
    given = {
        "sources": source,
        "libraries": LIBRARIES.for_guard(""),
        "names": json.loads(LIBRARIES.names_for_guard()),
        "addresses": addresses,
    }
    done = subprocess.run(
        [find_node(), HERE / "layouts.mjs"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    )
    found: list[str | None] = json.loads(done.stdout)
    return found


@pytest.mark.server
def test_the_guard_leads_libraries_where_the_server_does() -> None:
    addresses = [address for address, _, _ in LISTED] + ["https://unpkg.com/@acme/widgets@1.2.3/x.js"]
    expected = [mirrored for _, mirrored, _ in LISTED] + ["unpkg.com/@acme/widgets@1.2.3/x.js"]
    expected = ["" if path.endswith("/") else path for path in expected]  # a folder, which cannot be had
    found = led(addresses)
    assert [unquote_plus((path or "").partition("#")[0]) for path in found] == [unquote_plus(path) for path in expected]


@pytest.mark.server
def test_whatever_it_leads_to_the_mirror_is_served_there() -> None:
    hidden = ["https://cdn.jsdelivr.net/npm/vue@3/", "https://unpkg.com/lit", "https://unpkg.com/lit@3?x#y"]
    for address, path in zip(OTHERS + hidden, led(OTHERS + hidden), strict=True):
        if path is not None:  # browsers have made something else of it, such as of dots
            folder, _, query = path.partition("#")[0].partition("?")
            file = LIBRARIES.from_mirrored(folder, query)
            assert file is not None, address
            assert not file.is_folder, address
