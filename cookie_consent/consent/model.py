"""What a visitor chose."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.logs import log_once
from cookie_consent.policy import UNCLASSIFIED, home_of

if TYPE_CHECKING:
    from datetime import datetime

    from cookie_consent.policy import Policy

__all__ = ["RENDERER", "Consent", "consent_of", "scope_of"]

RENDERER = "cookie_consent.renderer"
"""The key of a scope under which the pages' renderer stands, with the path that the application is mounted at."""
_BRIDGED = "asgi.scope"
"""Where a2wsgi keeps the ASGI scope in a WSGI environ."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """The choices of one visitor under one policy. Immutable.

    ``granted`` holds the categories agreed to, including the required ones. ``services`` holds the exceptions: a
    service named there is allowed or refused whatever its category is. Until the visitor has ``decided``, categories
    are ``unanswered``, which allows no more than a refusal. Single services may have been answered by then.
    """

    policy: Policy = field(repr=False, compare=False)
    granted: frozenset[str]
    services: Mapping[str, bool] = field(default_factory=dict)
    decided: bool = False
    """Every category has an answer."""
    id: str | None = None
    """The random id of this visitor's choices, never a user name. None before the first choice, and after a refusal."""
    record: str | None = None
    """The id of the latest choice's record in the log. None whenever ``id`` is."""
    decided_at: datetime | None = None
    """When the choice was made. For a refusal: the start of that day (UTC)."""
    visit: frozenset[str] = frozenset()
    """The services that are allowed for this visit only. ``services`` has them too."""
    covered: Mapping[str, bool] = field(default_factory=dict, repr=False, hash=False)
    """The lasting answers for the services in ``visit``, which apply again after it."""
    gpc: bool = False
    """The request carried Global Privacy Control (``Sec-GPC: 1``)."""
    overruled: bool = False
    """Global Privacy Control overrules some of what was agreed to without it."""
    opted_out: bool = field(default=False, compare=False)
    """The visitor has opted out of sale and sharing by Global Privacy Control, now or in the past twelve months, and
    has not agreed to it since: the banner does not ask by itself."""
    made_with_gpc: bool = field(default=False, compare=False)
    """The choice was made while the browser sent Global Privacy Control, so GPC does not overrule it."""
    names: str = field(default="", repr=False, compare=False)
    """What the answered notice named, as ``Policy.names`` writes it. Empty if that is unknown."""
    named: frozenset[str] | None = field(default=None, repr=False, compare=False)
    """The ids of the services that the notice named as they are now: a granted category covers no others. None: all."""
    pending: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The ids of services in granted categories that the site's notice names and the answered one did not."""
    reopened: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The categories that the site's notice offers and the answered one did not as they are now. With any, all is asked
    again, while the answers to the others stay."""
    offered: frozenset[str] | None = field(default=None, repr=False, compare=False)
    """The categories that the site's notice offers; None where that is unknown."""
    framed: bool = field(default=False, compare=False)
    """The choice was made in a page that another site shows in a frame, and counts below that site only."""

    unsure: bool = field(default=False, compare=False)
    """The visitor may have made a choice that did not come with the request, or is not asked on this page: nothing
    loads ahead of it."""

    @property
    def policy_version(self) -> str:
        """The version of the policy that the choice applies to."""
        return self.policy.version

    @property
    def refused(self) -> frozenset[str]:
        """The categories that the visitor has refused, or Global Privacy Control for them."""
        return self.policy.optional_ids - self.granted - self.unanswered

    @property
    def unanswered(self) -> frozenset[str]:
        """The categories that are neither granted nor refused."""
        left = (self.reopened if self.is_complete else self.policy.optional_ids) - self.granted
        return left - self.policy.sold_ids if self.gpc else left

    @property
    def asked(self) -> frozenset[str]:
        """The optional categories that the answered notice offered, or that Global Privacy Control answers.

        Where the notice is unknown, they are those that the policy offers. The others are not granted either, but
        nobody was asked about them.
        """
        names, signalled = self.policy.names, self.policy.sold_ids if self.gpc else frozenset()
        if not self.names:
            return names.offered() | signalled
        coverage = names.read(self.names)
        return coverage.asked | signalled if coverage is not None else signalled

    @property
    def is_complete(self) -> bool:
        """Whether every category had an answer, though categories that are new, and new services, may have none yet."""
        return self.decided or bool(self.pending or self.reopened)

    @property
    def is_refusal(self) -> bool:
        """Whether nothing optional is granted. What is unanswered is not."""
        return self.granted <= self.policy.required_ids and not any(self.services.values())

    @property
    def grants_no_sale(self) -> bool:
        """Whether no category is granted that Global Privacy Control refuses, though the policy has some."""
        sold = self.policy.sold_ids
        return bool(sold) and sold.isdisjoint(self.granted)

    @property
    def lasting(self) -> Consent:
        """The consent without what is allowed for this visit only."""
        if not self.visit:
            return self
        services = {name: on for name, on in self.services.items() if name not in self.visit}
        return replace(self, services={**services, **self.covered}, visit=frozenset(), covered={})

    @cached_property
    def ahead(self) -> frozenset[str]:
        """The ids of the services that load before the visitor has chosen, as the policy has them in advanced mode.

        They are none of those that were refused, by the visitor or by Global Privacy Control, and store nothing:
        ``covers`` does not have them.
        """
        policy = self.policy
        if self.unsure or not policy.advanced:
            return frozenset()
        open_ = self.unanswered - (policy.sold_ids if self.opted_out else frozenset())
        homes = {service.id: home_of(policy, service.category) for service in policy.advanced}
        return frozenset(name for name, home in homes.items() if home in open_ and name not in self.services)

    @cached_property
    def state(self) -> tuple[object, ...]:
        """What is agreed to, regardless of who agreed and when. Visitors with equal states see the same pages."""
        gpc = self.gpc, self.made_with_gpc
        services = tuple(sorted(self.services.items()))
        named = self.effective_names, tuple(sorted(self.pending)), tuple(sorted(self.reopened))
        granted, ahead = tuple(sorted(self.granted)), tuple(sorted(self.ahead))
        visit = tuple(sorted(self.visit))
        return (self.decided, gpc, self.opted_out, self.framed, granted, services, visit, named, ahead)

    @cached_property
    def effective_names(self) -> tuple[str, ...] | None:
        """The sorted ids of the services that granted categories cover; None: all of them."""
        if self.named is None:
            return None
        return tuple(filter(self.is_in_granted, sorted(self.named)))

    def allows(self, category: str) -> bool:
        """Return whether ``category`` may be used. False for a category that the policy does not have.

        Nobody is asked about a category in which nothing is declared: it is never granted, and the log says so once.
        """
        if category in self.granted:
            return True
        if self.offered is not None and category in self.policy.optional_ids - self.offered - {UNCLASSIFIED}:
            _tell_of_not_offered(category, is_final=not self.policy.has_inventory)
        return False

    def covers(self, category: str, service: str | None) -> bool:
        """Return whether something of ``service`` and ``category`` may be used. The service's exception comes first."""
        own = self.services.get(service) if service is not None else None
        if own is not None:
            return own
        return category in self.granted and (service is None or self._names(service))

    def _names(self, service: str) -> bool:
        """Return whether the notice named the service, or need not have named it: it is necessary."""
        return self.named is None or service in self.named or not self.policy.names.has_to_name(service)

    def is_in_granted(self, service: str) -> bool:
        """Return whether the service's category is granted, whether or not that covers the service."""
        known = self.policy.known_service(service)
        return known is not None and home_of(self.policy, known.category) in self.granted

    def allows_service(self, service: str) -> bool:
        """Return whether the service may be used: by its own exception if there is one, else by its category.

        ``service`` is an id of the policy or of the registry. False for an id that neither knows.
        """
        known = self.policy.known_service(service)
        if known is None:
            return self.services.get(service, False)
        return self.covers(home_of(self.policy, known.category), service)


def _tell_of_not_offered(category: str, *, is_final: bool) -> None:
    """Log that nobody is asked about a category. It is not final before pages were served that may use something."""
    if is_final:
        log_once(
            f"not-offered {category}",
            "the application asks whether %r is agreed to, but nothing is declared in this category, so no visitor "
            "is asked about it; declare a service or a cookie in it, or say what the site does for it under "
            "[categories.%s.purposes]",
            category,
            category,
        )
    else:
        log_once(
            f"not-offered {category}",
            "the application asks whether %r is agreed to, but nothing is declared in this category, and no page was "
            "found to use anything in it so far; until one is, no visitor is asked about it; declare a service or a "
            "cookie in it, or say what the site does for it under [categories.%s.purposes]",
            category,
            category,
        )


def consent_of(request: Any) -> Consent:
    """Return the consent of a request.

    ``request`` is an ASGI scope, or any object with a ``scope`` attribute, such as the requests of Starlette, FastAPI,
    Litestar, Quart and Django. It may also be a WSGI environ, or an object with an ``environ`` attribute, such as the
    requests of Flask and of Django under WSGI, if the ASGI bridge passes the scope on. Raises ``ConfigurationError``,
    which says what is wrong, if there is no consent.
    """
    scope = scope_of(request)
    consent = scope.get("consent")
    if not isinstance(consent, Consent):
        raise ConfigurationError(
            "the request carries no consent: wrap the application in ConsentMiddleware, outside the code that reads it"
        )
    return consent


def scope_of(request: Any) -> Mapping[str, Any]:
    """Return the ASGI scope of a request. Raises ``ConfigurationError``."""
    if not isinstance(request, MutableMapping):
        try:
            scope = getattr(request, "scope", None)
        except NotImplementedError:  # raised by Sanic's own server
            scope = None
        if isinstance(scope, Mapping):
            return scope
        request = getattr(request, "environ", None)
        if not isinstance(request, MutableMapping):
            raise ConfigurationError(
                "this is not a request of an ASGI application: pass consent_of the request, its ASGI scope or its WSGI "
                "environ, and serve the application by ASGI, wrapped in ConsentMiddleware"
            )
    if "wsgi.version" not in request and "REQUEST_METHOD" not in request:
        return request
    scope = request.get(_BRIDGED)
    if not isinstance(scope, Mapping):
        raise ConfigurationError(
            f"the request came by WSGI, and its environ has no {_BRIDGED!r}: serve the application by ASGI, as "
            "ConsentMiddleware(a2wsgi.WSGIMiddleware(app)); the bridges of asgiref, Starlette and uvicorn do not pass "
            "the scope on"
        )
    return scope
