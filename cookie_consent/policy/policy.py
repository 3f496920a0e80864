"""``Policy``: all that a site declares."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotation
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from cookie_consent.policy.duration import parse_duration
from cookie_consent.policy.model import (
    BannerOptions,
    Category,
    Controller,
    CookieOptions,
    CookieRule,
    GateOptions,
    HostRule,
    LimitOptions,
    Model,
    Seconds,
    Service,
)
from cookie_consent.policy.registry import registry

__all__ = ["BUILTIN_CATEGORIES", "UNCLASSIFIED", "Policy"]

UNCLASSIFIED = "unclassified"
"""The category of what neither the site nor the registry knows."""

BUILTIN_CATEGORIES = (
    Category(id="session", required=True),
    Category(id="login"),
    Category(id="preferences"),
    Category(id="analytics", max_age=parse_duration("13mo")),
    Category(id="advertising", sale_or_sharing=True),
    Category(id="social", sale_or_sharing=True),
    Category(id=UNCLASSIFIED, sale_or_sharing=True),
)
"""The categories that exist from the start; their texts are in the locale files.

What nobody has classified may be sold or shared, so a Global Privacy Control signal refuses it too.

Audience measurement without consent has been tied to cookies of at most 13 months (CNIL, guidelines of 17 September
2020); nobody needs longer ones with it."""


class Policy(Model):
    """All that a site declares. Immutable; one is shared by all requests."""

    version: Annotated[str, Field(min_length=1, max_length=32)]
    """The policy's version; a new one asks every visitor again."""
    effective: date | None = None
    """The date from which the policy applies."""
    site: HostRule | None = None
    """The site's host. Without it that is the host of each request."""
    first_party: tuple[HostRule, ...] = ()
    """More hosts of the site, which are never held back; ``*.x.example`` stands for the subdomains of ``x.example``."""
    unknown_hosts: Literal["ask", "block", "allow"] = "ask"
    """What becomes of hosts that nobody declared. ``ask`` holds them back as *unclassified* until accepted, ``block``
    never loads them."""
    unknown_cookies: Literal["session", "block", "ask", "allow"] = "session"
    """What becomes of cookies that nobody declared. ``session`` keeps them until the browser closes, ``ask`` holds them
    back as *unclassified* until accepted."""
    gate: GateOptions = GateOptions()
    """What holds a page to the visitor's choice."""
    limits: LimitOptions = LimitOptions()
    """How many choices are taken."""
    controller: Controller | None = None
    """Who is responsible for the site."""
    banner: BannerOptions = BannerOptions()
    """How the banner looks and which languages it speaks."""
    cookie: CookieOptions = CookieOptions()
    """The consent cookie."""
    retention: Seconds | None = None
    """How long records are kept, such as ``3y``; ``cookie-consent log prune`` deletes older ones. Without it: for
    good."""
    categories: tuple[Category, ...] = BUILTIN_CATEGORIES
    """The categories, as tables by name: those that exist from the start can be changed or removed, others added."""
    services: tuple[Service, ...] = ()
    """The services of the site, as tables by name. For one that the registry knows, the name alone is enough."""
    cookies: tuple[CookieRule, ...] = ()
    """The site's own cookies; each names its category."""

    @property
    def optional(self) -> tuple[Category, ...]:
        """The categories that a visitor can refuse, in order."""
        return tuple(category for category in self.categories if not category.required)

    @cached_property
    def required_ids(self) -> frozenset[str]:
        """The ids of the categories that are always on."""
        return frozenset(category.id for category in self.categories if category.required)

    @cached_property
    def optional_ids(self) -> frozenset[str]:
        """The ids of the categories that a visitor can refuse."""
        return frozenset(category.id for category in self.categories if not category.required)

    def category(self, category_id: str) -> Category | None:
        """Return the category of that id, or None."""
        return next((category for category in self.categories if category.id == category_id), None)

    def service(self, service_id: str) -> Service | None:
        """Return the declared service of that id, or None."""
        return next((service for service in self.services if service.id == service_id), None)

    @property
    def undeclared_services(self) -> tuple[Service, ...]:
        """The services of the registry that the policy does not declare itself."""
        declared = {service.id for service in self.services}
        return tuple(service for service in registry().values() if service.id not in declared)

    def known_service(self, service_id: str) -> Service | None:
        """Return the service of that id, declared or else in the registry, or None."""
        return self.service(service_id) or registry().get(service_id)
