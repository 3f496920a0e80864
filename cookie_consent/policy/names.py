"""What a notice named: the services and categories that an answer to it covers, whatever the policy says later."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from cookie_consent.policy.builtin import BUILTIN_CATEGORIES
from cookie_consent.policy.fingerprints import fingerprint_of, hash_of, hosts_in, packed, unpacked
from cookie_consent.policy.known_services import known_services
from cookie_consent.policy.lasting import home_of, longest, other_categories
from cookie_consent.policy.model import UNCLASSIFIED
from cookie_consent.policy.spelling import spelt
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from cookie_consent.policy.known_services import KnownService
    from cookie_consent.policy.lasting import LastingRule
    from cookie_consent.policy.policy import Policy

__all__ = ["Coverage", "Names", "check_names", "own_lasts"]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What an answer to a notice covers, of what the policy and the registry have now."""

    asked: frozenset[str]
    """The ids of the optional categories that it named."""
    categories: frozenset[str]
    """Those of them in which the site itself now stores for no longer, for no new purpose: a grant covers these."""
    services: frozenset[str]
    """The ids of the services that it named, as they are now: in the same category, for the same purpose, storing for
    no longer, and each cookie in the same category. An undeclared host is one of them."""


class Names:
    """Gives what a policy and the registry have the names by which answers remember them. Built once per policy.

    A notice's names are a text of three bytes for each thing that it named, sorted, in base64url: of the controller,
    of each category that it offered, of each purpose in these, and of each service. Undeclared hosts follow, as they
    are. They tell the same in any process, without the policy of the time.
    """

    def __init__(self, policy: Policy) -> None:
        required = policy.required_ids
        self._controller = fingerprint_of("controller", spelt(policy.controller.name) if policy.controller else "")
        self._categories = {
            category.id: fingerprint_of(
                "category",
                category.id,
                lasts=own_lasts(policy, category.id),
            )
            for category in policy.optional
        }
        self._purposes = {
            category.id: frozenset(hash_of("purpose", category.id, purpose) for purpose in category.purposes)
            for category in policy.optional
        }
        self._homes: dict[str, str] = {}
        self._services: dict[str, int] = {}
        self._needed: dict[str, frozenset[str]] = {}
        for service in known_services(policy):
            home = home_of(policy, service.category)
            self._needed[service.id] = _needed(policy, service.cookies, service.category, service.category)
            if home not in required:  # what necessary services store is asked about by category
                self._homes[service.id] = home
                self._services[service.id] = fingerprint_of(
                    "service",
                    service.id,
                    home,
                    service.purpose,
                    *_apart(policy, service),
                    lasts=longest(policy, service.cookies, service.category),
                )
        declared_ids = {service.id for service in policy.services}
        self.unnamable = self._ambiguous(declared_ids)
        """The ids of the known services that no notice can name, and that are held for it. Each with the key of what it
        cannot be told from."""
        for name in self.unnamable:
            del self._services[name], self._homes[name], self._needed[name]
        self._asks_for_hosts = policy.unknown_hosts == "ask"
        own = _own(policy)
        self._always = declared_offer(policy)
        """The optional categories in which the policy declares something."""
        necessary = (self._needed[service.id] for service in policy.services if service.id not in self._homes)
        self._own = own.union(*necessary)
        self.declared = frozenset(declared_ids).intersection(self._services)
        """The ids of the services that the policy declares and visitors can refuse."""
        self._read = lru_cache(maxsize=1024)(self._coverage)
        self._by_hash = {fingerprint >> 4: service for service, fingerprint in self._services.items()}
        self._fixed = {fingerprint >> 4 for fingerprint in (self._controller, *self._categories.values())}
        self._purposed = {fingerprint: name for name, found in self._purposes.items() for fingerprint in found}

    def has(self, service: str) -> bool:
        """Return whether the service is one that visitors can refuse: a known one, or an undeclared host."""
        return service in self._services or self._is_asked_host(service)

    def has_to_name(self, service: str) -> bool:
        """Return whether the service is held for whoever answered a notice that did not name it."""
        return self.has(service) or service in self.unnamable

    def _is_asked_host(self, service: str) -> bool:
        return self._asks_for_hosts and service not in self._services and is_host(service)

    def undeclared(self, names: str) -> tuple[str, ...]:
        """Return the sorted ids of the services that ``names`` has and the policy does not declare."""
        found = self.read(names)
        return tuple(sorted(found.services - self.declared)) if found is not None else ()

    def offered(self, services: Iterable[str] = ()) -> frozenset[str]:
        """Return the optional categories that a notice offers which names these services beside the declared ones.

        They are those in which something is declared or named: a service, a cookie of the site's own, or what it does
        for a purpose of its own.
        """
        hosts = {UNCLASSIFIED} if any(map(self._is_asked_host, services)) else set()
        needed = (self._needed[service] for service in services if service in self._needed)
        return self._always.union(hosts, *needed).intersection(self._categories)

    def by_service(self, services: Iterable[str]) -> frozenset[str]:
        """Return the optional categories in which there is nothing but some of these services.

        An answer for each of them is one for the category.
        """
        homes = (self._homes[service] for service in services if service in self._homes)
        return frozenset(homes).intersection(self._categories) - self._own

    def of(self, services: Iterable[str], *, categories: Iterable[str] = ()) -> str:
        """Return the names of a notice about these services and what it offers. Unknown and necessary ones are none.

        ``categories`` are those that it offers beside.
        """
        services = frozenset(services)
        offered = self.offered(services).union(categories)
        asked = [fingerprint for name, fingerprint in self._categories.items() if name in offered]
        purposes = chain.from_iterable(found for name, found in self._purposes.items() if name in offered)
        found = (self._services[service] for service in services if service in self._services)
        return packed({self._controller, *asked, *purposes, *found}, filter(self._is_asked_host, services))

    def within(self, names: str, services: AbstractSet[str]) -> frozenset[str]:
        """Return the categories that a notice with these names offers for nothing but some of these services."""
        found = self.read(names)
        if found is None:
            return frozenset()
        others = (self._homes[service] for service in found.services - services if service in self._homes)
        return (found.asked & self.by_service(found.services)).difference(others)

    def without(self, names: str, categories: AbstractSet[str]) -> str:
        """Return ``names`` without some categories, as if they had not been offered."""
        gone = {fingerprint >> 4 for name, fingerprint in self._categories.items() if name in categories}
        if not gone:
            return names
        return packed({kept for kept in unpacked(names) if kept >> 4 not in gone}, hosts_in(names))

    def added(
        self,
        names: str,
        services: Iterable[str],
        *,
        categories: AbstractSet[str] = frozenset(),
        shown: str | None = None,
    ) -> str:
        """Return ``names`` with those of some services and categories. Without any, the controller is named too.

        They are as ``shown`` names them, which is what a notice of the same controller named. A service that it does
        not name as it is now is left out. Without ``shown`` they are as they are now.
        """
        services = frozenset(services)
        new = {self._services[service] for service in services if service in self._services}
        new |= {self._categories[category] for category in categories}
        hosts = set(filter(self._is_asked_host, services))
        if not names:
            new.add(self._controller)
        if shown is not None:
            hashes = {fingerprint >> 4 for fingerprint in new}
            seen = unpacked(shown)
            is_ours = self._controller in seen
            new = {fingerprint for fingerprint in seen if is_ours and fingerprint >> 4 in hashes}
            hosts &= set(hosts_in(shown) if is_ours else ())
        replaced = {fingerprint >> 4 for fingerprint in new}
        return packed({old for old in unpacked(names) if old >> 4 not in replaced} | new, hosts.union(hosts_in(names)))

    def reduced(self, names: str, granted: AbstractSet[str], services: AbstractSet[str]) -> str:
        """Return the part of ``names`` that is needed later where these categories and services are granted.

        All categories are kept, so that a refusal of them counts too. What this process does not know is kept if
        something is granted.
        """
        is_refusal = not granted and not services
        kept = set()
        for fingerprint in unpacked(names):
            service = self._by_hash.get(fingerprint >> 4)
            if service is not None and fingerprint >> 4 not in self._fixed:
                if service in services or self._homes[service] in granted:
                    kept.add(fingerprint)
            elif fingerprint in self._purposed:
                if self._purposed[fingerprint] in granted:
                    kept.add(fingerprint)
            elif fingerprint >> 4 in self._fixed or not is_refusal:
                kept.add(fingerprint)
        hosts = (host for host in hosts_in(names) if UNCLASSIFIED in granted or host in services)
        return packed(kept, hosts)

    def read(self, names: str) -> Coverage | None:
        """Return what an answer to a notice with these names covers now; None for another controller's.

        Raises ``ValueError`` if they are not the names of a notice.
        """
        return self._read(names)

    def collisions(self) -> list[tuple[str, str]]:
        """Return the pairs of different things of the policy that have one fingerprint: an answer would count for both.

        Of the registry's other services, those that cannot be told from something else cannot be named.
        """
        seen: dict[int, str] = {}
        found = []
        for key, fingerprint in self._of_policy(self.declared):
            other = seen.setdefault(fingerprint >> 4, key)
            if other != key:
                found.append((other, key))
        return found

    def _of_policy(self, declared: Iterable[str]) -> Iterator[tuple[str, int]]:
        """Yield what the policy itself has, with its fingerprint. All purposes of a category are one."""
        yield "controller", self._controller
        for category, fingerprint in self._categories.items():
            yield f"categories.{category}", fingerprint
        for category, purposes in self._purposes.items():
            for fingerprint in purposes:
                yield f"categories.{category}.purposes", fingerprint
        for service in sorted(declared):
            if service in self._services:
                yield f"services.{service}", self._services[service]

    def _ambiguous(self, declared: AbstractSet[str]) -> dict[str, str]:
        """Return the services of the registry that are not declared and cannot be told from something else.

        All of them are left out: which one an earlier answer named, nobody can tell.
        """
        keys: dict[int, list[str]] = {}
        for key, fingerprint in self._of_policy(declared):
            keys.setdefault(fingerprint >> 4, []).append(key)
        others = {name: found >> 4 for name, found in self._services.items() if name not in declared}
        for name, found in others.items():
            keys.setdefault(found, []).append(f"services.{name}")
        alike = {name: [key for key in keys[found] if key != f"services.{name}"] for name, found in others.items()}
        return {name: found[0] for name, found in alike.items() if found}

    def _coverage(self, names: str) -> Coverage | None:
        answered = sorted(unpacked(names))

        def is_named(fingerprint: int) -> bool:
            # The first with this hash that lasts as long, or longer.
            at = bisect_left(answered, fingerprint)
            return at < len(answered) and answered[at] >> 4 == fingerprint >> 4

        if not is_named(self._controller):
            return None
        hashes = {fingerprint >> 4 for fingerprint in answered}
        all_answered = frozenset(answered)

        return Coverage(
            asked=frozenset(name for name, fingerprint in self._categories.items() if fingerprint >> 4 in hashes),
            categories=frozenset(
                name
                for name, fingerprint in self._categories.items()
                if is_named(fingerprint) and self._purposes[name] <= all_answered
            ),
            services=frozenset(
                chain(
                    (name for name, found in self._services.items() if is_named(found)),
                    filter(self._is_asked_host, hosts_in(names)),
                )
            ),
        )


def own_lasts(policy: Policy, category: str) -> float:
    """Return how long the site's own cookies of a category last that needs consent, in seconds."""
    return longest(policy, (rule for rule in policy.cookies if (rule.persist or rule.category) == category), category)


def declared_offer(policy: Policy) -> frozenset[str]:
    """Return what ``Names.offered`` is for the declared services alone, without the work of building the names."""
    needed = (_needed(policy, service.cookies, service.category, service.category) for service in policy.services)
    return _own(policy).union(*needed) & policy.optional_ids


def _own(policy: Policy) -> frozenset[str]:
    """Return the categories in which the site itself stores something, or of which it says what they are used for."""
    return _needed(policy, policy.cookies, UNCLASSIFIED) | _described(policy)


def _described(policy: Policy) -> frozenset[str]:
    """Return the categories of which the policy itself says what they are used for: its own, and by their purposes."""
    builtin = {category.id for category in BUILTIN_CATEGORIES}
    return frozenset(category.id for category in policy.categories if category.purposes or category.id not in builtin)


def check_names(names: str) -> None:
    """Raise ``ValueError`` if these are not the names of a notice."""
    unpacked(names)


def _needed(policy: Policy, cookies: Iterable[LastingRule], default: str, *categories: str) -> frozenset[str]:
    """Return ``categories`` with those that the cookies are of, and those that they need to outlive the session.

    ``default`` is the category of cookies that name none. What other hosts set, the gate does not see.
    """
    names = (
        name for rule in cookies if rule.party == "first" for name in (rule.category or default, rule.persist) if name
    )
    return frozenset(home_of(policy, name) for name in chain(categories, names))


def _apart(policy: Policy, service: KnownService) -> Iterator[str]:
    """Yield each cookie of a service that needs another category, and that category."""
    needed = other_categories(policy, service.apart, service.category)
    for name in sorted(needed):
        for category in sorted(needed[name]):
            yield from (name, category)
