"""Say what changes from one policy to the next, in a language's words: what is announced, and what has changed."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from cookie_consent.banner.declaration.build import day_of, declaration
from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.declaration.structure import PastRevision, Revision, RevisionChange
from cookie_consent.banner.view import category_views, own_text
from cookie_consent.policy import Change, changes, home_of, parse_duration
from cookie_consent.policy.name_pattern import without_runs
from cookie_consent.policy.names import declared_offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from cookie_consent.banner.declaration.structure import Declaration, Fact
    from cookie_consent.banner.locale import Locale
    from cookie_consent.policy import PastPolicy, Policy

__all__ = ["history", "last_revised", "revision", "since_choice"]

_MOST_TOLD = 20
"""How many policies are listed at most, the present one among them."""
_TOLD_ELSEWHERE = {"version", "effective", "asked-again"}
_FACTS = {
    "legal_basis": "basis",
    "privacy_url": "privacy",
    "opt_out_url": "opt_out",
    "authority_url": "authority",
}
"""The facts of a declaration that go by another name than the policy's key."""
_KEYS = {
    "category-offered": "category_added",
    "category-emptied": "category_removed",
    "purpose-added": "category_added",
    "purpose-removed": "category_removed",
}
"""Visitors see a category only while it is offered, and to them it is a purpose itself."""


def revision(policy: Policy, locale: Locale, *, secure: bool = True) -> Revision | None:
    """Return what ``policy.next`` will change; None if nothing is announced. ``secure`` is as for ``declaration``."""
    new = policy.next
    if new is None or new.effective is None:
        return None
    found = changes(policy, new)
    return Revision(
        version=new.version,
        effective=new.effective,
        changes=_told(found, policy, new, locale, secure=secure),
        ask_again_since=_asks_again(found, new),
    )


def history(past: Sequence[PastPolicy], locale: Locale, *, secure: bool = True) -> tuple[PastRevision, ...]:
    """Return the latest policies with what changed with each, the latest first. ``past`` has the oldest first."""
    found: list[PastRevision] = []
    shown = past[-_MOST_TOLD - 1 :]
    old: Policy | None = None
    for at, each in enumerate(shown):
        new, told, day, asked = each.policy, None, each.since.date(), None
        if old is not None and new is not None:
            between = changes(old, new)
            told, asked = _told(between, old, new, locale, secure=secure), _asks_again(between, new)
        elif at == 0 and new is not None:
            # The log may know the oldest one only from later on.
            day = min(filter(None, (day, day_of(new))))
        found.append(PastRevision(version=each.version, since=day, changes=told, ask_again_since=asked))
        old = new
    return tuple(reversed(found[-_MOST_TOLD:]))


def last_revised(policy: Policy, past: Sequence[PastPolicy]) -> date | None:
    """Return the day that the policy names as that of its version; the day on which it came into force otherwise.

    That is also so if its version was that of the policy before it. None where it is not known.
    """
    day = day_of(policy)
    if len(past) > 1 and (day is None or past[-1].version == past[-2].version):
        return past[-1].since.date()
    return day


def since_choice(
    old: Policy, new: Policy, locale: Locale, *, met: Iterable[str] = (), secure: bool = True
) -> tuple[RevisionChange, ...]:
    """Return what has changed since a visitor chose under ``old``.

    ``met`` are the services that notices name now, that the policy does not declare, and that theirs did not name.
    """
    services = ((name, new.known_service(name)) for name in met)
    added = [
        Change(kind="service-added", subject=f"services.{name}", old=None, new=home_of(new, known.category), asks=True)
        for name, known in services
        if known is not None
    ]
    return _told([*changes(old, new), *added], old, new, locale, secure=secure)


def _asks_again(found: Iterable[Change], new: Policy) -> date | None:
    """Return the day from which on the new policy asks all again, if the old one did not."""
    is_asked = any(change.kind == "asked-again" and change.asks for change in found)
    return new.ask_again_since if is_asked else None


def _told(
    found: Iterable[Change], old: Policy, new: Policy, locale: Locale, *, secure: bool
) -> tuple[RevisionChange, ...]:
    words = _Words(old, new, locale, secure=secure)
    return tuple(
        RevisionChange(kind=change.kind, subject=change.subject, text=words.text(change), asks=change.asks)
        for change in found
        if change.kind not in _TOLD_ELSEWHERE
    )


class _Words:
    """Puts changes into words."""

    def __init__(self, old: Policy, new: Policy, locale: Locale, *, secure: bool) -> None:
        self._policies = (new, old)
        self._locale = locale
        self._secure = secure
        self._categories = {view.id: view.name for policy in (old, new) for view in category_views(policy, locale)}

    @cached_property
    def _shown(self) -> tuple[Declaration, ...]:
        """The declarations of both. Only other texts need them."""
        return tuple(
            declaration(policy, self._locale, offered=declared_offer(policy), secure=self._secure)
            for policy in self._policies
        )

    def text(self, change: Change) -> str:
        """Return the sentence for one change."""
        table, _, rest = change.subject.partition(".")
        if change.kind == "text":
            return self._reworded(change, table, rest)
        if change.kind in {"longer", "shorter"}:
            part = "retention" if change.subject.endswith("retention") else "lifetime"
            what = self._what(change, table, rest.removesuffix("retention").rstrip("."))
            return self._said("lasts", what, change, part=self._locale.text(f"declaration.{part}"))
        if change.kind == "service-ahead":
            return self._locale.text("banner.ahead", services=self._service(rest.partition(".")[0]))
        if change.kind == "service-held":
            return self._locale.text("revision.changed", what=self._service(rest.partition(".")[0]))
        key = "moved" if change.kind.endswith("-moved") else _KEYS.get(change.kind) or change.kind.replace("-", "_")
        return self._said(key, self._what(change, table, rest), change)

    def _said(self, key: str, what: str, change: Change, *, part: str = "") -> str:
        values = {"old": self._value(change.old), "new": self._value(change.new)}
        if change.kind == "cookie-moved":
            values = {"old": self._homes(change.old), "new": self._homes(change.new)}
        if change.kind in {"cookie-added", "longer", "shorter"}:
            values = {"old": self._lasting(change.old), "new": self._lasting(change.new)}
        return self._locale.text(f"revision.{key}", what=what, part=part, **values)

    def _value(self, value: str | None) -> str:
        return self._categories.get(value, value) if value is not None else "–"

    def _homes(self, value: str | None) -> str:
        """Return the names of the categories that a cookie needs."""
        return self._locale.text("list_separator").join(map(self._value, (value or "").split(", ")))

    def _lasting(self, value: str | None) -> str:
        if value in {None, "no limit"}:
            return self._locale.text("declaration.lifetime_open")
        if value == "session":
            return self._locale.text("declaration.lifetime_session")
        return duration_in(self._locale, parse_duration(str(value)))

    def _what(self, change: Change, table: str, rest: str) -> str:
        """Return the name of what changes. ``rest`` is the subject without the table."""
        if table == "categories":
            category_id, _, purpose = rest.partition(".purposes.")
            if purpose:
                return self._purpose(category_id, purpose)
            return self._categories.get(rest, rest)
        if table == "services":
            service_id, _, item = rest.partition(".")
            name = self._service(service_id)
            return f"{item.partition('.')[2]} ({name})" if item else name
        if table == "retention":
            return self._locale.text("preferences.receipt")
        if table == "cookie":
            return self._policies[0].cookie.name
        return rest if table == "cookies" else (change.new or change.old or "")

    def _purpose(self, category_id: str, purpose: str) -> str:
        categories = (policy.category(category_id) for policy in self._policies)
        found = (category.purposes[purpose] for category in categories if category and purpose in category.purposes)
        return own_text(next(found, purpose), self._locale)

    def _service(self, service_id: str) -> str:
        found = (policy.known_service(service_id) for policy in self._policies)
        return next((service.name for service in found if service is not None), service_id)

    def _reworded(self, change: Change, table: str, rest: str) -> str:
        """Return the sentence for another text, with the new one where the declaration shows it."""
        if table == "categories":  # its purposes stand with that of the category
            rest = re.sub(r"\.purposes\..*", ".purpose", rest)
        of, _, attribute = rest.rpartition(".")
        what = self._locale.text("declaration.controller") if table == "controller" else self._what(change, table, of)
        if attribute == "name" or rest == "name":
            return self._said("renamed", what, change) if table != "categories" else self._renamed(of)
        key = _FACTS.get(attribute, attribute)
        for declared, kind in zip(self._shown, ("text", "unsaid"), strict=True):
            for fact in _facts(declared, table, of):
                if fact.key == key:
                    return self._locale.text(f"revision.{kind}", what=what, part=fact.label, new=fact.text)
        return self._locale.text("revision.changed", what=what)

    def _renamed(self, category_id: str) -> str:
        views = [category_views(policy, self._locale) for policy in self._policies]
        new, old = (next(view.name for view in each if view.id == category_id) for each in views)
        return self._locale.text("revision.renamed", old=old, new=new)


def _facts(declared: Declaration, table: str, of: str) -> Iterable[Fact]:
    """Yield the facts that a declaration states about something in a table of the policy."""
    if table == "controller":
        yield from (*declared.contact.facts, *declared.contact.authority)
    for category in declared.categories:
        if table == "categories" and category.id == of:
            yield from category.facts
        for service in category.services:
            owner, _, item = of.partition(".") if table == "services" else ("", "", f".{of}")
            if table not in {"services", "cookies"} or service.id != owner:
                continue
            if not item:
                yield from service.facts
            for entry in service.stored:
                if item and entry.name == without_runs(item.partition(".")[2]):
                    yield from entry.facts
