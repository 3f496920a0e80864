"""What all exchanges of one middleware share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp

    from cookie_consent.banner import Renderer
    from cookie_consent.consent import Consent, ConsentCookie
    from cookie_consent.endpoints.reports import Reports
    from cookie_consent.exchange.gpc_log import GpcLog
    from cookie_consent.exchange.page_cache import PageCache
    from cookie_consent.exchange.request import RequestFilter
    from cookie_consent.exchange.xray.door import XRayDoor
    from cookie_consent.gate import ContentSecurityPolicies, NamedSignals, OffersLibraries, TagCache
    from cookie_consent.policy import Inventory
    from cookie_consent.policy.classifier import Classifier
    from cookie_consent.policy.paths import PathPatterns
    from cookie_consent.rewriter import MarkupCache

__all__ = ["Site"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Built once, before the first request."""

    app: ASGIApp
    """The wrapped application."""
    request_filter: RequestFilter
    undecided: Consent
    """The consent for a request with neither a choice nor GPC."""
    classifier: Classifier
    cookie: ConsentCookie
    renderer: Renderer
    guard: str
    """The path of the guard's script; empty if the policy switches it off."""
    telling_guard: str
    """Likewise of one that can tell vendors what the page says."""
    page_cache: PageCache
    tag_cache: TagCache
    markup_cache: MarkupCache | None
    """With None, the markup of every page is searched from scratch."""
    reports: Reports
    inventory: Inventory
    """The services that the site's notices name."""
    signals: NamedSignals
    """What the vendors of services that only notices name are told."""
    gpc_log: GpcLog
    policies: ContentSecurityPolicies
    mirror: OffersLibraries | None
    """Where public libraries are mirrored; None where the policy wants none."""
    mirror_path: str
    """The path of the mirror below the application's, with a slash at its end."""
    digests: Callable[[str], tuple[str, ...]]
    """Returns the hashes of one of our files, given its URL."""
    late_scripts: Mapping[str, str]
    """The file that a script of ours loads when it needs it, by the script's own."""
    excluded: PathPatterns
    """The paths that have nothing of this package."""
    payment: PathPatterns
    """The paths on which scripts may frame the visitor's bank."""
    without_banner: PathPatterns
    """The paths that are gated and have no banner."""
    dev: bool
    """Whether the site is in development mode."""
    xray: XRayDoor | None
    """Says who is shown the x-ray; None where nobody is."""
    time_left: Callable[[], float] | None
    """Returns for how many seconds this policy is still in force; None where no other one is announced."""
    identity: str
    """A digest of everything that shapes the pages: version, policy, assets, templates and texts."""
