"""What ``check`` says of the site's own hosts: which they are, and what on them belongs to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.host_pattern import HostPattern

if TYPE_CHECKING:
    from cookie_consent.policy import Policy
    from cookie_consent.policy.model import OwnRule

__all__ = ["own_hosts", "tell_own_hosts"]


def own_hosts(policy: Policy) -> dict[str, Any]:
    """Return the declared hosts, the domain whose hosts are the site's too, and what is a service's on them, for JSON.

    Without ``site`` the domain is that of each page, and is None here.
    """
    classifier = Classifier(policy)
    site = HostPattern.parse(policy.site).domain if policy.site else ""
    held = []
    for service in policy.services:
        own = [pattern for pattern in service.hosts if _is_own(pattern, site, classifier)]
        held += [
            {"service": service.id, "category": service.category, "address": address}
            for address in (*own, *map(_described, service.own))
        ]
    return {
        "hosts": list(dict.fromkeys([*([policy.site] if policy.site else []), *policy.first_party])),
        "domain": classifier.own_domain(site),
        "services": held,
    }


def tell_own_hosts(policy: Policy) -> None:
    """Print the same for people."""
    own = own_hosts(policy)
    if own["hosts"]:
        typer.echo(f"first party, declared: {' '.join(own['hosts'])}")
    if own["domain"] is not None:
        typer.echo(f"first party by their domain: all hosts of {own['domain']} (first_party_site)")
    elif not policy.first_party_site:
        typer.echo("first party by their domain: none (first_party_site is false)")
    elif policy.site:
        typer.echo(f"first party by their domain: none, as {policy.site} has no registrable domain")
    else:
        typer.echo("first party by their domain: all hosts of a page's own, as site is not set (first_party_site)")
    if own["services"]:
        typer.echo("on these hosts, but held as a service's:")
    for entry in own["services"]:
        typer.echo(f"  {entry['address']}: {entry['service']} ({entry['category']})")


def _is_own(pattern: str, site: str, classifier: Classifier) -> bool:
    """Return whether a host pattern of a service is a path on the site, or a host that is first party otherwise."""
    parsed = HostPattern.parse(pattern)
    return not parsed.domain or classifier.is_first_party(parsed.domain, site)


def _described(rule: OwnRule) -> str:
    """Return what tells a rule's requests: the path, the query, and the element that asks."""
    query = f"?{'&'.join(rule.query)}" if rule.query else ""
    attributes = "".join(f"[{mark}]" for mark in rule.attributes)
    element = f" by {rule.element or '*'}{attributes}" if rule.element or attributes else ""
    return f"{rule.path}{query}{element}"
