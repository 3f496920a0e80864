"""Parse the reports of browsers and the guard: CSP violations, and names that were held back. They are untrusted.

See CSP Level 3, section 5, and the Reporting API, sections 2 and 3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cookie_consent.endpoints.reports.clean import clean_word
from cookie_consent.endpoints.reports.finding import SCRIPT_ERROR
from cookie_consent.errors import ReportError
from cookie_consent.gate import target
from cookie_consent.policy import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.endpoints.reports.finding import Kind

__all__ = ["MAXIMUM_BODY", "MAXIMUM_ENTRIES", "Posted", "parse_report"]

MAXIMUM_BODY = 128 * 1024
"""A report contains the whole policy that was violated, and the Reporting API sends several at once."""
MAXIMUM_ENTRIES = 100
"""Any more entries in a body are ignored."""
_TYPES = frozenset({"application/csp-report", "application/reports+json", "application/json"})
_EXTENSIONS = ("chrome-extension:", "moz-extension:", "safari-extension:", "safari-web-extension:", "extension:")
_KINDS: dict[Any, Kind] = {"cookie": "cookie", "storage": "storage", "host": "host", SCRIPT_ERROR: "host"}


@dataclass(frozen=True, kw_only=True)
class Posted:
    """One entry of a report. ``address_path`` is the path of a blocked address, used to classify it.

    ``service`` is the id of a service on one of the site's own hosts, as the guard says.
    """

    kind: Kind
    name: str
    directive: str
    page_path: str
    address_path: str = "/"
    service: str = ""


def parse_report(body: bytes, content_type: str, page_host: str) -> list[Posted]:
    """Return the entries of ``body`` about pages of ``page_host``. Raises ``ReportError`` if it is not a report.

    Violations without another host (``inline``, ``eval``, ``data:``), from browser extensions, and on pages of other
    sites are ignored.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise ReportError("send application/csp-report, application/reports+json or application/json", status=415)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ReportError("the report is not JSON", status=400) from None
    if kind == "application/reports+json":
        if not isinstance(document, list):
            raise ReportError("reports+json must be a list of reports", status=400)
        return [found for entry in document[:MAXIMUM_ENTRIES] for found in _reporting_api(entry, page_host)]
    if not isinstance(document, dict):
        raise ReportError("the report is not an object", status=400)
    if "csp-report" in document:
        return list(_csp_report(document["csp-report"], page_host))
    if kind == "application/csp-report":
        raise ReportError("the member csp-report is missing", status=400)
    return _guard(document, page_host)


def _reporting_api(entry: Any, page_host: str) -> Iterator[Posted]:
    if not isinstance(entry, dict):
        raise ReportError("a report is not an object", status=400)
    body = entry.get("body")
    if entry.get("type") == "csp-violation" and isinstance(body, dict):
        source, directive = _text(body, "sourceFile"), _text(body, "effectiveDirective")
        yield from _violation(_text(body, "documentURL"), _text(body, "blockedURL"), directive, source, page_host)


def _csp_report(report: Any, page_host: str) -> Iterator[Posted]:
    if not isinstance(report, dict):
        raise ReportError("csp-report is not an object", status=400)
    directive = _text(report, "effective-directive") or _text(report, "violated-directive")
    document, blocked = _text(report, "document-uri"), _text(report, "blocked-uri")
    yield from _violation(document, blocked, directive, _text(report, "source-file"), page_host)


def _violation(document: str, blocked: str, directive: str, source: str, page_host: str) -> Iterator[Posted]:
    if source.lower().startswith(_EXTENSIONS) or not blocked.lower().startswith(("http:", "https:", "ws:", "wss:")):
        return
    try:
        page = urlsplit(document)
    except ValueError:
        return
    found = target(blocked, "")
    if page.scheme not in {"http", "https"} or host_of(page.netloc.rpartition("@")[2]) != page_host or found is None:
        return
    if found[0] and found[0] != page_host:
        yield Posted(
            kind="host",
            name=found[0],
            directive=clean_word(directive),
            page_path=page.path or "/",
            address_path=found[1],
        )


def _guard(document: dict[str, Any], page_host: str) -> list[Posted]:
    path, held = document.get("path"), document.get("held")
    if not isinstance(path, str) or not path.startswith("/") or not isinstance(held, list):
        raise ReportError('write {"path": "/…", "held": [{"kind": "cookie", "name": "…"}]}', status=400)
    found = []
    for entry in held[:MAXIMUM_ENTRIES]:
        name = entry.get("name") if isinstance(entry, dict) else None
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or kind not in _KINDS or not isinstance(name, str) or not name:
            raise ReportError(
                "an entry of held needs a name, and a kind: cookie, storage, host or script-error", status=400
            )
        service = _text(entry, "service")
        if _KINDS[kind] == "host":
            # Normalised like the hosts of the gates, so that the same finding is counted.
            host = target(f"https://{name}", "")
            if host is None or not host[0] or (host[0] == page_host and not service):
                continue
            name = host[0]
        directive = SCRIPT_ERROR if kind == SCRIPT_ERROR else "script"
        found.append(Posted(kind=_KINDS[kind], name=name, directive=directive, page_path=path, service=service))
    return found


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    return value[:4096] if isinstance(value, str) else ""
