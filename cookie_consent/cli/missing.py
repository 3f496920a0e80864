"""What a regulator would miss in the cookie declaration of a policy. These are hints: a check does not fail by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cookie_consent.cli.contrast import weak_pairs
from cookie_consent.policy import BUILTIN_CATEGORIES, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.policy import Category, Controller, CookieRule, Policy, Service
    from cookie_consent.policy.model import BannerOptions

__all__ = ["missing", "tell_missing"]

_EEA = frozenset("AT BE BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LI LT LU MT NL NO PL PT RO SK SI ES SE".split())
"""The European Economic Area, within which data needs no safeguard (GDPR, Article 44)."""
_SERVICE = {
    "company": "who runs it",
    "country": "the company's country, such as 'US'",
    "retention": "how long the company keeps the data, such as '14mo'",
    "purpose": "what the site uses it for",
    "privacy_url": "the address of its privacy policy",
}
_SHOWN = 3
"""How many names a hint has."""
_OPT_OUTS = 730 * 86_400
"""The seconds of 24 months, which have 730 days or more."""


def missing(policy: Policy) -> list[dict[str, str]]:
    """Return each key that is missing, with what belongs there and who asks for it, in the order of the file."""
    return [{"key": key, "hint": hint} for key, hint in _found(policy)]


def tell_missing(policy: Policy) -> None:
    """Print the hints, where there are any."""
    found = missing(policy)
    if found:
        typer.echo("hints for the cookie declaration:")
    for entry in found:
        typer.echo(f"  {entry['key']}: {entry['hint']}")


def _found(policy: Policy) -> Iterator[tuple[str, str]]:
    yield from _controller(policy.controller)
    yield from _banner(policy.banner)
    if policy.retention is None:
        yield "retention", "say how long records of choices are kept (GDPR, Article 5(1)(e))"
    elif policy.sold_ids and policy.retention < _OPT_OUTS:
        yield "retention", "is less than the 24 months for which California has opt-outs kept (11 CCR 7101)"
    for optional in policy.optional:
        if optional not in BUILTIN_CATEGORIES and optional.id not in policy.names.offered() | {UNCLASSIFIED}:
            yield (
                f"categories.{optional.id}.purposes",
                "nothing is declared in this category, so no visitor is asked about it: declare a service or a cookie "
                'in it, or say here what the site does for it, such as { offers = "Shows what goes with your order" }',
            )
    for service in policy.services:
        yield from _service(service, policy)
    for name, other in sorted(policy.names.unnamable.items()):
        yield (
            f"services.{name}",
            f"no notice can name this known service, so it stays held: the consent cookie cannot tell it from {other}. "
            f"If the site uses it, give {other} another id or name, such as the same with a digit at its end",
        )
    for index, rule in enumerate(policy.cookies):
        category = policy.category(rule.category or "")
        has_limit = _has_limit(rule, category)
        yield from _cookie(f"cookies.{index}", rule.name, rule.purpose, has_limit=has_limit)
        if category is not None and category.required and rule.exempt is None:
            yield f"cookies.{index}.exempt", f"say why {rule.name} needs no consent (ePrivacy Directive, Article 5(3))"


def _banner(options: BannerOptions) -> Iterator[tuple[str, str]]:
    if not options.privacy_url:
        yield "banner.privacy_url", "give the address of the site's privacy policy"
    if options.reopen == "none":
        hint = "withdrawing must be as easy as giving (GDPR, Article 7(3)): link to the settings on every page yourself"
        yield "banner.reopen", hint
    if "it" in options.languages and not options.close:
        hint = "write close = true: the Garante asks for an X that refuses (decision 231 of 10 June 2021, 9677876)"
        yield "banner.close", hint
    yield from weak_pairs(options)


def _controller(controller: Controller | None) -> Iterator[tuple[str, str]]:
    if controller is None:
        yield "controller", "say who is responsible: name, address and contact (GDPR, Article 13(1)(a))"
        return
    if not controller.address:
        yield "controller.address", "give the postal address (GDPR, Article 13(1)(a))"
    if not controller.contact:
        yield "controller.contact", "say how to reach them (GDPR, Article 13(1)(a))"
    if not controller.authority:
        yield "controller.authority", "name the authority that receives complaints (GDPR, Article 13(2)(d))"


def _service(service: Service, policy: Policy) -> Iterator[tuple[str, str]]:
    key = f"services.{service.id}"
    # A framework's cookies go to no company.
    if service.hosts:
        for name, text in _SERVICE.items():
            if not getattr(service, name):
                yield f"{key}.{name}", f"say {text}" if name != "privacy_url" else f"give {text}"
    if service.privacy_url and not service.privacy_url.startswith(("https://", "/")):
        yield f"{key}.privacy_url", "is not an https address, so the declaration does not link to it"
    abroad = [code for code in (service.country, *service.transfers) if code is not None and code not in _EEA]
    if abroad and service.safeguard is None:
        yield f"{key}.safeguard", f"say what protects data in {', '.join(abroad)} (GDPR, Articles 44 to 49)"
    if service in policy.advanced:
        yield f"{key}.consent_mode", _advanced(service)
    for index, rule in enumerate(service.cookies):
        category = policy.category(rule.category or service.category)
        has_limit = _has_limit(rule, category)
        yield from _cookie(f"{key}.cookies.{index}", rule.name, rule.purpose, has_limit=has_limit)
    for index, stored in enumerate(service.storage):
        if not stored.purpose:
            yield f"{key}.storage.{index}.purpose", f"say what {stored.name} is for"


def _advanced(service: Service) -> str:
    """Return what advanced mode means by law."""
    theirs = sorted({rule.name for rule in service.cookies if rule.party == "third"})
    hint = (
        "'advanced' loads its scripts and sends pings before anybody has agreed. That is access to the device, which "
        "needs consent (ePrivacy Directive, Article 5(3), as EDPB Guidelines 2/2023 read it): get legal advice before "
        "you use it for visitors in Europe"
    )
    if not theirs:
        return hint
    shown = ", ".join(theirs[:_SHOWN]) + (", …" if len(theirs) > _SHOWN else "")
    return f"{hint}. Cookies that its own hosts set, such as {shown}, cannot be held then"


def _has_limit(rule: CookieRule, category: Category | None) -> bool:
    """Return whether the gate limits the lifetime. What is of the category ``session`` ends with the browser."""
    if rule.max_age is not None or category is None or rule.party == "third":
        return rule.max_age is not None
    return category.max_age is not None or (category.id == "session" and rule.persist is None)


def _cookie(key: str, name: str, purpose: object, *, has_limit: bool) -> Iterator[tuple[str, str]]:
    if not purpose:
        yield f"{key}.purpose", f"say what {name} is for"
    if not has_limit:
        yield f"{key}.max_age", f"limit the lifetime of {name} (CJEU, C-673/17, Planet49)"
