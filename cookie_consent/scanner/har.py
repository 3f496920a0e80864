"""Read a recording of a browser: HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.gate.cookies.set_cookie import SetCookie, parse_set_cookie
from cookie_consent.gate.html.urls import target
from cookie_consent.policy import host_of
from cookie_consent.scanner.address import is_asked_host

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGEST_HAR", "Har", "HarCookie", "HarEntry", "parse_har"]

LARGEST_HAR = 256 * 1024 * 1024
"""Bytes of a recording that is read. Parsed it takes some four times as much memory."""
_MOST_COOKIES = 1000
"""So many cookies of one entry are read."""


@dataclass(frozen=True, kw_only=True)
class HarCookie:
    """A cookie that a response set."""

    name: str
    value: str
    domain: str | None
    """The ``Domain`` that it was set with, lower-case without a leading dot. None for a cookie of the host alone."""
    lifetime: float | None
    """In seconds from the response on; None until the browser closes. Zero or less deletes it."""
    fault: str = ""
    """Why browsers refuse it; empty if they take it."""


@dataclass(frozen=True, kw_only=True)
class HarEntry:
    """A request to an address with a host, and what its response set."""

    host: str
    """Lower-case without port."""
    path: str
    """With the query."""
    page: str
    """The id of the page that it belongs to, or an empty string."""
    set_cookies: tuple[HarCookie, ...]
    sent_cookies: tuple[str, ...]
    """The names of the cookies that the browser sent."""


@dataclass(frozen=True, kw_only=True)
class Har:
    """A recording."""

    entries: tuple[HarEntry, ...]
    left_out: int
    """Entries that name no host, such as ``data:`` addresses, or that cannot be read."""
    first_page: str | None
    """The host of the first page, or of the first request where no page is named. None if there is no request."""


def parse_har(content: bytes, source: str) -> Har:
    """Return what a recording holds. Fields that are missing or of another type are passed over.

    Raises ``ConfigurationError``, which names the place, if it is larger than ``LARGEST_HAR``, if it is not JSON, or
    has no ``log.entries``.
    """
    if len(content) > LARGEST_HAR:
        raise ConfigurationError(
            f"{source} is larger than {LARGEST_HAR >> 20} MiB; record fewer pages, or leave out what responses hold"
        )
    document = _parsed(content, source)
    log = document.get("log") if isinstance(document, dict) else None
    found = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(log, dict) or not isinstance(found, list):
        raise ConfigurationError(
            f"{source} is JSON, but no recording: it has no list log.entries; export the network log as a HAR file"
        )
    entries = [entry for entry in map(_entry, found) if entry is not None]
    return Har(entries=tuple(entries), left_out=len(found) - len(entries), first_page=_first_page(log, entries))


def _parsed(content: bytes, source: str) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{source} is not UTF-8: byte {error.start}; export the recording again") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigurationError(f"{source} is not JSON: {error.msg} in {place}; export the recording again") from None
    except RecursionError:
        raise ConfigurationError(f"{source} is nested too deeply to be a recording; export it again") from None
    except ValueError as error:  # such as a number with more digits than Python converts
        raise ConfigurationError(f"{source} cannot be read: {error}; export the recording again") from None


def _first_page(log: dict[str, Any], entries: list[HarEntry]) -> str | None:
    page = next((_text(page, "id") for page in _tables(log, "pages")), "")
    of_page = (entry for entry in entries if page and entry.page == page)
    first = next(of_page, entries[0] if entries else None)
    return first.host if first is not None else None


def _entry(entry: object) -> HarEntry | None:
    request, response = _table(entry, "request"), _table(entry, "response")
    url = _text(request, "url")
    asked = target(url, "") if url else None
    if asked is None or not is_asked_host(asked[0]):
        return None
    host, path = asked
    moment = _moment(_text(entry, "startedDateTime")) or datetime.now(UTC)
    cookies = (
        _from_header(parse_set_cookie(line), moment)
        for header in _tables(response, "headers")
        if _text(header, "name").lower() == "set-cookie"
        for line in _text(header, "value").split("\n")  # some browsers write all of them as one header
        if line.strip()
    )
    found = tuple(cookie for cookie, _ in zip(cookies, range(_MOST_COOKIES), strict=False))
    found = found or tuple(_from_field(cookie, moment) for cookie in _tables(response, "cookies")[:_MOST_COOKIES])
    return HarEntry(
        host=host,
        path=path,
        page=_text(entry, "pageref"),
        set_cookies=tuple(_checked(cookie, host) for cookie in found if cookie.name),
        sent_cookies=tuple(dict.fromkeys(_sent(request)))[:_MOST_COOKIES],
    )


def _from_header(cookie: SetCookie, moment: datetime) -> HarCookie:
    return HarCookie(
        name=cookie.judged_name,
        value=cookie.value,
        domain=_domain(cookie.attributes.get("domain", "")),
        lifetime=cookie.lifetime(moment),
        fault=cookie.fault(),
    )


def _from_field(cookie: dict[str, Any], moment: datetime) -> HarCookie:
    """Return a cookie by its entry, where the recording has no header of it."""
    expires = _text(cookie, "expires")
    end = _moment(expires) if expires else None
    return HarCookie(
        name=_text(cookie, "name"),
        value=_text(cookie, "value"),
        domain=_domain(_text(cookie, "domain")),
        lifetime=(end - moment).total_seconds() if end is not None else None,
    )


def _checked(cookie: HarCookie, host: str) -> HarCookie:
    """Return the cookie, with a fault if it is one for a domain that the host does not belong to."""
    domain = cookie.domain
    if cookie.fault or domain is None or host == domain or host.endswith(f".{domain}"):
        return cookie
    return replace(cookie, domain=None, fault=f"{host} may set none for {domain}")


def _sent(request: dict[str, Any]) -> Iterator[str]:
    for header in _tables(request, "headers"):
        if _text(header, "name").lower() == "cookie":
            for pair in _text(header, "value").split(";"):
                if name := pair.partition("=")[0].strip():
                    yield name
    for cookie in _tables(request, "cookies"):
        if name := _text(cookie, "name"):
            yield name


def _domain(text: str) -> str | None:
    return host_of(text.removeprefix(".")) or None


def _moment(text: str) -> datetime | None:
    """Parse an ISO 8601 time; one without a time zone is UTC. None if it is none."""
    try:
        moment = datetime.fromisoformat(text[:64])
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _table(value: object, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _tables(value: object, key: str) -> list[dict[str, Any]]:
    found = value.get(key) if isinstance(value, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
