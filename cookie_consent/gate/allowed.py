"""Whether the consent covers what an address was recognised as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from cookie_consent.consent import Consent
    from cookie_consent.policy import Policy
    from cookie_consent.policy.classifier import Verdict

__all__ = ["allows_host", "allows_unknown_hosts"]


def allows_host(policy: Policy, consent: Consent, verdict: Verdict) -> bool:
    """Say whether an address with that verdict may be loaded."""
    if verdict.category != UNCLASSIFIED or verdict.service is not None:
        return consent.covers(verdict.category, verdict.service)
    return allows_unknown_hosts(policy, consent)


def allows_unknown_hosts(policy: Policy, consent: Consent) -> bool:
    """Say whether hosts may be loaded from that neither the policy nor the registry knows."""
    return policy.unknown_hosts == "allow" or (policy.unknown_hosts == "ask" and consent.allows(UNCLASSIFIED))
