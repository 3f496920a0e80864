from __future__ import annotations

from cookie_consent.scanner.judge import Judgement, judge
from cookie_consent.scanner.model import (
    Carrier,
    Limit,
    Mode,
    ObservedCookie,
    ObservedKey,
    ObservedRequest,
    ObservedSnippet,
    Scan,
    ScannedPage,
    Sighting,
    StorageKind,
)
from cookie_consent.scanner.reports.table import table
from cookie_consent.testing import make_policy

SEEN = [Sighting(page="https://shop.example/")]


def request(address: str, carrier: Carrier = Carrier.SCRIPT) -> ObservedRequest:
    return ObservedRequest(address=address, host=address.split("/")[2], carrier=carrier, is_made=False, sightings=SEEN)


def scan_of(**things: list[object]) -> Scan:
    scan = Scan(site="https://shop.example/", mode=Mode.HTTP, started="2026-11-27T13:00:00+00:00")
    for name, values in things.items():
        getattr(scan, name).extend(values)
    return scan


def judged(scan: Scan) -> Judgement:
    policy = make_policy(
        services={"hotjar": {}, "chat": {"name": "Chat", "category": "preferences", "hosts": ["chat.example"]}},
        cookies=[{"name": "cart", "category": "session"}],
    )
    return judge(scan, policy)


def test_what_the_policy_does_not_name_is_marked() -> None:
    scan = scan_of(
        cookies=[
            ObservedCookie(name=name, domain="shop.example", sightings=SEEN)
            for name in ("cart", "_hjSession_1", "_ga", "mystery", "cookie_consent")
        ],
        keys=[ObservedKey(name="odd", kind=StorageKind.LOCAL, origin="https://shop.example")],
        requests=[
            request("https://shop.example/own.js"),
            request("https://img.shop.example/own.png"),
            request("https://chat.example/x.js"),
            request("https://www.googletagmanager.com/gtag/js"),
            request("https://unknown.test/x"),
            request("https://pay.test/", Carrier.FORM),
        ],
        snippets=[ObservedSnippet(service="google-analytics", excerpt="gtag('config'", sightings=SEEN)],
    )
    lines = list(table(judged(scan)))
    shown = {line[2:]: line[0] == "!" for line in lines if line[:2] in {"! ", "  "} and line[2] != " "}
    assert shown == {
        "cart": False,
        "_hjSession_1": False,
        "cookie_consent": False,
        "_ga": True,
        "mystery": True,
        "odd": True,
        "chat.example": False,
        "www.googletagmanager.com": True,
        "unknown.test": True,
        "pay.test": False,
        "google-analytics": True,
    }
    assert lines[-1] == "6 things marked ! are not declared"
    assert "! unknown.test" in lines
    assert "  chat.example" in lines


def test_lines_fit_a_terminal_and_hosts_are_never_cut() -> None:
    host = ".".join(["a" * 60] * 4)
    scan = scan_of(
        requests=[request(f"https://{host}/x")],
        pages=[ScannedPage(address="https://shop.example/" + "x" * 30, error="a reason with many words " * 10)] * 30,
        limits=[Limit(name="--pages", value="100", note="many words " * 30)],
        unseen=["A sentence with a number of words. " * 10],
    )
    lines = list(table(judged(scan)))
    assert f"! {host}" in lines
    assert max(len(line) for line in lines if host not in line) <= 80
    assert "  and 20 more" in lines


def test_what_a_site_sends_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\u202e\r\n\x07"
    scan = scan_of(
        cookies=[ObservedCookie(name=f"a{evil}b", domain=f"d{evil}")],
        requests=[request(f"https://h{evil}/x")],
        snippets=[ObservedSnippet(service="x", excerpt=evil)],
        pages=[ScannedPage(address=evil, error=evil)],
        limits=[Limit(name="x", value=evil)],
    )
    assert all(line.isprintable() for line in table(judged(scan)))


def test_a_site_without_anything_says_so() -> None:
    lines = list(table(judged(scan_of(pages=[ScannedPage(address="https://shop.example/")]))))
    assert lines[1:] == ["", "COOKIES", "  none", "", "HOSTS", "  none but the site's own", "", "all is declared"]


def test_a_site_that_could_not_be_read_is_not_said_to_have_nothing() -> None:
    failed = ScannedPage(address="https://shop.example/", error="the connection was refused")
    lines = list(table(judged(scan_of(pages=[failed], unseen=["Service workers."]))))
    assert lines[1:] == [
        "",
        "NOT READ: 1 page",
        "  https://shop.example/: the connection was refused",
        "",
        "nothing was read",
    ]
