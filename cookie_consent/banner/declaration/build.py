"""Make the declaration of a policy."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.declaration.links import browsers, contact_link, opt_outs, outside_link
from cookie_consent.banner.declaration.structure import (
    CategoryEntry,
    Contact,
    Declaration,
    Fact,
    Library,
    ServiceEntry,
    StoredEntry,
)
from cookie_consent.banner.view import ahead_text, category_views, own_text
from cookie_consent.consent import own_cookies
from cookie_consent.policy import UNCLASSIFIED, instant
from cookie_consent.policy.name_pattern import without_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from cookie_consent.banner.locale import Locale
    from cookie_consent.banner.view import CategoryView
    from cookie_consent.policy import Category, CookieRule, Policy, Service, StorageRule

__all__ = ["day_of", "declaration"]

_STATE = "cookie_consent.state"
"""The key under which the guard keeps the choice, for the other pages that are open."""
_REVISION = "cookie_consent.revision"
"""The key under which the banner keeps which announced policy the visitor wants to hear no more of."""


def declaration(
    policy: Policy,
    locale: Locale,
    *,
    offered: AbstractSet[str],
    mirrored: Iterable[str] = (),
    libraries: Iterable[str] = (),
    secure: bool = True,
) -> Declaration:
    """Return the declaration in one language. ``mirrored`` are the hosts whose libraries the site serves itself,
    and ``libraries`` those that it was found to use, as the inventory names them.

    ``offered`` are the optional categories that visitors are asked about. The names of our own cookies depend on
    ``secure``: whether the site is visited by https.
    """
    entries = _Entries(policy, locale, offered=offered, secure=secure)
    return Declaration(
        language=locale.language,
        direction=locale.direction,
        site=policy.site or "",
        version=policy.version,
        revised=day_of(policy),
        effective=policy.effective,
        categories=tuple(entries.categories()),
        mirrored=tuple(sorted(mirrored)),
        libraries=tuple(map(_library, libraries)),
        contact=_contact(policy, locale),
        browsers=browsers(locale),
        opt_outs=opt_outs(),
        ahead=ahead_text(entries.views, locale),
    )


def _library(name: str) -> Library:
    host, _, package = name.partition("/")
    at = package.find("@", 1)  # the first character is that of a scope
    return Library(name=package[:at] if at > 0 else package, version=package[at + 1 :] if at > 0 else "", host=host)


def day_of(policy: Policy) -> date | None:
    """Return the day of the version, where the version is one; else the day from which the policy applies."""
    try:
        return date.fromisoformat(policy.version)
    except ValueError:  # the version is a label
        return instant(policy.effective).date() if policy.effective is not None else None


def _contact(policy: Policy, locale: Locale) -> Contact:
    controller = policy.controller
    if controller is None:
        return Contact()
    texts = {
        "controller": controller.name,
        "address": controller.address,
        "contact": controller.contact,
        "representative": controller.representative,
        "data_protection_officer": controller.data_protection_officer,
    }
    facts = tuple(
        Fact(
            key=key,
            label=locale.text(f"declaration.{key}"),
            text=text.strip(),
            link=contact_link(text) if key in {"contact", "data_protection_officer"} else "",
        )
        for key, text in texts.items()
        if text.strip()
    )
    name = controller.authority or controller.authority_url
    link = outside_link(controller.authority_url)
    label = locale.text("declaration.authority")
    authority = (Fact(key="authority", label=label, text=name, link=link),) if name else ()
    return Contact(facts=facts, authority=authority)


class _Entries:
    """Makes the entries of a policy's categories, services and cookies."""

    def __init__(self, policy: Policy, locale: Locale, *, offered: AbstractSet[str], secure: bool) -> None:
        self._policy = policy
        self._locale = locale
        self._secure = secure
        self.views = category_views(policy, locale, offered=offered)
        self._names = {view.id: view.name for view in category_views(policy, locale)}

    def categories(self) -> Iterator[CategoryEntry]:
        for view in self.views:
            category = self._policy.category(view.id)
            if category is not None:
                yield self._category(category, view)

    def _category(self, category: Category, view: CategoryView) -> CategoryEntry:
        services = [self._site(category), *(self._service(service, category) for service in self._policy.services)]
        on_demand = (self._policy.known_service(service.id) for service in view.on_demand)
        return CategoryEntry(
            id=category.id,
            name=view.name,
            required=category.required,
            facts=tuple(self._category_facts(category, view)),
            services=tuple(entry for entry in services if entry is not None),
            on_demand=tuple(
                ServiceEntry(id=service.id, name=service.name, facts=tuple(self._service_facts(service)), stored=())
                for service in on_demand
                if service is not None
            ),
        )

    def _category_facts(self, category: Category, view: CategoryView) -> Iterator[Fact]:
        if view.purpose:
            yield self._fact("purpose", view.purpose)
        if not category.required:
            yield self._fact("basis", self._text("basis_consent"))
        else:
            basis = f"basis_{category.legal_basis.replace('-', '_')}" if category.legal_basis is not None else ""
            also = [self._text(basis)] if basis else []
            yield self._fact("basis", self._locale.text("list_separator").join([self._text("basis_exempt"), *also]))
        if view.consequence and not category.required:
            yield self._fact("consequence", view.consequence)

    def _site(self, category: Category) -> ServiceEntry | None:
        """Return what the site itself and this package store; None where that is nothing."""
        stored = [self._cookie(rule, category) for rule in self._policy.cookies if self._home(rule) == category.id]
        if category.id == "session":
            stored = [*self._own(), *stored]
        if not stored:
            return None
        return ServiceEntry(id="", name=self._policy.site or self._text("site"), facts=(), stored=tuple(stored))

    def _own(self) -> Iterator[StoredEntry]:
        """Yield what this package stores: the choice, and what it needs for it."""
        for key, name, lasting in own_cookies(self._policy.cookie, secure=self._secure):
            if key == "gpc" and not self._policy.gate.guard:
                continue  # the guard sets it
            lifetime = duration_in(self._locale, lasting) if lasting is not None else self._text("lifetime_session")
            yield self._stored(name, "cookie", self._text(f"own_{key}"), lifetime, "first", self._exempt("choice"))
        if self._policy.gate.guard:
            purpose, lifetime = self._text("own_state"), self._text("lifetime_storage")
            yield self._stored(_STATE, "storage", purpose, lifetime, "first", self._exempt("choice"))
        if self._policy.next is not None:
            purpose, lifetime = self._text("own_revision"), self._text("lifetime_storage")
            yield self._stored(_REVISION, "storage", purpose, lifetime, "first", self._exempt("input"))

    def _service(self, service: Service, category: Category) -> ServiceEntry | None:
        """Return a service with what it stores for this category; None where it has nothing to do with it."""
        home = service.category if self._policy.category(service.category) is not None else UNCLASSIFIED
        # What other hosts set, they set once the service is agreed to, whatever it is for.
        homes = ((rule, self._home(rule, home) if rule.party == "first" else home) for rule in service.cookies)
        cookies = [rule for rule, wanted in homes if wanted == category.id]
        if home != category.id and not cookies:
            return None
        stored = [self._cookie(rule, category) for rule in cookies]
        if home == category.id:
            stored += [self._storage(rule, category) for rule in service.storage]
        facts = tuple(self._service_facts(service))
        return ServiceEntry(id=service.id, name=service.name, facts=facts, stored=tuple(stored))

    def _home(self, rule: CookieRule, default: str = UNCLASSIFIED) -> str:
        wanted = rule.category or default
        return wanted if self._policy.category(wanted) is not None else UNCLASSIFIED

    def _service_facts(self, service: Service) -> Iterator[Fact]:
        purpose = own_text(service.purpose, self._locale)
        if purpose:
            yield self._fact("purpose", purpose)
        if service.company:
            yield self._fact("company", service.company)
        if service.country is not None:
            yield self._fact("country", self._country(service.country))
        if service.transfers:
            names = (self._country(code) for code in service.transfers)
            yield self._fact("transfers", self._locale.text("list_separator").join(names))
        if service.safeguard is not None:
            yield self._fact("safeguard", self._text(f"safeguard_{service.safeguard.replace('-', '_')}"))
        if service.retention is not None:
            yield self._fact("retention", duration_in(self._locale, service.retention))
        if service.privacy_url:
            yield self._fact("privacy", service.privacy_url, outside_link(service.privacy_url))
        if service.opt_out_url:
            yield self._fact("opt_out", service.opt_out_url, outside_link(service.opt_out_url))

    def _cookie(self, rule: CookieRule, category: Category) -> StoredEntry:
        exempt = self._exempt(rule.exempt) if category.required else ""
        purpose = own_text(rule.purpose, self._locale)
        return self._stored(
            without_runs(rule.name), "cookie", purpose, self._lifetime(rule, category), rule.party, exempt
        )

    def _storage(self, rule: StorageRule, category: Category) -> StoredEntry:
        exempt = self._exempt(None) if category.required else ""
        purpose = own_text(rule.purpose, self._locale)
        return self._stored(
            without_runs(rule.name), "storage", purpose, self._text("lifetime_storage"), "first", exempt
        )

    def _stored(  # noqa: PLR0917 - the name, and then the facts in their order
        self, name: str, kind: str, purpose: str, lifetime: str, party: str, exempt: str
    ) -> StoredEntry:
        facts = [self._fact("purpose", purpose)] if purpose else []
        facts += [self._fact("lifetime", lifetime), self._fact("party", self._text(f"party_{party}"))]
        facts += [self._fact("kind", self._text(f"kind_{kind}"))]
        facts += [self._fact("exempt", exempt)] if exempt else []
        return StoredEntry(name=name, kind="cookie" if kind == "cookie" else "storage", facts=tuple(facts))

    def _lifetime(self, rule: CookieRule, category: Category) -> str:
        """Return what the gate lets through: see ``gate.cookies``. It does not see what other hosts set."""
        is_own = rule.party == "first"
        caps = [cap for cap in (rule.max_age, category.max_age if is_own else None) if cap is not None]
        limit = duration_in(self._locale, min(caps)) if caps else self._text("lifetime_open")
        if not is_own:
            return limit
        lasting = rule.persist or ("login" if category.id == "login" and not category.required else None)
        if lasting is not None and lasting in self._names:
            return self._locale.text("declaration.lifetime_consented", category=self._names[lasting], limit=limit)
        return self._text("lifetime_session") if category.id == "session" or lasting is not None else limit

    def _exempt(self, reason: str | None) -> str:
        return self._text(f"exempt_{(reason or 'input').replace('-', '_')}")

    def _country(self, code: str) -> str:
        return self._locale.texts.get(f"countries.{code}", code)

    def _fact(self, key: str, text: str, link: str = "") -> Fact:
        return Fact(key=key, label=self._text(key), text=text, link=link)

    def _text(self, key: str) -> str:
        return self._locale.text(f"declaration.{key}")
