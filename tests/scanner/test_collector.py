from __future__ import annotations

from cookie_consent.scanner.collector import Bounds, Collector
from cookie_consent.scanner.model import Mode, ObservedCookie, Phase, Scan, Sighting


def test_each_phase_has_room_for_its_sightings() -> None:
    """Otherwise what is still there after a refusal would not be listed."""
    scan = Scan(site="https://shop.test/", mode=Mode.BROWSER, started="2026-11-27T12:00:00Z")
    collector = Collector(scan, Bounds(sightings=2))
    for phase in Phase:
        for page in ("a", "a", "b", "c"):
            sighting = Sighting(page=f"https://shop.test/{page}", phase=phase)
            collector.see(scan.cookies, "x", lambda: ObservedCookie(name="x", domain="shop.test"), sighting)
    (cookie,) = scan.cookies
    assert cookie.count == 12
    assert [sighting.phase for sighting in cookie.sightings] == [phase for phase in Phase for _ in range(2)]


def test_further_things_are_a_limit() -> None:
    scan = Scan(site="https://shop.test/", mode=Mode.HTTP, started="2026-11-27T12:00:00Z")
    collector = Collector(scan, Bounds(things=1))
    for name in "abc":
        collector.see(
            scan.cookies,
            name,
            lambda: ObservedCookie(name="x", domain="shop.test"),
            Sighting(page="https://shop.test/"),
        )
    assert len(scan.cookies) == 1
    assert [(limit.name, limit.value) for limit in scan.limits] == [("cookies", "1")]


def test_what_is_remembered_can_be_written_to_a_file() -> None:
    scan = Scan(site="https://shop.test/", mode=Mode.BROWSER, started="2026-11-27T12:00:00Z")
    collector = Collector(scan, Bounds(text=5))
    assert collector.cut("\ud800a") == "?a"
    assert collector.cut("123456") == "1234…"
