"""The requests of a scan as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cookie_consent.scanner.model import Carrier
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from cookie_consent.scanner.model import ObservedCookie, ObservedRequest, Scan

__all__ = ["har"]

_TYPES = {
    Carrier.DOCUMENT: "document",
    Carrier.SCRIPT: "script",
    Carrier.STYLE: "stylesheet",
    Carrier.IMAGE: "image",
    Carrier.FONT: "font",
    Carrier.MEDIA: "media",
    Carrier.FETCH: "fetch",
    Carrier.BEACON: "ping",
    Carrier.SOCKET: "websocket",
}


def har(scan: Scan) -> dict[str, Any]:
    """Return the log as an object of JSON: the requests that were made, and with a comment those that pages name.

    Headers and bodies are not kept, so their sizes are -1. Values of cookies are left out.
    """
    started = datetime.fromisoformat(scan.started)
    pages: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    at = started
    for number, page in enumerate(scan.pages, 1):
        name = f"page_{number}"
        ids.setdefault(page.address, name)
        if page.landed:
            ids.setdefault(page.landed, name)
        pages.append(
            {
                "startedDateTime": at.isoformat(),
                "id": name,
                "title": page.title or page.address,
                "pageTimings": {"onContentLoad": -1, "onLoad": round(page.seconds * 1000)},
                **({"comment": page.error} if page.error else {}),
            }
        )
        at += timedelta(seconds=page.seconds)
    by_address: dict[str, list[ObservedCookie]] = {}
    for cookie in scan.cookies:
        for initiator in cookie.initiators:
            if initiator.by == "header":
                by_address.setdefault(initiator.address.partition("?")[0], []).append(cookie)
    times: dict[str, str] = {page["id"]: page["startedDateTime"] for page in pages}
    entries = [_entry(request, by_address.get(request.address, []), ids, times, started) for request in scan.requests]
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    creator = {"name": "cookie-consent", "version": __version__}
    return {"log": {"version": "1.2", "creator": creator, "pages": pages, "entries": entries}}


def _entry(
    request: ObservedRequest,
    cookies: list[ObservedCookie],
    ids: dict[str, str],
    times: dict[str, str],
    started: datetime,
) -> dict[str, Any]:
    pages = [ids[sighting.page] for sighting in request.sightings if sighting.page in ids]
    query = request.queries[0] if request.queries else ""
    made = {} if request.is_made else {"comment": "named by the page, not requested"}
    return {
        **({"pageref": pages[0]} if pages else {}),
        "startedDateTime": times[pages[0]] if pages else started.astimezone(UTC).isoformat(),
        "time": 0,
        "request": {
            "method": "GET",
            "url": f"{request.address}?{query}" if query else request.address,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [
                {"name": name, "value": value}
                for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
            ],
            "headersSize": -1,
            "bodySize": -1,
        },
        "response": {
            "status": request.statuses[0] if request.statuses else 0,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [_cookie(cookie, started) for cookie in cookies] if request.is_made else [],
            "headers": [],
            "content": {"size": -1, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": -1, "wait": -1, "receive": -1},
        "_resourceType": _TYPES.get(request.carrier, "other"),
        **made,
    }


def _cookie(cookie: ObservedCookie, started: datetime) -> dict[str, Any]:
    lasts = {"expires": (started + timedelta(seconds=cookie.lifetime)).isoformat()} if cookie.lifetime else {}
    return {
        "name": cookie.name,
        "value": "",
        "path": cookie.path,
        "domain": cookie.domain if cookie.host_only else f".{cookie.domain}",
        "httpOnly": cookie.http_only,
        "secure": cookie.secure,
        **lasts,
    }
