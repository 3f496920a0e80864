from __future__ import annotations

from datetime import datetime

from cookie_consent.scanner.model import (
    Carrier,
    Initiator,
    Mode,
    ObservedCookie,
    ObservedRequest,
    Scan,
    ScannedPage,
    Sighting,
)
from cookie_consent.scanner.reports.har import har

PAGE = "https://shop.example/"
REQUIRED = {"startedDateTime", "time", "request", "response", "cache", "timings"}
REQUEST = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
RESPONSE = {
    "status",
    "statusText",
    "httpVersion",
    "cookies",
    "headers",
    "content",
    "redirectURL",
    "headersSize",
    "bodySize",
}


def test_it_has_what_har_1_2_requires() -> None:
    scan = Scan(
        site=PAGE,
        mode=Mode.HTTP,
        started="2026-11-27T13:00:00+00:00",
        pages=[ScannedPage(address=PAGE, title="Shop", seconds=0.5), ScannedPage(address=PAGE + "b", error="broken")],
        cookies=[
            ObservedCookie(
                name="a", domain="shop.example", lifetime=60, host_only=False, sample="secret",
                initiators=[Initiator(by="header", address=PAGE + "?x=1")],
            )
        ],
        requests=[
            ObservedRequest(
                address=PAGE, host="shop.example", carrier=Carrier.DOCUMENT, queries=["x=1&y"], statuses=[200],
                sightings=[Sighting(page=PAGE)],
            ),
            ObservedRequest(
                address="https://a.test/x.js", host="a.test", carrier=Carrier.SCRIPT, is_made=False,
                sightings=[Sighting(page=PAGE)],
            ),
        ],
    )  # fmt: skip
    log = har(scan)["log"]
    assert log["version"] == "1.2"
    assert {"name", "version"} <= log["creator"].keys()
    assert [page["id"] for page in log["pages"]] == ["page_1", "page_2"]
    assert all({"startedDateTime", "id", "title", "pageTimings"} <= page.keys() for page in log["pages"])
    document, script = log["entries"]
    for entry in log["entries"]:
        assert entry.keys() >= REQUIRED
        assert entry["request"].keys() == REQUEST
        assert entry["response"].keys() == RESPONSE
        assert entry["pageref"] == "page_1"
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None
    assert document["request"]["url"] == PAGE + "?x=1&y"
    assert document["request"]["queryString"] == [{"name": "x", "value": "1"}, {"name": "y", "value": ""}]
    (cookie,) = document["response"]["cookies"]
    assert (cookie["name"], cookie["value"], cookie["domain"]) == ("a", "", ".shop.example")
    assert cookie["expires"].startswith("2026-11-27T13:01:00")
    assert (script["response"]["status"], script["comment"]) == (0, "named by the page, not requested")
