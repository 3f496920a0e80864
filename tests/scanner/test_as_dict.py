from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.as_dict import as_dict, from_dict
from cookie_consent.scanner.model import (
    Act,
    Carrier,
    ConsentTool,
    Initiator,
    Limit,
    Mode,
    ObservedApi,
    ObservedCookie,
    ObservedKey,
    ObservedRequest,
    ObservedSnippet,
    Phase,
    Scan,
    ScannedPage,
    Sighting,
    StorageKind,
)

SIGHTING = Sighting(page="https://a.test/", phase=Phase.ACCEPTED, act=Act.SCROLL)
BY = Initiator(by="script", address="https://b.test/x.js", line=7, stack=("https://b.test/x.js", "https://c.test/y.js"))


def full() -> Scan:
    seen: dict[str, Any] = {"count": 2, "sightings": [SIGHTING], "initiators": [BY]}
    return Scan(
        site="https://a.test/",
        mode=Mode.BROWSER,
        started="2026-11-27T13:00:00+00:00",
        landed="https://www.a.test/",
        seconds=1.5,
        phases=(Phase.UNDECIDED, Phase.ACCEPTED),
        pages=[ScannedPage(address="https://a.test/", status=200, title="Ü", error="none")],
        cookies=[ObservedCookie(name="a", domain="a.test", lifetime=60.5, http_only=True, **seen)],
        keys=[ObservedKey(name="k", kind=StorageKind.SESSION, origin="https://a.test", **seen)],
        requests=[
            ObservedRequest(
                address="https://b.test/p", host="b.test", carrier=Carrier.SERVICE_WORKER, queries=["a=1"],
                statuses=[0, 200], aliases=("c.test",), frame="https://d.test/", is_made=False, **seen,
            )
        ],
        snippets=[ObservedSnippet(service="matomo", excerpt="_paq", **seen)],
        apis=[ObservedApi(name="canvas", script="https://b.test/x.js", **seen)],
        tools=[ConsentTool(name="Other", state="G100", **seen)],
        limits=[Limit(name="--pages", value="1", note="n")],
        unseen=["Nothing."],
    )  # fmt: skip


def test_a_scan_comes_back_from_json_as_it_was() -> None:
    assert from_dict(json.loads(json.dumps(as_dict(full())))) == full()


def test_values_of_cookies_and_screenshots_are_not_written() -> None:
    scan = full()
    scan.cookies[0].sample = "secret"
    scan.pages[0].screenshots = {Phase.REFUSED: Path("secret.png")}
    assert from_dict(json.loads(json.dumps(as_dict(scan)))) == full()


def test_a_saved_scan_names_no_files() -> None:
    data = as_dict(full())
    data["pages"][0]["screenshots"] = {"refused": "/etc/logo.png"}
    assert from_dict(data) == full()


def test_what_a_later_version_adds_is_ignored() -> None:
    data = as_dict(full())
    data["later"] = 1
    data["cookies"][0]["later"] = 1
    assert from_dict(data) == full()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "no scan of format 1"),
        ([], "no scan of format 1"),
        ({"format": 2}, "no scan of format 1"),
        ({"format": 1}, "site: Field required"),
        ({**as_dict(full()), "mode": "x"}, "mode: Input should be"),
        ({**as_dict(full()), "cookies": [{"name": 1, "domain": "a"}]}, r"cookies\.0\.name"),
    ],
)
def test_anything_else_is_refused_with_the_place_of_the_fault(data: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_dict(data)
