"""Findings about declarations: those that were never seen, and those in a more lenient category than is known."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED, Policy, registry
from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.host_pattern import HostPattern, path_example
from cookie_consent.policy.name_pattern import NamePattern, without_runs
from cookie_consent.scanner.finding import Finding, Kind, Severity
from cookie_consent.scanner.model import Mode, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cookie_consent.policy import Service
    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.scanner.model import Scan
    from cookie_consent.scanner.verdicts import Judged

__all__ = ["missing", "unseen_services", "wrong_categories"]

_STRICTNESS = {"session": 0, "login": 1, "preferences": 2, "analytics": 3, "advertising": 4, "social": 4}
"""How much a category asks of the visitor's trust. Categories of the site's own have no place here."""
_TRACKING = 3
"""From here on."""


def missing(policy: Policy, scan: Scan, things: Sequence[Judged]) -> Iterator[Finding]:
    """Yield notes on what is declared and was never seen.

    Only a browser sees what scripts set, and most of it only once the visitor has agreed.
    """
    if scan.mode is not Mode.BROWSER or Phase.ACCEPTED not in scan.phases or not scan.pages:
        return
    for service in unseen_services(policy, things):
        yield _missing(f"services.{service.id}", f"service {service.id}", f"The service {service.name}")
    cookies = [thing.name for thing in things if thing.sort == "cookie"]
    storage = [thing.name for thing in things if thing.sort == "storage"]
    for index, rule in enumerate(policy.cookies):
        pattern = NamePattern(rule.name)
        if not any(map(pattern.matches, (*cookies, *storage))):
            yield _missing(f"cookies.{index}", f"cookie {rule.name}", f"The cookie {rule.name}")


def unseen_services(policy: Policy, things: Sequence[Judged]) -> list[Service]:
    """Return the services that the policy declares and of which nothing was seen."""
    seen = {thing.verdict.service for thing in things}
    return [service for service in policy.services if service.id not in seen]


def _missing(key: str, subject: str, what: str) -> Finding:
    message = f"{what} is declared, but was not seen."
    return Finding(kind=Kind.MISSING, severity=Severity.NOTE, subject=subject, message=message, key=key)


def wrong_categories(policy: Policy) -> Iterator[Finding]:
    """Yield what the policy declares in a more lenient category than the registry."""
    for service in policy.services:
        key = f"services.{service.id}"
        known = registry().get(service.id)
        if known is not None:
            yield from _compared(policy, f"service {service.id}", service.category, known.category, key)
        else:
            yield from _hosts(policy, service, key)
        yield from _cookies(policy, service, known, key)
    for index, rule in enumerate(policy.cookies):
        verdict = _known_cookie(rule.name, rule.domain)
        if verdict is not None and verdict.service is not None:
            what = f"cookie {rule.name}"
            key = f"cookies.{index}"
            yield from _compared(policy, what, rule.category or UNCLASSIFIED, verdict.category, key)


def _hosts(policy: Policy, service: Service, key: str) -> Iterator[Finding]:
    """Yield what a service of the site's own declares of the hosts of known ones."""
    for host in service.hosts:
        pattern = HostPattern.parse(host)
        if pattern.domain:
            name = f"www.{pattern.domain}" if pattern.is_wildcard else pattern.domain
            verdict = _by_registry().host(name, path_example(pattern.path))
            what = f"host {host} of {service.id}"
            yield from _compared(policy, what, service.category, verdict.category, key)


def _cookies(policy: Policy, service: Service, known: Service | None, key: str) -> Iterator[Finding]:
    of_known = {rule.name: rule for rule in known.cookies} if known is not None else {}
    for rule in service.cookies:
        if of_known.get(rule.name) == rule:
            continue  # inherited
        verdict = _known_cookie(rule.name, rule.domain)
        if verdict is not None:
            what = f"cookie {rule.name} of {service.id}"
            yield from _compared(policy, what, rule.category or service.category, verdict.category, key)


def _compared(policy: Policy, what: str, declared: str, known: str, key: str) -> Iterator[Finding]:
    is_needed = declared in policy.required_ids
    place = 0 if is_needed else _STRICTNESS.get(declared)
    should = _STRICTNESS.get(known)
    if place is None or should is None or place >= should:
        return
    is_error = is_needed and should >= _TRACKING
    yield Finding(
        kind=Kind.WRONG_CATEGORY,
        severity=Severity.ERROR if is_error else Severity.WARNING,
        subject=what,
        message=f"The {what} is declared as {declared}"
        f"{', which is always on' if is_needed else ''}; the registry knows it as {known}.",
        category=known,
        key=key,
    )


def _known_cookie(name: str, domain: str | None) -> Verdict | None:
    """Return what the registry knows of a cookie with this name, of a domain if one is given."""
    example = without_runs(name)
    classifier = _by_registry()
    verdict = classifier.cookie_of(example, domain) if domain is not None else classifier.cookie(example)
    return verdict if verdict.known else None


@cache
def _by_registry() -> Classifier:
    return Classifier(Policy(version="registry"))
