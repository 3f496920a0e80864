"""What all exchanges of one middleware share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent, ConsentCookie
    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.exchange.gpc_log import GpcLog
    from cookie_consent.exchange.page_cache import PageCache
    from cookie_consent.exchange.request import RequestFilter
    from cookie_consent.gate import ContentSecurityPolicies, JudgedTags
    from cookie_consent.policy.classifier import Classifier
    from cookie_consent.policy.paths import PathPatterns
    from cookie_consent.rewriter import QuietMarkup

__all__ = ["Site"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Built once, before the first request."""

    app: ASGIApp
    """The application that is held to the policy."""
    request_filter: RequestFilter
    undecided: Consent
    """The consent for a request with neither a choice nor a signal."""
    classifier: Classifier
    cookie: ConsentCookie
    renderer: Renderer
    guard: str
    """The path of the guard's script; empty where the policy does without it."""
    page_cache: PageCache
    judged_tags: JudgedTags
    quiet: QuietMarkup
    reports: Reports
    gpc_log: GpcLog
    policies: ContentSecurityPolicies
    digests: Callable[[str], tuple[str, ...]]
    """The hashes of a file of our own, by its address."""
    excluded: PathPatterns
    """The paths that have nothing of this package."""
    without_banner: PathPatterns
    """The paths that are gated and have no banner."""
    dev: bool
    """Whether the site is in development mode, in which it shows its owner what is held."""
    identity: str
    """Says what the pages are made by: the version, the policy, the assets."""
