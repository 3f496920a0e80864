"""What changes for visitors from one policy to the next, and what of it an earlier consent does not cover."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, get_args

from cookie_consent.policy.duration import duration_text
from cookie_consent.policy.known_services import purpose_id
from cookie_consent.policy.lasting import (
    SESSION,
    home_of,
    lasts,
    longest,
    needs_consent,
    or_open,
    other_categories,
    step_of,
)
from cookie_consent.policy.model import UNCLASSIFIED
from cookie_consent.policy.names import declared_offer, own_lasts
from cookie_consent.policy.spelling import spelt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cookie_consent.policy.model import Category, CookieRule, Service, StorageRule, Text
    from cookie_consent.policy.policy import Policy

__all__ = ["Change", "Kind", "changes"]

Kind = Literal[
    "version",
    "effective",
    "asked-again",
    "controller",
    "category-added",
    "category-removed",
    "category-optional",
    "category-required",
    "service-added",
    "service-removed",
    "service-moved",
    "service-ahead",
    "service-held",
    "category-offered",
    "category-emptied",
    "purpose-added",
    "purpose-removed",
    "cookie-added",
    "cookie-removed",
    "cookie-moved",
    "storage-added",
    "storage-removed",
    "longer",
    "shorter",
    "text",
]
_ORDER = {kind: index for index, kind in enumerate(get_args(Kind))}
_CONTROLLER = (
    "contact", "address", "country", "representative", "data_protection_officer", "authority", "authority_url",
)  # fmt: skip
_CATEGORY = ("name", "purpose", "consequence", "legal_basis", "sale_or_sharing")
_SERVICE = ("name", "purpose", "company", "country", "transfers", "safeguard", "privacy_url", "opt_out_url")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between two policies that visitors can notice."""

    kind: Kind
    subject: str
    """The key of the policy file, such as ``services.youtube.purpose``; a cookie's key ends with its name."""
    old: str | None
    new: str | None
    asks: bool
    """Whether a consent to the old policy does not cover it, so that visitors have to be asked again."""


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """The cookies of one name that a service or the site sets."""

    home: str
    lifetime: float
    asked_in: str | None
    """The category that is asked about them; None if they need no consent."""
    needed: frozenset[str]
    """The optional categories that a service's cookies need beside its own. Those of the site need none."""
    texts: Mapping[str, str | None]

    @property
    def homes(self) -> frozenset[str]:
        """All categories that it needs."""
        return self.needed | {self.home}


def changes(old: Policy, new: Policy) -> list[Change]:
    """Return what changes for visitors from ``old`` to ``new``: first by kind, then by subject.

    Visitors have to be asked again about another controller, a service or category that they were not asked about, and
    cookies that last longer than those that they were shown. So they have to about a service whose purpose has another
    id in the registry, and once a cookie of it that needs another optional category than the service comes, moves or
    goes. A later ``ask_again_since`` asks all. Other texts, spellings, ``version``, advanced mode, and everything else
    that a policy no longer has, ask nobody. ``Policy.names`` follows the same rules.
    """
    found = [*_top(old, new), *_categories(old, new), *_services(old, new)]
    shown = {category.id: own_lasts(old, category.id) for category in old.categories}
    found += _cookies("cookies", _jar(old, None), _jar(new, None), shown, frozenset())
    return sorted(found, key=lambda change: (_ORDER[change.kind], change.subject))


def _top(old: Policy, new: Policy) -> Iterator[Change]:
    if old.version != new.version:
        yield Change(kind="version", subject="version", old=old.version, new=new.version, asks=False)
    if old.effective != new.effective:
        yield Change(
            kind="effective", subject="effective", old=_shown(old.effective), new=_shown(new.effective), asks=False
        )
    if old.ask_again_since != new.ask_again_since:
        # Taken back or moved to an earlier day, it leaves choices as they are.
        since = new.ask_again_since
        is_later = since is not None and (old.ask_again_since is None or since > old.ask_again_since)
        values = (_shown(old.ask_again_since), _shown(since))
        yield Change(kind="asked-again", subject="ask_again_since", old=values[0], new=values[1], asks=is_later)
    before, after = old.controller, new.controller
    names = (before.name if before is not None else None, after.name if after is not None else None)
    old_name, new_name = (name and spelt(name) for name in names)
    if old_name != new_name:
        yield Change(kind="controller", subject="controller", old=names[0], new=names[1], asks=True)
    elif names[0] != names[1]:
        yield Change(kind="text", subject="controller.name", old=names[0], new=names[1], asks=False)
    yield from _texts("controller", _texts_of(before, _CONTROLLER), _texts_of(after, _CONTROLLER))
    yield from _lifetime("retention", or_open(old.retention), or_open(new.retention), asks=False)
    yield from _lifetime("cookie.max_age", old.cookie.max_age.average, new.cookie.max_age.average, asks=False)


def _categories(old: Policy, new: Policy) -> Iterator[Change]:
    before = {category.id: category for category in old.categories}
    after = {category.id: category for category in new.categories}
    before_offered, offered = (declared_offer(policy) - {UNCLASSIFIED} for policy in (old, new))
    for name in before.keys() | after.keys():
        subject, was, now = f"categories.{name}", before.get(name), after.get(name)
        if was is None and now is not None:
            yield Change(kind="category-added", subject=subject, old=None, new=name, asks=name in offered)
        elif was is not None and now is None:
            yield Change(kind="category-removed", subject=subject, old=name, new=None, asks=False)
        elif was is not None and now is not None:
            if was.required != now.required:
                kind: Kind = "category-required" if now.required else "category-optional"
                yield Change(kind=kind, subject=subject, old=_choice(was), new=_choice(now), asks=not now.required)
            elif not now.required and (name in offered) != (name in before_offered):
                kind = "category-offered" if name in offered else "category-emptied"
                values = {"old": None, "new": name} if name in offered else {"old": name, "new": None}
                yield Change(kind=kind, subject=subject, **values, asks=name in offered)
            yield from _purposes(f"{subject}.purposes", was, now)
            yield from _texts(subject, _texts_of(was, _CATEGORY), _texts_of(now, _CATEGORY))


def _purposes(key: str, old: Category, new: Category) -> Iterator[Change]:
    texts = [{name: _shown(text) for name, text in category.purposes.items()} for category in (old, new)]
    before, after = texts
    for name in before.keys() | after.keys():
        subject = f"{key}.{name}"
        if name not in before:
            yield Change(kind="purpose-added", subject=subject, old=None, new=after[name], asks=not new.required)
        elif name not in after:
            yield Change(kind="purpose-removed", subject=subject, old=before[name], new=None, asks=False)
        elif before[name] != after[name]:
            yield Change(kind="text", subject=subject, old=before[name], new=after[name], asks=False)


def _services(old: Policy, new: Policy) -> Iterator[Change]:
    before = {service.id: service for service in old.services}
    after = {service.id: service for service in new.services}
    for name in before.keys() | after.keys():
        subject, was, now = f"services.{name}", before.get(name), after.get(name)
        homes = (home_of(old, was.category) if was is not None else None, home_of(new, now.category) if now else None)
        is_choice = homes[1] is not None and homes[1] in new.optional_ids
        if was is None:
            yield Change(kind="service-added", subject=subject, old=None, new=homes[1], asks=is_choice)
        elif now is None:
            yield Change(kind="service-removed", subject=subject, old=homes[0], new=None, asks=False)
        else:
            if homes[0] != homes[1]:
                yield Change(kind="service-moved", subject=subject, old=homes[0], new=homes[1], asks=is_choice)
            is_other = is_choice and purpose_id(was) != purpose_id(now)
            for change in _texts(subject, _texts_of(was, _SERVICE), _texts_of(now, _SERVICE)):
                yield replace(change, asks=is_other and change.subject == f"{subject}.purpose")
            yield from _lifetime(f"{subject}.retention", or_open(was.retention), or_open(now.retention), asks=False)
        yield from _loading(subject, is_choice=is_choice, before=was in old.advanced, after=now in new.advanced)
        longest_before = longest(old, was.cookies, was.category) if was is not None and is_choice else math.inf
        shown = dict.fromkeys(new.optional_ids, longest_before)
        other = new.optional_ids - {homes[1]} if was is not None and is_choice else frozenset()
        yield from _cookies(f"{subject}.cookies", _jar(old, was), _jar(new, now), shown, other)
        yield from _storage(f"{subject}.storage", was, now)


def _loading(subject: str, *, is_choice: bool, before: bool, after: bool) -> Iterator[Change]:
    """Yield whether a service begins to load before visitors have chosen, or no longer does.

    It asks nobody: whoever has answered was asked about the service, and after a refusal it is held in either mode.
    """
    key = f"{subject}.consent_mode"
    if after and not before:
        yield Change(kind="service-ahead", subject=key, old="basic", new="advanced", asks=False)
    elif before and is_choice and not after:
        yield Change(kind="service-held", subject=key, old="advanced", new="basic", asks=False)


def _cookies(
    key: str,
    before: Mapping[str, _Stored],
    after: Mapping[str, _Stored],
    shown: Mapping[str, float],
    other: frozenset[str],
) -> Iterator[Change]:
    """Yield what changes of some cookies. ``shown`` is how long those of each category lasted at most, in seconds.

    ``other`` are the categories in which each cookie is asked about by itself.
    """

    def lasts_longer(cookie: _Stored) -> bool:
        before = shown.get(cookie.asked_in, math.inf) if cookie.asked_in is not None else math.inf
        return step_of(cookie.lifetime) > step_of(before)

    def asks(now: _Stored, was: _Stored | None) -> bool:
        needed = was.needed if was is not None else frozenset()
        return lasts_longer(now) or bool((now.needed ^ needed) & other)

    for name in before.keys() | after.keys():
        subject, was, now = f"{key}.{name}", before.get(name), after.get(name)
        if was is None and now is not None:
            yield Change(kind="cookie-added", subject=subject, old=None, new=_age(now.lifetime), asks=asks(now, was))
        elif was is not None and now is None:
            is_other = bool(was.needed & other)
            yield Change(kind="cookie-removed", subject=subject, old=_age(was.lifetime), new=None, asks=is_other)
        elif was is not None and now is not None:
            if was.home != now.home:
                yield Change(kind="cookie-moved", subject=subject, old=was.home, new=now.home, asks=asks(now, was))
            elif was.asked_in != now.asked_in and None not in {was.asked_in, now.asked_in}:
                yield Change(
                    kind="cookie-moved", subject=subject, old=was.asked_in, new=now.asked_in, asks=asks(now, was)
                )
            elif was.homes != now.homes:  # one of several rules for it needs another category
                old, new = (", ".join(sorted(cookie.homes)) for cookie in (was, now))
                yield Change(kind="cookie-moved", subject=subject, old=old, new=new, asks=asks(now, was))
            yield from _lifetime(subject, was.lifetime, now.lifetime, asks=lasts_longer(now))
            yield from _texts(subject, was.texts, now.texts)


def _storage(key: str, old: Service | None, new: Service | None) -> Iterator[Change]:
    before, after = _stored(old), _stored(new)
    for name in before.keys() | after.keys():
        subject = f"{key}.{name}"
        if name not in before:
            yield Change(kind="storage-added", subject=subject, old=None, new=name, asks=False)
        elif name not in after:
            yield Change(kind="storage-removed", subject=subject, old=name, new=None, asks=False)
        else:
            texts = (_texts_of(stored[name], ("purpose",)) for stored in (before, after))
            yield from _texts(subject, *texts)


def _stored(service: Service | None) -> dict[str, StorageRule]:
    return {rule.name: rule for rule in service.storage} if service is not None else {}


def _jar(policy: Policy, service: Service | None) -> dict[str, _Stored]:
    """Return the cookies of a service by name; None stands for the site. Of one name the longest lifetime counts."""
    rules = policy.cookies if service is None else service.cookies
    default = service.category if service is not None else UNCLASSIFIED
    needed = other_categories(policy, ((rule.name, rule) for rule in rules), default) if service is not None else {}
    return {
        name: _cookie(policy, list(same), home_of(policy, default), needed.get(name, frozenset()))
        for name, same in groupby(sorted(rules, key=attrgetter("name")), attrgetter("name"))
    }


def _cookie(policy: Policy, rules: list[CookieRule], default: str, needed: frozenset[str]) -> _Stored:
    lasting = max(rules, key=lambda rule: lasts(policy, rule, home_of(policy, rule.category or default)))
    home = home_of(policy, lasting.category or default)
    return _Stored(
        home=home,
        lifetime=lasts(policy, lasting, home),
        asked_in=(lasting.persist or home) if needs_consent(policy, lasting, home) else None,
        needed=needed,
        texts=_texts_of(lasting, ("purpose", "exempt")),
    )


def _lifetime(subject: str, old: float, new: float, *, asks: bool) -> Iterator[Change]:
    if old < new:
        yield Change(kind="longer", subject=subject, old=_age(old), new=_age(new), asks=asks)
    elif old > new:
        yield Change(kind="shorter", subject=subject, old=_age(old), new=_age(new), asks=False)


def _age(seconds: float) -> str:
    if seconds == SESSION:
        return "session"
    return "no limit" if math.isinf(seconds) else duration_text(int(seconds))


def _choice(category: Category) -> str:
    return "required" if category.required else "optional"


def _texts_of(model: Any, names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: _shown(getattr(model, name, None)) for name in names}


def _texts(subject: str, old: Mapping[str, str | None], new: Mapping[str, str | None]) -> Iterator[Change]:
    for name, text in old.items():
        if text != new[name]:
            yield Change(kind="text", subject=f"{subject}.{name}", old=text, new=new[name], asks=False)


def _shown(value: Text | object) -> str | None:
    """Return a value of the policy as people read it; None for nothing."""
    if isinstance(value, dict):
        return "; ".join(f"{language}: {text}" for language, text in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(sorted(value)) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value not in {None, ""} else None
