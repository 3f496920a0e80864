"""Which response headers are gated, and the gates for those that make a browser fetch or send reports."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from cookie_consent.gate.html.attributes import candidates_of
from cookie_consent.gate.html.refresh import refresh_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["ADDRESS_HEADERS", "GATED_HEADERS", "PLAIN_HEADERS", "RESPONSE_HEADERS", "lead_link_header"]

IsRefused: TypeAlias = "Callable[[str], bool]"
"""Returns whether an address must not be contacted."""

LeadLink: TypeAlias = "Callable[[str, str, str, str], str | None]"
"""Returns another address for a link, given its address, ``rel``, ``as`` and ``integrity``.

It is None for none, and ``""`` to drop the link.
"""

_LINK = re.compile(r'\s*<([^>]*)>((?:[^,"]|"(?:[^"\\]|\\.)*")*),?')

_CANDIDATES = re.compile(r';\s*imagesrcset\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))', re.IGNORECASE)
_PLAIN_PARAMETERS = re.compile(r'(?:\s*+;\s*+[\w-]++\s*+(?:=\s*+(?:"[^"\\]*+"|[\w.:/+-]++)\s*+)?+)*+', re.ASCII)
"""Parameters that all browsers read alike."""
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)
_QUIET_RELS = frozenset(
    "about alternate amphtml api-catalog appendix author bookmark canonical chapter cite-as collection contents "
    "copyright current describedby describes edit edit-media first glossary help hub index item last latest- "
    "version license me memento original pingback predecessor-version prev previous privacy-policy profile "
    "related section self service service-desc service-doc service-meta shortlink start status subsection "
    "successor-version sunset tag terms-of-service timegate timemap top type up version-history via webmention".split()
)
"""Relations (RFC 8288, section 4.2) for which no browser fetches anything. Firefox used to fetch ``next``."""
_PARAMETER = re.compile(r';\s*(rel|as|integrity)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)
_STRING = r'("(?:[ !#-\[\]-~]|\\["\\])*")([^,"]*)(?:,|\Z)'
_ITEM = re.compile(r"[ \t]*()" + _STRING)
"""An item of a list of strings (RFC 9651) with its parameters, none of which may be a string."""
_MEMBER = re.compile(r"[ \t]*([a-z*][\w.*-]*=)" + _STRING, re.ASCII)
"""The same for a member of a dictionary of strings."""


def gate_link_header(value: str, is_refused: IsRefused) -> str | None:
    """Return the ``Link`` header without links to refused addresses, or None if no link is left.

    A malformed header is dropped as a whole, since nobody can tell what browsers would fetch for it.
    """
    kept: list[str] = []
    at = 0
    while at < len(value):
        match = _LINK.match(value, at)
        # Only white space may follow the last link.
        if match is None:
            return ", ".join(kept) or None if not value[at:].strip() else None
        if _is_quiet(match[2]) or not any(is_refused(address) for address in _preloaded(*match.groups())):
            kept.append(f"<{match[1]}>{match[2].rstrip()}")
        at = match.end()
    return ", ".join(kept) or None


def _preloaded(address: str, parameters: str) -> Iterator[str]:
    """Yield the address of a link, and those of the images among which a preload chooses."""
    yield address
    for quoted, bare in _CANDIDATES.findall(parameters):
        yield from (candidate for candidate, _ in candidates_of(re.sub(r"\\(.)", r"\1", quoted) or bare))


def _is_quiet(parameters: str) -> bool:
    """Return whether a link with these parameters makes no browser fetch anything."""
    if _PLAIN_PARAMETERS.fullmatch(parameters) is None:
        return False
    rels = [quoted or bare for quoted, bare in _REL.findall(parameters)]
    # An extension relation is a URI, such as WordPress's ``https://api.w.org/``.
    return len(rels) == 1 and all(word in _QUIET_RELS or ":" in word for word in rels[0].lower().split() or ("",))


def lead_link_header(value: str, lead: LeadLink) -> str | None:
    """Return the ``Link`` header with other addresses where ``lead`` has some, or None if no link is left.

    A malformed header is returned as it is.
    """
    kept: list[str] = []
    at = 0
    while at < len(value):
        match = _LINK.match(value, at)
        if match is None:
            return value
        parameters = {name.lower(): quoted or bare for name, quoted, bare in reversed(_PARAMETER.findall(match[2]))}
        led = lead(match[1], *(parameters.get(name, "") for name in ("rel", "as", "integrity")))
        if led != "":
            kept.append(f"<{match[1] if led is None else led}>{match[2].rstrip()}")
        at = match.end()
    return ", ".join(kept) or None


def gate_refresh_header(value: str, is_refused: IsRefused) -> str | None:
    """Return the ``Refresh`` header, or None if it leads to a refused address."""
    refused = [address for address in refresh_addresses(value) if is_refused(address)]
    return None if refused else value


def gate_speculation_rules_header(value: str, is_refused: IsRefused) -> str | None:
    """Return ``Speculation-Rules`` without the rule sets of refused hosts, or None if none is left.

    A header that is not a list of strings is dropped: browsers ignore it.
    """
    return _gated_strings(_ITEM, value, is_refused)


def gate_reporting_endpoints_header(value: str, is_refused: IsRefused) -> str | None:
    """Return ``Reporting-Endpoints`` (Reporting API, section 3.2) without refused hosts, or None if none is left.

    A header that is not a dictionary of strings is dropped: browsers ignore it.
    """
    return _gated_strings(_MEMBER, value, is_refused)


def _gated_strings(part: re.Pattern[str], value: str, is_refused: IsRefused) -> str | None:
    """Return the parts whose strings are not refused addresses. None if none is left or a part is malformed."""
    kept: list[str] = []
    at = 0
    while at < len(value):
        match = part.match(value, at)
        if match is None:
            return None
        key, string, parameters = match.groups()
        if not is_refused(re.sub(r"\\(.)", r"\1", string[1:-1])):
            kept.append(key + string + parameters.rstrip())
        at = match.end()
    return ", ".join(kept) or None


def gate_report_to_header(value: str, is_refused: IsRefused) -> str | None:
    """Return ``Report-To``, the older form, without refused endpoints. None if it is not JSON.

    Browsers remember groups beyond the page, so a group without endpoints is sent with ``max_age`` 0 to delete it.
    """
    try:
        groups = json.loads(f"[{value}]")
    except (ValueError, RecursionError):
        return None
    kept = [_gated_group(group, is_refused) for group in groups if isinstance(group, dict)]
    return ", ".join(json.dumps(group) for group in kept) or None


def _gated_group(group: dict[str, Any], is_refused: IsRefused) -> dict[str, Any]:
    endpoints = group.get("endpoints")
    named = endpoints if isinstance(endpoints, list) else []
    kept = [
        endpoint for endpoint in named if isinstance(endpoint, dict) and not is_refused(str(endpoint.get("url", "")))
    ]
    if len(kept) == len(named):
        return group
    return {**group, "endpoints": kept, **({} if kept else {"max_age": 0})}


def gate_policy_header(value: str, is_refused: IsRefused) -> str | None:
    """Return a Content-Security-Policy without reports to refused hosts (CSP Level 3, section 6.5.1)."""
    if "report-uri" not in value.lower():
        return value
    return ",".join(_without_refused_reports(policy, is_refused) for policy in value.split(",")).strip() or None


def _without_refused_reports(policy: str, is_refused: IsRefused) -> str:
    directives = policy.split(";")
    for at, directive in enumerate(directives):
        name, *addresses = directive.split() or [""]
        if name.lower() == "report-uri":
            kept = [address for address in addresses if not is_refused(address)]
            if len(kept) < len(addresses):
                directives[at] = " ".join([name, *kept]) if kept else ""
    return ";".join(directives)


ADDRESS_HEADERS: Mapping[str, Callable[[str, IsRefused], str | None]] = {
    "link": gate_link_header,
    "refresh": gate_refresh_header,
    "speculation-rules": gate_speculation_rules_header,
    "reporting-endpoints": gate_reporting_endpoints_header,
    "report-to": gate_report_to_header,
    "content-security-policy": gate_policy_header,
    "content-security-policy-report-only": gate_policy_header,
}
"""The gate of each header: it returns the value to send, or None to drop the header."""

_PLAIN = (
    "access-control-allow-origin age alt-svc cache-control connection content-language content-length "
    "cross-origin-opener-policy cross-origin-resource-policy date expires keep-alive last-modified server "
    "strict-transport-security transfer-encoding vary x-content-type-options x-frame-options x-powered-by "
    "x-process-time x-request-id"
).split()
RESPONSE_HEADERS: Mapping[bytes, bool] = {
    **{name.encode(): False for name in _PLAIN},
    **{name.encode(): True for name in ("set-cookie", "etag", *ADDRESS_HEADERS)},
}
"""Whether a gate may change the header, by name in lower case. Headers missing here are treated as if one might."""
GATED_HEADERS = frozenset(name for name, is_gated in RESPONSE_HEADERS.items() if is_gated)
PLAIN_HEADERS = frozenset(RESPONSE_HEADERS) - GATED_HEADERS
