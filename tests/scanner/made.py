"""Scans made by hand."""

from __future__ import annotations

import tomllib
from typing import Any

from cookie_consent.policy import Policy, parse_policy
from cookie_consent.scanner.model import (
    Carrier,
    Initiator,
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

SITE = "https://shop.example/"
ALL_PHASES = (Phase.UNDECIDED, Phase.REFUSED, Phase.ACCEPTED)


def policy(text: str = "", **keys: Any) -> Policy:
    return parse_policy({"version": "1", **tomllib.loads(text), **keys}, source="test")


def scan(*things: Any, mode: Mode = Mode.BROWSER, site: str = SITE, is_empty: bool = False, **fields: Any) -> Scan:
    """Return a scan that saw the things."""
    made = Scan(site=site, mode=mode, started="2026-11-27T12:00:00+00:00", seconds=1.5, **fields)
    if not is_empty and not made.pages:
        made.pages.append(ScannedPage(address=site, landed=site, status=200, title="Shop", content_type="text/html"))
    lists: dict[type, list[Any]] = {
        ObservedCookie: made.cookies,
        ObservedKey: made.keys,
        ObservedRequest: made.requests,
        ObservedSnippet: made.snippets,
        ObservedApi: made.apis,
    }
    for thing in things:
        lists.get(type(thing), made.tools).append(thing)
    return made


def seen(*phases: Phase, by: str = "script", address: str = "https://shop.example/a.js") -> dict[str, Any]:
    return {
        "count": max(1, len(phases)),
        "sightings": [Sighting(page=SITE, phase=phase) for phase in phases or (Phase.ACCEPTED,)],
        "initiators": [Initiator(by=by, address=address)],
    }


def cookie(name: str, *phases: Phase, domain: str = "shop.example", **fields: Any) -> ObservedCookie:
    return ObservedCookie(name=name, domain=domain, **{**seen(*phases), **fields})


def key(name: str, *phases: Phase, origin: str = "https://shop.example") -> ObservedKey:
    return ObservedKey(name=name, kind=StorageKind.LOCAL, origin=origin, **seen(*phases))


def request(address: str, *phases: Phase, carrier: Carrier = Carrier.SCRIPT, **fields: Any) -> ObservedRequest:
    host = address.split("/")[2]
    return ObservedRequest(address=address, host=host, carrier=carrier, **seen(*phases), **fields)


def snippet(service: str, *phases: Phase) -> ObservedSnippet:
    return ObservedSnippet(service=service, excerpt="fbq('init')", **seen(*phases))
