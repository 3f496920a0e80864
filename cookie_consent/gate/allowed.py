"""Whether the consent covers an address that has been classified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Container

    from cookie_consent.consent import Consent
    from cookie_consent.policy import Policy
    from cookie_consent.policy.classifier import Verdict

__all__ = ["allows_host", "allows_unknown_hosts"]


def allows_host(policy: Policy, consent: Consent, verdict: Verdict, ahead: Container[str] = ()) -> bool:
    """Return whether an address with that verdict may be loaded.

    ``ahead`` are the services that may be loaded before the visitor has chosen, which are ``Consent.ahead`` at most.
    """
    if verdict.service is not None and verdict.service in ahead:
        return True
    if verdict.category != UNCLASSIFIED or verdict.service is not None:
        return consent.covers(verdict.category, verdict.service)
    if verdict.host and policy.unknown_hosts == "ask":
        return consent.covers(UNCLASSIFIED, verdict.host)
    return allows_unknown_hosts(policy, consent)


def allows_unknown_hosts(policy: Policy, consent: Consent) -> bool:
    """Return whether any unknown host, which neither the policy nor the registry has, may be loaded from."""
    if policy.unknown_hosts != "ask":
        return policy.unknown_hosts == "allow"
    return consent.named is None and consent.allows(UNCLASSIFIED)
