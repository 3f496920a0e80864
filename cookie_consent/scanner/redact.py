"""Takes out of a scan what may open a session or name a person: credentials and values in addresses."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from cookie_consent.endpoints.reports.clean import clean_name
from cookie_consent.policy import registry
from cookie_consent.policy.own_rules import matches
from cookie_consent.scanner.links import SESSION_SEGMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.model import Initiator, Scan, Seen

__all__ = ["Redaction"]

_PARTS = re.compile(
    r"(?P<scheme>(?:[a-z][a-z0-9+.-]*:)?)(?P<place>(?://[^/?#]*)?)(?P<path>[^?#]*)(?P<query>(?:\?[^#]*)?)(?P<fragment>.*)",
    re.IGNORECASE | re.DOTALL,
)
"""The parts of any address (RFC 3986, appendix B). Unlike ``urlsplit`` it takes malformed ones, too."""
_PARAMETER = re.compile(r"(;|%3B)((?:(?!;|%3B)[^/])+)", re.IGNORECASE)
_SEGMENT = re.compile(SESSION_SEGMENT, re.IGNORECASE)
_IN_TEXT = re.compile(
    # a string of a script that begins like an address: it ends at its own quote alone
    r"(?<![^\s(,=+:\[{?&|!>])(?P<quote>['\"`])"
    r"(?P<string>(?:[^\s'\"`(),+=<>?#;]*(?=[?#])|[^\s'\"`(),+=<>?#;/]*/[^\s'\"`(),+=<>?#;]*(?=;))"
    r"(?:\\.|(?!(?P=quote))[^\\])*)"
    # an address in a sentence, a policy or a script, perhaps without a scheme, perhaps with escaped slashes
    r"|(?P<address>(?:\b(?:https?|wss?):)?(?:\\?/){2}(?:[^\s\"'<>?#;]|(?<=\w)'(?=\w))+(?:[?#;][^\s\"<>]*)?)"
    # a part of any other address
    r"|(?P<pair>[?&#][^\s\"'<>=&?#;(){}]+=[^\s\"<>&]+|;[^\s\"'<>=&?#;(){}]+=[^\s\"'<>&;]+)",
    re.IGNORECASE | re.DOTALL,
)
_ENDS = ",;.)'`]}"
"""What ends a sentence or an argument, rather than an address."""
_LONGEST_NAME = 40
_T = TypeVar("_T")


class Redaction:
    """Redacts a scan in place. Values that tell a known service on the site's own hosts stay, as ``tid=G-...``."""

    def __init__(self, policy: Policy | None = None, *, keep_queries: bool = False) -> None:
        self._keeps = keep_queries
        services = policy.services if policy is not None else ()
        rules = [row[1] for row in registry().tables["own"]]
        rules += [rule.query for service in services for rule in service.own]
        marks = [mark.partition("=") for query in rules for mark in query]
        self._told = frozenset((name, pattern) for name, equals, pattern in marks if equals)
        self._names = frozenset(name for name, _, _ in marks)

    def scan(self, scan: Scan) -> None:
        """Redact everything that a scan saw."""
        scan.site, scan.landed = self.address(scan.site), self.address(scan.landed)
        for page in scan.pages:
            page.address, page.landed = self.address(page.address), self.address(page.landed)
            page.error, page.title = self.text(page.error), self.text(page.title)
            page.content_security_policy = self._policy(page.content_security_policy)
            page.notes = [self.text(note) for note in page.notes]
        for seen in (*scan.cookies, *scan.keys, *scan.requests, *scan.snippets, *scan.apis, *scan.tools):
            self._seen(seen)
        for cookie in scan.cookies:
            cookie.path = self.address(cookie.path)
        for request in scan.requests:
            request.address, request.frame = self.address(request.address), self.address(request.frame)
            request.queries = _once(map(self.query, request.queries))
        for snippet in scan.snippets:
            snippet.excerpt = self.text(snippet.excerpt)
        for api in scan.apis:
            api.script = self.address(api.script)
        scan.limits[:] = _once(
            replace(limit, value=self.text(limit.value), note=self.text(limit.note)) for limit in scan.limits
        )
        scan.unseen = [self.text(sentence) for sentence in scan.unseen]

    def address(self, address: str) -> str:
        """Redact an address: its credentials, and the values of its path's parameters, its query and its fragment."""
        parts = _PARTS.match(address)
        if parts is None:
            return ""
        place = f"//{parts['place'].rpartition('@')[2]}" if "@" in parts["place"] else parts["place"]
        start = parts["scheme"] + place
        if self._keeps:
            return start + parts["path"] + parts["query"] + parts["fragment"]
        path = _PARAMETER.sub(lambda found: found[1] + self._pair(found[2]), parts["path"])
        return start + _SEGMENT.sub("/(*)", path) + parts["query"][:1] + self.query(parts["query"][1:])

    def text(self, text: str) -> str:
        """Redact the addresses in a sentence, or in a piece of a script, and what looks like a part of one."""
        found = _IN_TEXT.sub(self._in_text, text)
        return found if self._keeps else _SEGMENT.sub("/(*)", found)

    def query(self, query: str) -> str:
        """Redact the values of a query."""
        return query if self._keeps else "&".join(self._pair(pair) for pair in query.split("&"))

    def _policy(self, text: str) -> str:
        """Redact a Content-Security-Policy, where semicolons end directives, and are no part of an address."""
        return ";".join(self.text(f";{part}")[1:] for part in text.split(";"))

    def _in_text(self, match: re.Match[str]) -> str:
        if match["quote"]:
            return match["quote"] + self.address(match["string"].replace("\\/", "/"))
        if match["address"]:
            address = match["address"].rstrip(_ENDS)
            return self.address(address.replace("\\/", "/")) + match["address"][len(address) :]
        if self._keeps:
            return match[0]
        pair = match["pair"].rstrip(_ENDS)
        return pair[0] + self._pair(pair[1:]) + match["pair"][len(pair) :]

    def _pair(self, pair: str) -> str:
        name, _, value = pair.partition("=")
        if name in self._names and (
            not value or any(name == told and matches(pattern, value) for told, pattern in self._told)
        ):
            return pair
        if not value.strip("="):  # what stands there may be the value itself
            return "*" if pair else ""
        return f"{clean_name(name) if len(name) <= _LONGEST_NAME else '*'}=*"

    def _seen(self, seen: Seen) -> None:
        seen.sightings = _once(replace(one, page=self.address(one.page)) for one in seen.sightings)
        seen.initiators = _once(map(self._initiator, seen.initiators))

    def _initiator(self, one: Initiator) -> Initiator:
        return replace(one, address=self.address(one.address), stack=tuple(_once(map(self.address, one.stack))))


def _once(things: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(things))
