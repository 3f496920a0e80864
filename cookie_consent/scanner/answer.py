"""``Answers``: what a cookie, a storage key or an address belongs to, with hints where nobody knows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cookie_consent.consent.cookie import is_own_cookie
from cookie_consent.endpoints.reports.advice import first_party_line, host_lines
from cookie_consent.policy.classifier import Classifier, Verdict
from cookie_consent.policy.hints import Hint, cookie_hints, host_hints, storage_hints
from cookie_consent.policy.host_pattern import HostPattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Policy
    from cookie_consent.policy.hints import Party

__all__ = ["Answer", "Answers", "Elsewhere", "Kind"]

Kind: TypeAlias = Literal["cookie", "storage", "address", "inline"]
Elsewhere: TypeAlias = "tuple[tuple[str, Verdict], ...]"
"""Domains, and what a cookie of the name is for if they set it."""

_OWN_COOKIE = Verdict(
    category="session",
    reason="it is one in which this package keeps visitors' choices",
    source="policy",
    basis="declared",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What something belongs to."""

    kind: Kind
    name: str
    """The name of the cookie or the key, or the address without scheme: its host, and where it matters its path."""
    verdict: Verdict
    party: Party | None = None
    """None if nobody has said whose site it is."""
    domain: str | None = None
    """The host or the domain to which a cookie belongs, where that is known."""
    lifetime: float | None = None
    """In seconds. None if a cookie ends with the browser, or if that is unknown."""
    elsewhere: Elsewhere = ()
    """What else a cookie of this name is, by the domain that sets it."""
    hints: tuple[Hint, ...] = ()
    """What it looks like; empty for what is known."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON. What is not known, or makes no sense for its kind, is left out."""
        verdict = self.verdict
        found: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "category": verdict.category,
            "service": verdict.service,
            "sure": verdict.basis,
            "source": verdict.source,
            "reason": verdict.reason,
        }
        if self.kind == "cookie":
            found["persist"] = verdict.persist
        known = {"party": self.party, "domain": self.domain, "lifetime": self.lifetime}
        found |= {key: value for key, value in known.items() if value is not None}
        if self.elsewhere:
            found["elsewhere"] = [
                {"domain": domain, "category": other.category, "service": other.service}
                for domain, other in self.elsewhere
            ]
        if self.hints:
            found["hints"] = [vars(hint) for hint in self.hints]
        return found


class Answers:
    """Answers by a policy, for one site.

    ``site`` is the host of the site's pages, lower-case without port. With None it is the policy's, and if that names
    none, nothing is said of parties.
    """

    def __init__(self, policy: Policy, site: str | None = None) -> None:
        self.policy = policy
        if site is not None and site != policy.site:
            first_party = (*policy.first_party, *([policy.site] if policy.site else []))
            policy = policy.model_copy(update={"site": site, "first_party": first_party})
        self.site = policy.site
        self.classifier = Classifier(policy)
        self._categories = frozenset(category.id for category in policy.categories)

    def cookie(
        self,
        name: str,
        *,
        value: str = "",
        lifetime: float | None = None,
        domain: str | None = None,
        setter: tuple[str, str] | None = None,
    ) -> Answer:
        """Say what a cookie belongs to.

        ``domain`` is the one to which it belongs, lower-case without a leading dot. ``setter`` is the host and the path
        of the address that set it; by default its domain. With neither it is one of the site.
        """
        party = self.party(domain) if domain is not None else None
        if party != "third" and is_own_cookie(self.policy.cookie, name):
            verdict = _OWN_COOKIE
        elif domain is None:
            verdict = self.classifier.cookie(name)
        elif party == "third":
            verdict = self.classifier.cookie_of_third_party(
                name, domain, self.classifier.host(*(setter or (domain, "/")))
            )
        else:
            verdict = self.classifier.cookie_of(name, domain)
        hints: tuple[Hint, ...] = ()
        if verdict.basis == "unknown":
            hints = cookie_hints(
                name,
                value=value,
                lifetime=lifetime,
                party=party,
                domain=domain if party == "third" else None,
                categories=self._categories,
            )
        return Answer(
            kind="cookie",
            name=name,
            verdict=verdict,
            party=party,
            domain=domain,
            lifetime=lifetime,
            elsewhere=self.classifier.cookie_elsewhere(name) if domain is None else (),
            hints=hints,
        )

    def storage(self, name: str) -> Answer:
        """Say what a key of local or session storage belongs to."""
        verdict = self.classifier.storage(name)
        hints = storage_hints(name, categories=self._categories) if verdict.basis == "unknown" else ()
        return Answer(kind="storage", name=name, verdict=verdict, hints=hints)

    def address(self, host: str, path: str = "/") -> Answer:
        """Say what an address belongs to. ``path`` may go on with a query."""
        verdict = self.classifier.address(host, path)
        hints = host_hints(host) if verdict.basis == "unknown" else ()
        return Answer(kind="address", name=host, verdict=verdict, party=self.party(host), domain=host, hints=hints)

    def inline(self, text: str) -> list[Answer]:
        """Say which services' marks a script carries."""
        return [
            Answer(kind="inline", name=verdict.service or "", verdict=verdict)
            for verdict in self.classifier.inline_script(text)
        ]

    def party(self, host: str) -> Party | None:
        """Say whether a host, or a domain to which a cookie belongs, is the site's. None if nobody knows the site."""
        if self._site_host is None:
            return None
        is_own = self.classifier.is_first_party(host, self._site_host) or self._site_host.endswith(f".{host}")
        return "first" if is_own else "third"

    @cached_property
    def _site_host(self) -> str | None:
        return HostPattern.parse(self.site).domain if self.site else None

    def declarations(self, answers: Iterable[Answer]) -> list[str]:
        """Return TOML that declares the unknown hosts among the answers, one text for each."""
        unknown = [answer for answer in answers if answer.kind == "address" and answer.verdict.basis == "unknown"]
        hosts = list(dict.fromkeys(answer.name for answer in unknown))
        return [
            f"{lines}\n# or, if the host is the site's own:\n# {first_party_line(host)}"
            if lines.startswith("[")
            else lines
            for host, lines in zip(hosts, host_lines(hosts, self.policy), strict=True)
        ]
