"""The x-ray: what was held back or changed on one page, and why, for the owner of the site."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cookie_consent.endpoints.reports.advice import declaration, first_party_line, payment_lines
from cookie_consent.endpoints.reports.clean import clean_name
from cookie_consent.gate import Trace, parse_set_cookie, target
from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.policy.classifier import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.consent import Consent
    from cookie_consent.endpoints.reports.finding import Kind
    from cookie_consent.policy.classifier import Classifier

__all__ = ["XRay", "explanation", "xray_markup"]

_MAXIMUM_COOKIES = 200
_LONGEST_NAME = 253
_LIFETIMES = ("max-age", "expires")


class XRay:
    """Collects what the gates do to one response. ``trace`` is filled by the HTML gate."""

    def __init__(self, classifier: Classifier, consent: Consent) -> None:
        self.trace = Trace()
        self._classifier = classifier
        self._consent = consent
        self._cookies: dict[tuple[str, str, str], dict[str, Any]] = {}

    def set_cookie(self, header: str, sent: str | None) -> None:
        """Add a ``Set-Cookie`` value that was changed to ``sent``, or dropped where that is None."""
        cookie = parse_set_cookie(header)
        change = "dropped"
        if sent is not None:
            lasts = any(name in parse_set_cookie(sent).attributes for name in _LIFETIMES)
            change = "shortened" if lasts else "made to end with the browser"
        self._cookie(cookie.judged_name, "set-cookie", change, cookie.fault())

    def request_cookies(self, names: Iterable[str]) -> None:
        """Add the cookies of the request that the application was not shown."""
        for name in names:
            self._cookie(name.lstrip("="), "cookie", "deleted, and not shown to the application", "")

    def document(self, path: str, *, payment_path: str | None = None, libraries: Iterable[str] = ()) -> dict[str, Any]:
        """Return everything, ready for JSON; ``path`` is the page's. There are no query strings and no values in it.

        ``payment_path`` is what the policy would name to let scripts of the page frame the visitor's bank, if it does
        not yet. ``libraries`` are the addresses that were led to the mirror.
        """
        consent = self._consent
        return {
            "page": path.partition("?")[0][:2048],
            "policy_version": self._classifier.policy.version,
            "decided": consent.decided,
            "granted": sorted(consent.granted),
            "entries": [
                *self._held_parts(),
                *self._ahead_parts(),
                *self._own_hosts(),
                *self._libraries(libraries),
                *self._cookies.values(),
            ],
            "left_out": self.trace.left_out,
            "payment": payment_lines(payment_path) if payment_path is not None else "",
        }

    def _held_parts(self) -> Iterator[dict[str, Any]]:
        for part, count in self.trace.parts.items():
            host = part.address.partition("/")[0]
            kind = "host" if host else "inline"
            entry = _entry(kind, host, part.verdict, self._classifier)
            is_header = part.place.endswith(" header")
            yield {
                **entry,
                "address": part.address,
                "place": part.place,
                "change": "left out" if is_header else "held",
                "layer": "header" if is_header else "html",
                "count": count,
            }

    def _ahead_parts(self) -> Iterator[dict[str, Any]]:
        """Yield what is not held because its service is in advanced mode and the visitor has not chosen."""
        for part, count in self.trace.ahead.items():
            host = part.address.partition("/")[0]
            yield {
                **_entry("host" if host else "inline", host, part.verdict, self._classifier),
                "address": part.address,
                "place": part.place,
                "change": 'loaded before consent (consent_mode = "advanced")',
                "layer": "html",
                "count": count,
            }

    def _own_hosts(self) -> Iterator[dict[str, Any]]:
        """Yield what is open without being declared: it counts as the site's own, whatever it is."""
        own = Verdict(category="session", reason="it is first party by its domain (first_party_site)")
        for host, count in self.trace.own.items():
            yield {
                **_entry("host", host, own, self._classifier),
                "policy": first_party_line(host),
                "address": host,
                "place": "page",
                "change": "allowed",
                "layer": "html",
                "count": count,
            }

    def _libraries(self, addresses: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield the public libraries that browsers get from the site itself."""
        mirrored = Verdict(category="session", reason="a public library, which comes from this site (gate.mirror)")
        for address in addresses:
            host, path = target(address, "") or ("", "")
            yield {
                **_entry("host", host, mirrored, self._classifier),
                "policy": "",
                "address": f"{host}{path.partition('?')[0]}",
                "place": "page",
                "change": "led to the mirror",
                "layer": "html",
                "count": 1,
            }

    def _cookie(self, name: str, place: str, change: str, fault: str) -> None:
        verdict = self._classifier.cookie(name[:_LONGEST_NAME])
        shown = clean_name(name)
        key = (shown, place, change)
        if key in self._cookies or len(self._cookies) < _MAXIMUM_COOKIES:
            entry = _entry("cookie", shown, verdict, self._classifier)
            entry["reason"] = fault or entry["reason"]
            count = self._cookies.get(key, {"count": 0})["count"] + 1
            self._cookies[key] = {
                **entry, "address": "", "place": place, "change": change, "layer": "cookie", "count": count,
            }  # fmt: skip


def explanation(kind: Kind, name: str, classifier: Classifier) -> dict[str, Any]:
    """Return what a name that the browser's guard has held belongs to, and the policy lines for it."""
    verdict = classifier.host(name) if kind == "host" else classifier.cookie(name)
    return _entry(kind, name, verdict, classifier)


def xray_markup(document: dict[str, Any], *, script: str, endpoint: str, root_path: str) -> str:
    """Return the tags that show the x-ray: its data, and the script that draws it. Both are well-formed ASCII."""
    data = json.dumps(document, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
    root = quote(root_path.rstrip("/"), errors="replace")
    return (
        f'<script type="application/json" data-cookie-consent-xray>{data}</script>'
        f'<script src="{escape(root + script)}" data-endpoint="{escape(root + endpoint)}" defer></script>'
    )


def _entry(kind: str, name: str, verdict: Verdict, classifier: Classifier) -> dict[str, Any]:
    policy = classifier.policy
    service = verdict.service
    shown = policy.known_service(service) if service is not None else None
    is_declared = shown is not None and policy.service(shown.id) is not None
    is_unknown = verdict.category == UNCLASSIFIED and service is None
    is_blocked = kind == "host" and is_unknown and policy.unknown_hosts == "block"
    return {
        "kind": kind,
        "name": name[:_LONGEST_NAME],
        "category": "blocked" if is_blocked else verdict.category,
        "service": service,
        "service_name": shown.name if shown is not None else None,
        "declared": is_declared or (verdict.rule is not None and service is None),
        "reason": verdict.reason,
        "policy": _lines(kind, name, verdict, classifier),
    }


def _lines(kind: str, name: str, verdict: Verdict, classifier: Classifier) -> str:
    if verdict.rule is not None and verdict.service is None:
        return ""  # the site's own cookie, which the policy declares
    if kind == "inline" and verdict.service is None:
        return ""
    return declaration("host" if kind == "inline" else kind, name, verdict.service, classifier.policy)  # type: ignore[arg-type]
