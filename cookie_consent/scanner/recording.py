"""``Recording``: what a HAR file shows that a site sets and contacts, and what each of it belongs to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.policy.host_pattern import parent_domains
from cookie_consent.scanner.answer import Answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Policy
    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.scanner.answer import Answer
    from cookie_consent.scanner.har import Har, HarCookie, HarEntry

__all__ = ["CategoryCount", "Counted", "Recording", "recording"]

_MOST = 10_000
"""So many different things of each kind are told apart."""


@dataclass(frozen=True)
class Counted:
    """Something that was seen, and how often."""

    answer: Answer
    count: int


@dataclass(frozen=True, kw_only=True)
class CategoryCount:
    """How much belongs to one category."""

    category: str
    hosts: int
    requests: int
    cookies: int


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording shows. In each list the most frequent come first, and what nobody knows comes last."""

    site: str | None
    """The host whose site it is taken for."""
    requests: int
    left_out: int
    """Entries that name no host."""
    more: int
    """Sightings of different things beyond those that are told apart."""
    addresses: tuple[Counted, ...]
    """Hosts that were asked, and paths on the site's own that belong to a service."""
    cookies: tuple[Counted, ...]
    """Cookies that responses set."""
    sent: tuple[Counted, ...]
    """Cookies that the browser sent and no response had set: a script wrote them, or they were there before."""
    refused: tuple[tuple[str, str, str], ...]
    """Cookies that browsers do not take: name, host and what is wrong."""

    @property
    def all(self) -> tuple[Counted, ...]:
        """Everything that has been classified."""
        return (*self.addresses, *self.cookies, *self.sent)

    @property
    def known(self) -> bool:
        """Whether everything is known, and nothing was passed over for its number."""
        return not self.more and all(counted.answer.verdict.known for counted in self.all)

    @property
    def has_cookies(self) -> bool:
        """Whether it holds any cookie. Browsers leave them out of what they export unless they are told not to."""
        return bool(self.cookies or self.sent or self.refused)

    def by_category(self) -> list[CategoryCount]:
        """Return a summary: what is known before what is not, the categories with most requests first."""
        requests: Counter[str] = Counter()
        hosts: dict[str, set[str]] = {}
        for counted in self.addresses:
            category = counted.answer.verdict.category
            requests[category] += counted.count
            hosts.setdefault(category, set()).add(counted.answer.domain or "")
        cookies = Counter(counted.answer.verdict.category for counted in (*self.cookies, *self.sent))
        found = sorted({*requests, *cookies}, key=lambda name: (name == UNCLASSIFIED, -requests[name], name))
        return [
            CategoryCount(category=name, hosts=len(hosts.get(name, ())), requests=requests[name], cookies=cookies[name])
            for name in found
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "site": self.site,
            "requests": self.requests,
            "left_out": self.left_out,
            "more": self.more,
            "summary": [vars(row) for row in self.by_category()],
            "addresses": _dicts(self.addresses),
            "cookies": _dicts(self.cookies),
            "sent": _dicts(self.sent),
            "refused": [{"name": name, "host": host, "fault": fault} for name, host, fault in self.refused],
        }


def recording(har: Har, policy: Policy, site: str | None = None) -> Recording:
    """Classify what a recording shows, by a policy.

    ``site`` is the host of the site, lower-case without port; by default that of the first page.
    """
    return _Sightings(Answers(policy, site or har.first_page)).of(har)


class _Sightings:
    """Counts what is seen."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._addresses: dict[tuple[str, Verdict], Answer] = {}
        self._cookies: dict[tuple[str, str], Answer] = {}
        self._sent: dict[tuple[str, str], Answer] = {}
        self._refused: dict[tuple[str, str, str], None] = {}
        self._counts: Counter[object] = Counter()
        self._more = 0

    def of(self, har: Har) -> Recording:
        for entry in har.entries:
            self._address(entry)
            for cookie in entry.set_cookies:
                self._set(cookie, entry)
        for entry in har.entries:  # whatever is set later in the recording was sent before by another visit's cookie
            for name in entry.sent_cookies:
                self._send(name, entry)
        return Recording(
            site=self._answers.site,
            requests=len(har.entries),
            left_out=har.left_out,
            more=self._more,
            addresses=self._ordered("address", self._addresses),
            cookies=self._ordered("cookie", self._cookies),
            sent=self._ordered("sent", self._sent),
            refused=tuple(self._refused),
        )

    def _address(self, entry: HarEntry) -> None:
        answer = self._answers.address(entry.host, entry.path)
        if answer.verdict.service is not None and answer.party == "first":
            answer = replace(answer, name=f"{entry.host}{entry.path.partition('?')[0]}")
        key = (answer.name, answer.verdict)
        if self._has_room(self._addresses, key):
            self._addresses.setdefault(key, answer)
            self._counts["address", key] += 1

    def _set(self, cookie: HarCookie, entry: HarEntry) -> None:
        if cookie.fault:
            key = (cookie.name, entry.host, cookie.fault)
            if self._has_room(self._refused, key):
                self._refused[key] = None
            return
        if cookie.lifetime is not None and cookie.lifetime <= 0:
            return  # it is deleted
        name, domain = cookie.name, cookie.domain or entry.host
        if not self._has_room(self._cookies, (name, domain)):
            return
        before = self._cookies.get((name, domain))
        if before is None or (cookie.lifetime or 0) > (before.lifetime or 0):
            self._cookies[name, domain] = self._answers.cookie(
                name,
                value=cookie.value,
                lifetime=cookie.lifetime,
                domain=domain,
                setter=(entry.host, entry.path),
            )
        self._counts["cookie", (name, domain)] += 1

    def _send(self, name: str, entry: HarEntry) -> None:
        host = entry.host
        if (name, host) in self._cookies or any((name, domain) in self._cookies for domain in parent_domains(host)):
            return
        owner = self._answers.site if self._answers.site and self._answers.party(host) == "first" else host
        if self._has_room(self._sent, (name, owner)):
            if (name, owner) not in self._sent:
                self._sent[name, owner] = self._answers.cookie(name, domain=owner, setter=(host, entry.path))
            self._counts["sent", (name, owner)] += 1

    def _has_room(self, table: dict[Any, Any], key: object) -> bool:
        if key in table or len(table) < _MOST:
            return True
        self._more += 1
        return False

    def _ordered(self, kind: str, answers: dict[Any, Answer]) -> tuple[Counted, ...]:
        counted = (Counted(answer, self._counts[kind, key]) for key, answer in answers.items())
        return tuple(sorted(counted, key=lambda each: (not each.answer.verdict.known, -each.count, each.answer.name)))


def _dicts(found: Iterable[Counted]) -> list[dict[str, Any]]:
    return [{**counted.answer.as_dict(), "count": counted.count} for counted in found]
