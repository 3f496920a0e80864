"""Takes out of a scan what may open a session or name a person: credentials in addresses, and values in queries."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from cookie_consent.endpoints.reports.clean import clean_name
from cookie_consent.policy import registry
from cookie_consent.policy.own_rules import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.model import Initiator, Scan, Seen

__all__ = ["Redaction"]

_ADDRESS = re.compile(
    r"\b(?P<scheme>https?|wss?)://(?:[^\s\"'<>/?#@]*@)*(?P<place>[^\s\"'<>?#]*)"
    r"(?:\?(?P<query>[^\s\"'<>#]*[^\s\"'<>#,;.)])?)?(?P<fragment>#[^\s\"'<>,;.)]*)?",
    re.IGNORECASE,
)
_LONGEST_NAME = 40
_T = TypeVar("_T")


class Redaction:
    """Redacts a scan in place. Values that tell a known service on the site's own hosts stay, as ``tid=G-...``."""

    def __init__(self, policy: Policy | None = None, *, keep_queries: bool = False) -> None:
        self._keeps = keep_queries
        services = policy.services if policy is not None else ()
        rules = [row[1] for row in registry().tables["own"]]
        rules += [rule.query for service in services for rule in service.own]
        marks = (mark.partition("=") for query in rules for mark in query)
        self._told = frozenset((name, pattern) for name, equals, pattern in marks if equals)

    def scan(self, scan: Scan) -> None:
        """Redact everything that a scan saw."""
        scan.site, scan.landed = self.text(scan.site), self.text(scan.landed)
        for page in scan.pages:
            page.address, page.landed = self.text(page.address), self.text(page.landed)
            page.error, page.title = self.text(page.error), self.text(page.title)
            page.content_security_policy = self.text(page.content_security_policy)
            page.notes = [self.text(note) for note in page.notes]
        for seen in (*scan.cookies, *scan.keys, *scan.requests, *scan.snippets, *scan.apis, *scan.tools):
            self._seen(seen)
        for request in scan.requests:
            request.address, request.frame = self.text(request.address), self.text(request.frame)
            request.queries = _once(map(self.query, request.queries))
        for snippet in scan.snippets:
            snippet.excerpt = self.text(snippet.excerpt)
        for api in scan.apis:
            api.script = self.text(api.script)
        scan.limits[:] = _once(
            replace(limit, value=self.text(limit.value), note=self.text(limit.note)) for limit in scan.limits
        )
        scan.unseen = [self.text(sentence) for sentence in scan.unseen]

    def text(self, text: str) -> str:
        """Redact the addresses in a text."""
        return _ADDRESS.sub(self._address, text) if "//" in text else text

    def query(self, query: str) -> str:
        """Redact the values of a query."""
        return query if self._keeps else "&".join(self._pair(pair) for pair in query.split("&"))

    def _address(self, match: re.Match[str]) -> str:
        query, fragment = match["query"], match["fragment"] or ""
        rest = f"?{self.query(query)}" if query else ""
        return f"{match['scheme']}://{match['place']}{rest}{fragment if self._keeps else ''}"

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        shown = clean_name(name) if len(name) <= _LONGEST_NAME else "*"
        is_told = any(name == told and matches(pattern, value) for told, pattern in self._told)
        return f"{shown}{equals}{value if is_told or not value else '*'}"

    def _seen(self, seen: Seen) -> None:
        seen.sightings = _once(replace(one, page=self.text(one.page)) for one in seen.sightings)
        seen.initiators = _once(map(self._initiator, seen.initiators))

    def _initiator(self, one: Initiator) -> Initiator:
        return replace(one, address=self.text(one.address), stack=tuple(_once(map(self.text, one.stack))))


def _once(things: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(things))
