"""What a policy allows, worked out from its text (CSP Level 3, section 6.7.2): the reference for the tests."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from cookie_consent.gate.csp.syntax import parse_policy

UPGRADES = {("http", "https"), ("ws", "wss")}
"""Schemes that a safer one may stand in for; browsers take neither for the other kind."""
PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def allows(header: str, url: str, *, page: str = "https://site.test/") -> bool:
    """Say whether ``default-src`` of the policy lets a page load ``url``."""
    return any(_matches(source, url, page) for source in parse_policy(header)["default-src"])


def _matches(source: str, url: str, page: str) -> bool:
    asked, own = urlsplit(url), urlsplit(page)
    if source == "'self'":
        return (asked.scheme, asked.netloc) == (own.scheme, own.netloc)
    if source.startswith("'"):
        return False
    if source.endswith(":") and "/" not in source:
        return asked.scheme == source[:-1]
    scheme, separator, rest = source.partition("://")
    if not separator:
        scheme, rest = own.scheme, source
    authority, slash, path = rest.partition("/")
    host, _, port = authority.partition(":")
    if scheme != asked.scheme and (scheme, asked.scheme) not in UPGRADES:
        return False
    name = asked.hostname or ""
    if not (name.endswith(host[1:]) if host.startswith("*") else name == host):
        return False
    if port != "*" and int(port or PORTS[scheme]) != (asked.port or PORTS[asked.scheme]):
        return False
    prefix, given = unquote(slash + path), unquote(asked.path)
    return not prefix or given == prefix or (prefix.endswith("/") and given.startswith(prefix))
