"""What changes for visitors from one policy to the next, and what of it an earlier consent does not cover."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, get_args

from cookie_consent.policy.duration import duration_text
from cookie_consent.policy.policy import UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cookie_consent.policy.model import Category, CookieRule, Service, StorageRule, Text
    from cookie_consent.policy.policy import Policy

__all__ = ["Change", "Kind", "changes"]

Kind = Literal[
    "version",
    "effective",
    "controller",
    "category-added",
    "category-removed",
    "category-optional",
    "category-required",
    "service-added",
    "service-removed",
    "service-moved",
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
_CONTROLLER = ("contact", "address", "representative", "data_protection_officer", "authority", "authority_url")
_CATEGORY = ("name", "purpose", "consequence", "legal_basis", "sale_or_sharing")
_SERVICE = ("name", "purpose", "company", "country", "transfers", "safeguard", "privacy_url", "opt_out_url")
_SESSION = 0.0
"""The lifetime of what ends with the browser."""


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
    needs_consent: bool
    texts: Mapping[str, str | None]


def changes(old: Policy, new: Policy) -> list[Change]:
    """Return what changes for visitors from ``old`` to ``new``: first by kind, then by subject.

    Visitors have to be asked again about another controller, a service or category that they were not asked about, and
    longer lifetimes. Texts, spellings, ``version``, and everything that a policy no longer has, ask nobody.
    """
    found = [*_top(old, new), *_categories(old, new), *_services(old, new)]
    found += _cookies("cookies", _jar(old, None), _jar(new, None))
    return sorted(found, key=lambda change: (_ORDER[change.kind], change.subject))


def _top(old: Policy, new: Policy) -> Iterator[Change]:
    if old.version != new.version:
        yield Change(kind="version", subject="version", old=old.version, new=new.version, asks=False)
    if old.effective != new.effective:
        yield Change(
            kind="effective", subject="effective", old=_shown(old.effective), new=_shown(new.effective), asks=False
        )
    before, after = old.controller, new.controller
    names = (before.name if before is not None else None, after.name if after is not None else None)
    if _spelt(names[0]) != _spelt(names[1]):
        yield Change(kind="controller", subject="controller", old=names[0], new=names[1], asks=True)
    elif names[0] != names[1]:
        yield Change(kind="text", subject="controller.name", old=names[0], new=names[1], asks=False)
    yield from _texts("controller", _texts_of(before, _CONTROLLER), _texts_of(after, _CONTROLLER))
    yield from _lifetime("retention", _open(old.retention), _open(new.retention), asks=False)
    yield from _lifetime("cookie.max_age", old.cookie.max_age.average, new.cookie.max_age.average, asks=False)


def _categories(old: Policy, new: Policy) -> Iterator[Change]:
    before = {category.id: category for category in old.categories}
    after = {category.id: category for category in new.categories}
    for name in before.keys() | after.keys():
        subject, was, now = f"categories.{name}", before.get(name), after.get(name)
        if was is None and now is not None:
            yield Change(kind="category-added", subject=subject, old=None, new=name, asks=not now.required)
        elif was is not None and now is None:
            yield Change(kind="category-removed", subject=subject, old=name, new=None, asks=False)
        elif was is not None and now is not None:
            if was.required != now.required:
                kind: Kind = "category-required" if now.required else "category-optional"
                yield Change(kind=kind, subject=subject, old=_choice(was), new=_choice(now), asks=not now.required)
            yield from _texts(subject, _texts_of(was, _CATEGORY), _texts_of(now, _CATEGORY))


def _services(old: Policy, new: Policy) -> Iterator[Change]:
    before = {service.id: service for service in old.services}
    after = {service.id: service for service in new.services}
    for name in before.keys() | after.keys():
        subject, was, now = f"services.{name}", before.get(name), after.get(name)
        homes = (_home(old, was.category) if was is not None else None, _home(new, now.category) if now else None)
        is_choice = homes[1] is not None and homes[1] in new.optional_ids
        if was is None:
            yield Change(kind="service-added", subject=subject, old=None, new=homes[1], asks=is_choice)
        elif now is None:
            yield Change(kind="service-removed", subject=subject, old=homes[0], new=None, asks=False)
        else:
            if homes[0] != homes[1]:
                yield Change(kind="service-moved", subject=subject, old=homes[0], new=homes[1], asks=is_choice)
            yield from _texts(subject, _texts_of(was, _SERVICE), _texts_of(now, _SERVICE))
            yield from _lifetime(f"{subject}.retention", _open(was.retention), _open(now.retention), asks=is_choice)
        yield from _cookies(f"{subject}.cookies", _jar(old, was), _jar(new, now))
        yield from _storage(f"{subject}.storage", was, now)


def _cookies(key: str, before: Mapping[str, _Stored], after: Mapping[str, _Stored]) -> Iterator[Change]:
    for name in before.keys() | after.keys():
        subject, was, now = f"{key}.{name}", before.get(name), after.get(name)
        if was is None and now is not None:
            yield Change(kind="cookie-added", subject=subject, old=None, new=_age(now.lifetime), asks=False)
        elif was is not None and now is None:
            yield Change(kind="cookie-removed", subject=subject, old=_age(was.lifetime), new=None, asks=False)
        elif was is not None and now is not None:
            if was.home != now.home:
                yield Change(kind="cookie-moved", subject=subject, old=was.home, new=now.home, asks=False)
            yield from _lifetime(subject, was.lifetime, now.lifetime, asks=now.needs_consent)
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
    return {
        name: _cookie(policy, list(same), _home(policy, default))
        for name, same in groupby(sorted(rules, key=attrgetter("name")), attrgetter("name"))
    }


def _cookie(policy: Policy, rules: list[CookieRule], default: str) -> _Stored:
    longest = max(rules, key=lambda rule: _lasts(policy, rule, _home(policy, rule.category or default)))
    home = _home(policy, longest.category or default)
    return _Stored(
        home=home,
        lifetime=_lasts(policy, longest, home),
        needs_consent=not policy.required_ids >= {home, longest.persist or home},
        texts=_texts_of(longest, ("purpose", "exempt")),
    )


def _lasts(policy: Policy, rule: CookieRule, home: str) -> float:
    """Return the longest time that the gate lets a cookie last, in seconds. It does not see what other hosts set."""
    category = policy.category(home)
    is_own = rule.party == "first"
    if is_own and home == "session" and rule.persist is None:
        return _SESSION
    caps = [rule.max_age, category.max_age if is_own and category is not None else None]
    return min(map(_open, caps))


def _home(policy: Policy, category_id: str) -> str:
    """Return the category that counts: one that the policy has removed is unclassified."""
    return category_id if policy.category(category_id) is not None else UNCLASSIFIED


def _lifetime(subject: str, old: float, new: float, *, asks: bool) -> Iterator[Change]:
    if old < new:
        yield Change(kind="longer", subject=subject, old=_age(old), new=_age(new), asks=asks)
    elif old > new:
        yield Change(kind="shorter", subject=subject, old=_age(old), new=_age(new), asks=False)


def _open(seconds: int | None) -> float:
    return math.inf if seconds is None else seconds


def _age(seconds: float) -> str:
    if seconds == _SESSION:
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


def _spelt(name: str | None) -> str | None:
    """Return a name without what differs between two spellings of it: case, spaces and punctuation."""
    if name is None:
        return None
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded
