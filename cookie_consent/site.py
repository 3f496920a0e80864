"""Builds what all requests to one middleware share."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from cookie_consent.admin.routes import admin_routes, admin_token
from cookie_consent.banner import Renderer, banner_script, banner_style, frame_style, late_banner_script, page_style
from cookie_consent.consent import (
    XRAY_COOKIE,
    Consent,
    ConsentCookie,
    ConsentReader,
    EditionSigner,
    ReceiptOffer,
    secret_keys,
)
from cookie_consent.endpoints.assets import Assets, Later, hashed_name
from cookie_consent.endpoints.choices import Choices
from cookie_consent.endpoints.declaration import DeclarationPage
from cookie_consent.endpoints.ledger_health import LedgerHealth
from cookie_consent.endpoints.notices import NoticePages
from cookie_consent.endpoints.origin import SiteOrigin
from cookie_consent.endpoints.placeholder import PlaceholderPage
from cookie_consent.endpoints.preferences import PreferencesPage
from cookie_consent.endpoints.problem import ProblemResponses
from cookie_consent.endpoints.receipts.endpoint import Receipts
from cookie_consent.endpoints.reports import Reports
from cookie_consent.endpoints.reports.endpoint import ReportEndpoint
from cookie_consent.endpoints.router import Router
from cookie_consent.endpoints.settings import SettingsPanel
from cookie_consent.endpoints.state import get_state
from cookie_consent.endpoints.static_files import guard_parts, static_files
from cookie_consent.exchange.exclusion import is_left_out, ungated
from cookie_consent.exchange.gated import gated
from cookie_consent.exchange.gpc_log import GpcLog
from cookie_consent.exchange.page_cache import PageCache
from cookie_consent.exchange.request import RequestFilter
from cookie_consent.exchange.shared import Site
from cookie_consent.exchange.websocket import handshake
from cookie_consent.exchange.xray.door import XRayDoor
from cookie_consent.exchange.xray.endpoint import XRayEndpoint
from cookie_consent.gate import ContentSecurityPolicies, GuardRules, NamedSignals, TagCache
from cookie_consent.ledger import Ledger
from cookie_consent.mirror.endpoint import MirrorEndpoint
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.policy import (
    UNCLASSIFIED,
    History,
    Inventory,
    Policy,
    checked_prefix,
    find_policy,
    instant,
    load_policy,
    registry,
)
from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.paths import PathPatterns
from cookie_consent.rewriter import MarkupCache
from cookie_consent.startup.dev_mode import is_dev_mode
from cookie_consent.startup.dev_secret import dev_secret
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Options", "Parts", "build"]

logger = logging.getLogger("cookie_consent")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of the middleware, as they were given."""

    policy: str | Path | Policy | None
    secret: str | Sequence[str] | None = field(repr=False)
    ledger: str | Ledger | None = field(repr=False)  # the URL may hold a password
    prefix: str
    admin_token: str | None = field(repr=False)
    dev: bool | None
    clock: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What ``ConsentMiddleware`` needs to serve requests."""

    policy: Policy
    source: str | Path | Policy | None
    """Where the policy comes from; None where it is the built-in one."""
    has_taken_over: bool
    """Whether the policy was announced where it comes from, beside one that is no longer in force."""
    until: float
    """When ``next`` takes over, in seconds since 1970; infinity where there is none."""
    next: Parts | None
    """What serves requests once the announced policy is in force."""
    prefix: str
    ledger: Ledger
    site: Site
    router: Router
    reports: Reports
    history: History
    mirror: Mirror | None
    """Public libraries; None where the policy wants none."""
    choices: Choices
    assets: Assets
    has_exclusions: bool
    gated: Callable[[Scope, Receive, Send], tuple[Scope, Send]]
    """See ``exchange.gated.gated``."""
    ungated: Callable[[Scope, Receive, Send], tuple[Scope, Send]]
    """See ``exchange.exclusion``, as for the next one."""
    is_left_out: Callable[[Scope], bool]
    handshake: Callable[[Scope, Send], tuple[Scope, Send]]
    """See ``exchange.websocket.handshake``."""


def build(app: ASGIApp, options: Options, *, has_markup_cache: bool = True) -> Parts:
    """Build the parts, also of the policy that is announced.

    Raises ``ConfigurationError``, or ``PolicyError``, for whatever is wrong or missing in either.
    """
    source = options.policy if options.policy is not None else find_policy()
    declared = source if isinstance(source, Policy) else load_policy(source)
    policy = declared.at(datetime.fromtimestamp(options.clock(), UTC))
    prefix = checked_prefix(options.prefix)
    dev = is_dev_mode(options.dev)
    ledger = options.ledger if isinstance(options.ledger, Ledger) else Ledger(options.ledger, memory=dev)
    ledger.signers()  # a wrong key is found at the start
    has_secret = options.secret or os.environ.get("CONSENT_SECRET")
    keys = secret_keys(options.secret if has_secret or not dev else dev_secret())
    make = partial(
        _build,
        app,
        source=source,
        prefix=prefix,
        ledger=ledger,
        keys=keys,
        token=admin_token(options.admin_token),
        clock=options.clock,
        dev=dev,
        has_markup_cache=has_markup_cache,
    )
    present = make(policy, has_taken_over=policy is not declared)
    if policy.next is None:
        return present
    following = make(policy.next, has_taken_over=True)
    # A page that was made just before the one policy takes over asks for its files just after that.
    present.assets.include(following.assets)
    following.assets.include(present.assets)
    return replace(present, next=following)


def _build(
    app: ASGIApp,
    policy: Policy,
    *,
    source: str | Path | Policy | None,
    has_taken_over: bool,
    prefix: str,
    ledger: Ledger,
    keys: list[str],
    token: str | None,
    clock: Callable[[], float],
    dev: bool,
    has_markup_cache: bool,
) -> Parts:
    """Build the parts of one policy."""
    later = policy.next.effective if policy.next is not None else None
    until = instant(later).timestamp() if later is not None else math.inf
    cookie = ConsentCookie(keys, policy.cookie)
    classifier = Classifier(policy)
    reports = Reports(classifier, ledger, dev=dev)
    names = (cookie.name, cookie.visit_name, cookie.framed_name, cookie.opt_out_name)
    own_cookies = {name(secure=secure) for name in names for secure in (False, True)}
    own_cookies |= {cookie.gpc_cookie_name, XRAY_COOKIE}
    inventory = Inventory(policy)
    mirror = _mirror(policy, classifier, inventory)
    assets = _assets(policy, own_cookies, mirror, prefix)
    guard_url = assets.urls["guard.js"] if policy.gate.guard else ""
    mirrored = mirror.libraries.hosts if mirror is not None else ()
    editions = EditionSigner(keys)
    begun = policy.effective if has_taken_over else None
    since = instant(begun) if begun is not None else datetime.fromtimestamp(clock(), UTC)
    history = History(policy, since=since, until=until)
    renderer = Renderer(
        policy,
        prefix=prefix,
        assets=assets.urls,
        mirrored=mirrored,
        inventory=inventory,
        history=history,
        sign=editions.sign,
    )
    policies = ContentSecurityPolicies(classifier, report_path=f"{prefix}/report")
    _warn_of_size(policy, policies)
    reader = ConsentReader(policy, cookie, inventory)
    door = None
    if dev or token:
        xray_paths = {"script": assets.urls["xray.js"], "endpoint": f"{prefix}/xray"}
        door = XRayDoor(keys, token=token or "", dev=dev, **xray_paths)
    site = Site(
        app=app,
        request_filter=RequestFilter(reader, classifier, cookie),
        undecided=reader.undecided,
        classifier=classifier,
        cookie=cookie,
        renderer=renderer,
        guard=guard_url,
        telling_guard=assets.urls.get("guard.tells.js", guard_url) if guard_url else "",
        page_cache=PageCache(),
        tag_cache=TagCache(),
        markup_cache=MarkupCache() if has_markup_cache else None,
        reports=reports,
        inventory=inventory,
        signals=NamedSignals(policy),
        gpc_log=GpcLog(ledger, cookie),
        policies=policies,
        mirror=mirror,
        mirror_path=f"{prefix}/mirror/",
        digests=assets.digests,
        late_scripts={assets.urls["banner.js"].rpartition("/")[2]: assets.urls["banner-more.js"].rpartition("/")[2]},
        excluded=PathPatterns(policy.gate.exclude),
        payment=PathPatterns(policy.gate.payment),
        without_banner=PathPatterns(policy.banner.exclude),
        dev=dev,
        xray=door,
        time_left=(lambda: until - clock()) if later is not None else None,
        identity=_identity(policy, assets, renderer),
    )
    origin, health, tokens = SiteOrigin(policy), LedgerHealth(), ReceiptOffer(keys)
    choices = Choices(
        classifier,
        cookie,
        ledger,
        renderer,
        origin=origin,
        tokens=tokens,
        health=health,
        inventory=inventory,
        editions=editions,
        replaced=site.gpc_log.replaced,
    )
    xray = XRayEndpoint(site)
    receipts = Receipts(policy, ledger, renderer, tokens=tokens, origin=origin, health=health, prefix=prefix)
    declaration = DeclarationPage(renderer)
    router = Router(
        {
            "/choices": {"POST": choices.post},
            "/state": {"GET": get_state},
            "/placeholder": {"GET": PlaceholderPage(classifier, renderer).get},
            "/preferences": {"GET": PreferencesPage(classifier, renderer, origin, guard=guard_url).get},
            "/settings": {"GET": SettingsPanel(renderer).get},
            "/policy": {"GET": declaration.page},
            "/policy.json": {"GET": declaration.json},
            "/policy.md": {"GET": declaration.markdown},
            "/receipt": {"GET": receipts.get},
            "/report": {"POST": ReportEndpoint(reports, origin).post},
            **({"/xray": {"GET": xray.get}} if door is not None else {}),
            **admin_routes(
                token,
                ledger=ledger,
                classifier=classifier,
                reports=reports,
                inventory=inventory,
                renderer=renderer,
                origin=origin,
                look=xray.look,
                xray_cookie=door.cookie if door is not None else None,
            ),
        },
        assets=assets,
        problems=ProblemResponses(renderer, origin),
        notices=NoticePages(ledger, renderer, health),
        mirror=MirrorEndpoint(mirror) if mirror is not None else None,
    )
    return Parts(
        policy=policy,
        source=source,
        has_taken_over=has_taken_over,
        until=until,
        next=None,
        prefix=prefix,
        ledger=ledger,
        site=site,
        router=router,
        reports=reports,
        history=history,
        mirror=mirror,
        choices=choices,
        assets=assets,
        has_exclusions=bool(site.excluded),
        gated=partial(gated, site),
        ungated=partial(ungated, site),
        is_left_out=partial(is_left_out, site),
        handshake=partial(handshake, site),
    )


def _mirror(policy: Policy, classifier: Classifier, inventory: Inventory) -> Mirror | None:
    wanted = policy.gate.mirror
    if not wanted:
        return None
    is_own = partial(classifier.is_declared_own, page_host="")
    libraries = Libraries(() if isinstance(wanted, bool) else wanted, is_own=is_own)
    return Mirror(libraries, named=inventory.meet_libraries)


def _warn_of_size(policy: Policy, policies: ContentSecurityPolicies) -> None:
    """Log the hosts that do not fit into the Content-Security-Policy once everything that is declared is accepted."""
    known = frozenset(category.id for category in policy.categories) - {UNCLASSIFIED}
    accepted = Consent(policy=policy, granted=known, named=policy.names.declared)
    left_out = policies.left_out(accepted) if policies.is_on else ()
    domains = {domain for patterns in registry().tables["hosts"].values() for domain in patterns}
    own = [host for host in left_out if host.removeprefix("*.") not in domains]
    if own:
        logger.error(
            "the Content-Security-Policy has no room for %d hosts, from %s on, and scripts cannot load from them: "
            "write wildcards such as '*.example.com' in the policy's hosts",
            len(own),
            own[0],
        )
    elif left_out:
        logger.warning(
            "the Content-Security-Policy has no room for %d hosts of known services, from %s on: if the site needs "
            "them, write the hosts that it needs as the service's hosts in the policy",
            len(left_out),
            left_out[0],
        )


def _assets(policy: Policy, own_cookies: Iterable[str], mirror: Mirror | None, prefix: str) -> Assets:
    """Return the scripts and style sheets as this policy has them."""
    files = static_files()
    rules = GuardRules(policy)
    details = Later("known.json", rules.details_digest, rules.details)
    asked_for = [details]
    given: dict[str, Any] = {"details": details.name, "parts": guard_parts(files)}
    if mirror is not None:
        packages = mirror.libraries.names_for_guard()
        asked_for.append(Later("libraries.json", hashlib.sha256(packages).hexdigest(), lambda: packages))
        given["libraries"] = mirror.libraries.for_guard(asked_for[-1].name)
    code = files["guard.js"]
    files["guard.js"] = rules.script(code, own_cookies, **given)
    if not rules.tells:  # for pages whose notice names services with signals that the policy does not declare
        files["guard.tells.js"] = rules.script(code, own_cookies, **given, tells=True)
    late = files["banner-more.js"] = late_banner_script(files["banner-more.js"], policy)
    files["banner.js"] = banner_script(files["banner.js"], policy, late=hashed_name("banner-more.js", late))
    style = files["banner.css"]
    files["banner.css"] = banner_style(style, policy)
    files["page.css"] = page_style(style, policy)
    files["frame.css"] = frame_style(style, policy)
    return Assets(f"{prefix}/assets", files, later=asked_for)


def _identity(policy: Policy, assets: Assets, renderer: Renderer) -> str:
    """Return a digest of everything that shapes this site's pages: version, policy, assets, templates and texts."""
    folders = {"banner": {"locales", "templates"}}
    declared = policy.model_dump_json(exclude={**folders, "next": folders})
    text = repr([__version__, declared, sorted(assets.urls.items()), renderer.own_files()])
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()
