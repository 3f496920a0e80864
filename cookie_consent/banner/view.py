"""A policy's categories and services, in one language, for the templates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cookie_consent.banner.negotiate import find_language
from cookie_consent.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from cookie_consent.banner.locale import Locale
    from cookie_consent.consent import Consent
    from cookie_consent.policy import Category, Policy, Service, Text

__all__ = [
    "CategoryView",
    "ServiceView",
    "ahead_text",
    "category_views",
    "own_text",
    "purposes_of",
    "safe_link",
    "with_consent",
]


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """A service for the templates. ``exception`` is ``1``, ``0``, or empty if its category decides."""

    id: str
    name: str
    company: str
    purpose: str
    privacy_url: str
    exception: str = ""
    ahead: bool = False
    """It loads before the visitor has chosen (``consent_mode``)."""

    @property
    def label(self) -> str:
        """The name, with the company unless the name contains it."""
        if self.company and self.company.casefold() not in self.name.casefold():
            return f"{self.name} ({self.company})"
        return self.name


@dataclass(frozen=True, kw_only=True)
class CategoryView:
    """A category for the templates."""

    id: str
    name: str
    purpose: str
    consequence: str
    required: bool
    sale_or_sharing: bool
    services: tuple[ServiceView, ...]
    on_demand: tuple[ServiceView, ...] = ()
    """Undeclared services that need no consent: only pages that need them contact them."""
    granted: bool = False

    @property
    def has_purpose(self) -> bool:
        """Whether anybody has said what it is for: "Accept all" grants it."""
        return self.id != UNCLASSIFIED


def category_views(
    policy: Policy, locale: Locale, *, offered: AbstractSet[str] | None = None
) -> tuple[CategoryView, ...]:
    """Return the categories to show: the required ones, and then those that are ``offered``; None: all."""
    optional = policy.optional_ids if offered is None else offered
    shown = [category for category in policy.categories if category.required or category.id in optional]
    known = {category.id for category in policy.categories}
    views = []
    for category in sorted(shown, key=lambda entry: not entry.required):
        services = [
            service
            for service in policy.services
            if (service.category if service.category in known else UNCLASSIFIED) == category.id
        ]
        on_demand = list(policy.contacted_in(category.id)) if category.required else []
        on_demand.sort(key=lambda service: service.name.casefold())
        views.append(_category_view(category, services, locale, on_demand))
    return tuple(views)


def with_consent(categories: Iterable[CategoryView], consent: Consent, locale: Locale) -> tuple[CategoryView, ...]:
    """Return the categories with the choices of ``consent``: granted or not, each service with its exception.

    Services with an exception are listed even if the policy does not declare them. Otherwise saving the page would lose
    the exception.
    """
    result = []
    for category in categories:
        listed = {service.id: service for service in category.services}
        for service_id in sorted(consent.services):
            known = consent.policy.known_service(service_id)
            if service_id not in listed and known is not None and known.category == category.id:
                listed[service_id] = _service_view(known, locale)
        services = tuple(replace(service, exception=_exception(consent, service.id)) for service in listed.values())
        result.append(replace(category, granted=category.id in consent.granted, services=services))
    return tuple(result)


def purposes_of(categories: Iterable[CategoryView], locale: Locale) -> str:
    """Return the names of the categories that visitors can refuse, but for the one that has no purpose."""
    names = [view.name for view in categories if not view.required and view.has_purpose]
    return locale.text("list_separator").join(names)


def ahead_text(categories: Iterable[CategoryView], locale: Locale) -> str:
    """Return what is said of the services that load before visitors have chosen; empty if there are none."""
    ahead = [service.label for view in categories if not view.required for service in view.services if service.ahead]
    return locale.text("banner.ahead", services=locale.text("list_separator").join(ahead)) if ahead else ""


def safe_link(url: str) -> str:
    """Return ``url`` if it is an http(s) address or a path of this site, otherwise an empty string.

    The policy is the site's own, but a ``javascript:`` address in it must not become a link.
    """
    lowered = url.strip().lower()
    if lowered.startswith(("https://", "http://")) or (url.startswith("/") and not url.startswith("//")):
        return url.strip()
    return ""


def _exception(consent: Consent, service_id: str) -> str:
    own = consent.services.get(service_id)
    return "" if own is None else "1" if own else "0"


def _category_view(
    category: Category, services: Iterable[Service], locale: Locale, on_demand: Iterable[Service]
) -> CategoryView:
    return CategoryView(
        id=category.id,
        name=own_text(category.name, locale) or locale.category(category.id, "name") or category.id,
        purpose=_purpose(category, locale),
        consequence=own_text(category.consequence, locale) or locale.category(category.id, "consequence") or "",
        required=category.required,
        sale_or_sharing=category.sale_or_sharing,
        services=tuple(_service_view(service, locale) for service in services),
        on_demand=tuple(_service_view(service, locale) for service in on_demand),
    )


def _purpose(category: Category, locale: Locale) -> str:
    """Return what a category is for, with what the site itself does in it."""
    text = own_text(category.purpose, locale) or locale.category(category.id, "purpose") or ""
    return " ".join(filter(None, [text, *(own_text(purpose, locale) for purpose in category.purposes.values())]))


def _service_view(service: Service, locale: Locale) -> ServiceView:
    return ServiceView(
        id=service.id,
        name=service.name,
        company=service.company,
        purpose=own_text(service.purpose, locale),
        privacy_url=safe_link(service.privacy_url),
        ahead=service.consent_mode == "advanced",
    )


def own_text(text: Text | None, locale: Locale) -> str:
    """Return the policy's text in the locale's language, as ``find_language`` finds it, else in the first one given.

    A purpose of the registry has a text in every language.
    """
    if text is None or isinstance(text, str):
        return locale.texts.get(f"purposes.{text}", text) if text else ""
    tag = find_language(locale.language, tuple(text))
    return text[tag] if tag is not None else next(iter(text.values()), "")
