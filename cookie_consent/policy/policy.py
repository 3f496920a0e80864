"""``Policy``: all that a site declares."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - pydantic reads the annotation
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, model_validator

from cookie_consent.policy.builtin import BUILTIN_CATEGORIES
from cookie_consent.policy.lasting import home_of
from cookie_consent.policy.model import (
    AS_KEPT,
    UNCLASSIFIED,
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
from cookie_consent.policy.moment import Moment, instant
from cookie_consent.policy.names import Names
from cookie_consent.policy.registry import registry
from cookie_consent.policy.signals import STORED_TYPES, Signal, SignalOptions
from cookie_consent.policy.undeclared import is_host, undeclared_host

__all__ = ["BUILTIN_CATEGORIES", "UNCLASSIFIED", "Policy", "succession_fault", "untold"]


class Policy(Model):
    """All that a site declares. Immutable; one is shared by all requests."""

    version: Annotated[str, Field(min_length=1, max_length=32)]
    """The policy's version, a label for people. What was not named to visitors decides who is asked again."""
    ask_again_since: date | None = None
    """From this date on (UTC), everybody who chose before it is asked again, about everything."""
    effective: Moment | None = None
    """When the policy comes into force: a date, or a time such as ``2026-12-01T12:00:00+01:00``. It is UTC, unless an
    offset is given. A policy that is to replace another one is announced until then: see ``next``."""
    site: HostRule | None = None
    """The site's host. Without it, it is the host of each request. Declare it if a proxy replaces `Host`."""
    first_party: tuple[HostRule, ...] = ()
    """More hosts of the site, which are never held back. ``*.x.example`` stands for the subdomains of ``x.example``."""
    first_party_site: bool = True
    """Hosts of the site's registrable domain are first party: on ``www.shop.example``, ``shop.example`` and all its
    subdomains. The Public Suffix List says what a registrable domain is."""
    unknown_hosts: Literal["ask", "block", "allow"] = "ask"
    """What happens to undeclared hosts. ``ask`` holds them back as *unclassified*, which names those that the site's
    pages load, until its switch is set; ``block`` never loads them."""
    unknown_cookies: Literal["session", "block", "ask", "allow"] = "session"
    """What happens to undeclared cookies. ``session`` keeps them until the browser closes; ``ask`` holds them back as
    *unclassified* until its switch is set."""
    inventory: bool | None = None
    """Whether notices also name the known services that the site's own pages are found to load. The default is true if
    the policy declares no service. What no notice names is held."""
    gate: GateOptions = GateOptions()
    """What enforces the visitor's choice on a page."""
    signals: SignalOptions = SignalOptions()
    """Which vendors are told of the visitor's choice."""
    limits: LimitOptions = LimitOptions()
    """How many choices are accepted."""
    controller: Controller | None = None
    """Who is responsible for the site."""
    banner: BannerOptions = BannerOptions()
    """How the banner looks, and in which languages it is shown."""
    cookie: CookieOptions = CookieOptions()
    """The consent cookie."""
    retention: Seconds | None = None
    """How long records are kept, such as ``3y``. ``cookie-consent log prune`` deletes older ones. Without it they are
    kept for ever."""
    categories: tuple[Category, ...] = BUILTIN_CATEGORIES
    """The categories, as tables by name. The built-in ones can be changed or removed, and others added."""
    services: tuple[Service, ...] = ()
    """The services that the site uses, as tables by name. For one in the registry, the name alone is enough."""
    cookies: tuple[CookieRule, ...] = ()
    """The site's own cookies. Each names its category."""
    next: Policy | None = None
    """The policy that replaces this one when it comes into force: a whole policy, with ``version`` and
    ``effective``. It may also stand in a file of its own, ``consent.next.toml``."""

    @model_validator(mode="after")
    def _comes_before_the_next(self) -> Self:
        fault = succession_fault(self, self.next) if self.next is not None else None
        if fault is not None:
            raise ValueError(" ".join(fault))
        return self

    @model_validator(mode="after")
    def _tells_before(self, info: ValidationInfo) -> Self:
        for service in self.services if info.context != AS_KEPT else ():
            if (fault := untold(self, service)) is not None:
                raise ValueError(f"services.{service.id}.consent_mode {' '.join(fault)}")
        return self

    def at(self, now: datetime) -> Policy:
        """Return the policy in force at a time, which has a time zone: this one, or the one that replaces it."""
        later = self.next
        return later if later is not None and later.effective is not None and instant(later.effective) <= now else self

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

    @property
    def has_inventory(self) -> bool:
        """Whether notices also name the known services that the site's own pages are found to load."""
        return self.inventory if self.inventory is not None else not self.services

    @cached_property
    def sold_ids(self) -> frozenset[str]:
        """The ids of the categories that Global Privacy Control refuses."""
        return frozenset(category.id for category in self.categories if category.sale_or_sharing)

    @cached_property
    def advanced(self) -> tuple[Service, ...]:
        """The services that load before visitors have chosen, told that consent is denied."""
        return tuple(
            service
            for service in self.services
            if service.consent_mode == "advanced" and home_of(self, service.category) not in self.required_ids
        )

    @cached_property
    def names(self) -> Names:
        """The names by which answers remember what a notice named."""
        return Names(self)

    def category(self, category_id: str) -> Category | None:
        """Return the category of that id, or None."""
        for category in self.categories:  # a loop, since it is asked often: a generator takes twice the time
            if category.id == category_id:
                return category
        return None

    def service(self, service_id: str) -> Service | None:
        """Return the declared service of that id, or None."""
        return next((service for service in self.services if service.id == service_id), None)

    def contacted_in(self, category_id: str) -> tuple[Service, ...]:
        """Return the registry's services of a category that have hosts and that the policy does not declare."""
        known, declared = registry(), {service.id for service in self.services}
        return tuple(
            known[service_id]
            for service_id in known.in_category(category_id)
            if service_id in known.contacted and service_id not in declared
        )

    def writes_hosts(self, service: Service) -> bool:
        """Return whether the hosts of a declared service are the site's own words, rather than the registry's."""
        known = registry().get(service.id)
        return known is None or service.hosts != known.hosts

    def known_service(self, service_id: str) -> Service | None:
        """Return the service of that id, from the policy or else from the registry, or None.

        An undeclared host is one of *unclassified*, where visitors are asked about such hosts.
        """
        known = self.service(service_id) or registry().get(service_id)
        if known is None and self.unknown_hosts == "ask" and is_host(service_id):
            return undeclared_host(service_id)
        return known


def untold(policy: Policy, service: Service) -> tuple[str, str] | None:
    """Return why a service in advanced mode would not be told *denied* under the policy: cause and fix."""
    if service.consent_mode == "basic":
        return None
    if not policy.gate.guard:
        return "needs the guard, which tells the service that consent is denied", "remove guard = false from [gate]"
    google = policy.signals.google
    for consent_type in STORED_TYPES if service.google_consent_mode else ():
        state = google.mapping.get(consent_type)
        if state is not None and _needs_no_consent(policy, state):
            return (
                f"is not told 'denied': Google's {consent_type} follows {state!r}, which needs no consent",
                f"change signals.google.mapping.{consent_type}, or remove consent_mode",
            )
    if any(signal.tells_before and _can_deny(policy, signal) for signal in service.signals):
        return None
    if not service.google_consent_mode:
        return (
            "is not told 'denied': the values of its signals follow what needs no consent",
            "write an empty text, which is the service itself, or remove consent_mode",
        )
    if google.told is False:
        return "needs Google to be told, which is switched off", "remove google = false from [signals]"
    if google.regions:
        return (
            "loads the service everywhere, but Google is told 'denied' in signals.google.regions alone",
            "remove regions, or consent_mode",
        )
    return None


def _can_deny(policy: Policy, signal: Signal) -> bool:
    """Return whether what the signal says depends on the visitor, or says the same to all who have not chosen."""
    values = signal.values
    states = [values] if isinstance(values, str) else list(values.values()) if values is not None else []
    return not states or not all(_needs_no_consent(policy, state) for state in states)


def _needs_no_consent(policy: Policy, state: str) -> bool:
    """Return whether a state, a category or a service, is granted to everybody."""
    service = policy.known_service(state) if policy.category(state) is None else None
    return (home_of(policy, service.category) if service is not None else state) in policy.required_ids


def succession_fault(present: Policy, following: Policy) -> tuple[str, str, str] | None:
    """Return why ``following`` cannot replace ``present``: key, cause and fix. None if it can."""
    if following.next is not None:
        return "next", "cannot be followed by a third policy", "remove it until this one is in force"
    if following.effective is None:
        return "effective", "is missing", "say when it replaces the present policy: effective = 2026-12-01"
    if present.effective is not None and instant(following.effective) <= instant(present.effective):
        return "effective", "is not later than that of the present policy", "write a later date"
    if following.version == present.version:
        return "version", "is that of the present policy", "write another one, such as the date from which it applies"
    return None
