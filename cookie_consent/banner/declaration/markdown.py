"""The declaration as Markdown (CommonMark 0.31)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.banner.declaration.structure import (
        CategoryEntry,
        Declaration,
        Fact,
        Link,
        PastRevision,
        Revision,
        RevisionChange,
        ServiceEntry,
    )
    from cookie_consent.banner.locale import Locale

__all__ = ["as_markdown", "escaped"]

_SPACES = re.compile(r"[^\S\u00a0\u202f]+")
_MARKS = re.compile(r"[\\`*_{}\[\]<>#|~&!@$^=]|(?<=\d)[.)](?= |$)|:(?=//)|(?<=www)\.|(?<=WWW)\.|^[-+]")
"""What means something to Markdown, or to one of its extensions, anywhere on a line or at its beginning."""
_SAFE = ":/?#@!$&'*+,;=%~-._"
"""What stays as it is in an address (RFC 3986, section 2.2)."""


def as_markdown(declared: Declaration, locale: Locale) -> str:
    """Return the declaration as Markdown. No text of the policy is markup in it."""
    return "\n".join(_lines(declared, locale)) + "\n"


def _lines(declared: Declaration, locale: Locale) -> Iterator[str]:
    def t(key: str, **values: str) -> str:
        return escaped(locale.text(f"declaration.{key}", **values))

    yield from _head(declared, locale)
    enforced = escaped(declared.ahead) if declared.ahead else t("enforced")
    yield from (f"## {t('what_title')}", "", t("what_cookies"), "", t("what_beacons"), "", enforced, "")
    yield from (f"## {t('categories_title')}", "")
    for category in declared.categories:
        yield from _category(category, locale)
    if declared.mirrored:
        hosts = locale.text("list_separator").join(declared.mirrored)
        yield from (f"## {t('mirrored_title')}", "", t("mirrored", hosts=hosts), "")
        if declared.libraries:
            yield from (*(f"- {escaped(library.text)}" for library in declared.libraries), "")
    yield from (f"## {t('rights_title')}", "", t("withdrawal"), "", t("rights"), "", t("complaint"), "")
    yield from _facts(declared.contact.authority)
    if declared.contact.facts:
        yield from (f"## {t('responsible_title')}", "", *_facts(declared.contact.facts))
    yield from (f"## {t('browsers_title')}", "", t("browsers"), "", *_links(declared.browsers))
    yield from (f"## {t('opt_outs_title')}", "", t("opt_outs"), "", *_links(declared.opt_outs))
    if len(declared.history) > 1:
        yield from (f"## {t('history_title')}", "")
        for past in declared.history:
            yield from _past(past, locale, _stays_off(declared, locale))


def _head(declared: Declaration, locale: Locale) -> Iterator[str]:
    """Yield the title, the dates, and what has changed or will."""

    def t(key: str, **values: str) -> str:
        return escaped(locale.text(f"declaration.{key}", **values))

    yield from (f"# {t('title')}", "")
    if declared.site:
        yield from (escaped(declared.site), "")
    if declared.revised is not None:
        yield from (t("revised", date=locale.format_date(declared.revised)), "")
    yield from (t("version", version=declared.version), "")
    if declared.effective is not None:
        yield from (t("effective", date=locale.format_moment(declared.effective)), "")
    if declared.since_choice is not None:
        yield from (f"## {t('since_title')}", "")
        yield from _changes(declared.since_choice, t("since_nothing"))
        if any(change.asks for change in declared.since_choice):
            yield from _stays_off(declared, locale)
    if declared.revision is not None:
        yield from _revision(declared.revision, locale, _stays_off(declared, locale))


def _stays_off(declared: Declaration, locale: Locale) -> tuple[str, ...]:
    """Return the lines that say so of what needs consent. There are none where something loads before it."""
    return () if declared.ahead else (escaped(locale.text("revision.asks")), "")


def _revision(revision: Revision, locale: Locale, stays_off: tuple[str, ...]) -> Iterator[str]:
    def t(key: str, **values: str) -> str:
        return escaped(locale.text(f"revision.{key}", **values))

    about = t("about", date=locale.format_moment(revision.effective), version=revision.version)
    yield from (f"## {t('title')}", "", about, "")
    if revision.changes or not revision.asks:
        yield from _changes(revision.changes, t("nothing"))
    if revision.asks:
        yield from stays_off


def _past(past: PastRevision, locale: Locale, stays_off: tuple[str, ...]) -> Iterator[str]:
    version = escaped(locale.text("declaration.version", version=past.version))
    yield from (f"### {escaped(locale.format_date(past.since))}", "", version, "")
    is_asked_again = past.ask_again_since is not None
    if past.changes is not None and (past.changes or not is_asked_again):
        yield from _changes(past.changes, escaped(locale.text("revision.nothing")))
    if is_asked_again:
        yield from stays_off


def _changes(changes: Iterable[RevisionChange], nothing: str) -> Iterator[str]:
    lines = [f"- {escaped(change.text)}" for change in changes]
    yield from (*(lines or [nothing]), "")


def _category(category: CategoryEntry, locale: Locale) -> Iterator[str]:
    always = f" ({escaped(locale.text('banner.always_on'))})" if category.required else ""
    yield from (f"### {escaped(category.name)}{always}", "", *_facts(category.facts))
    for service in category.services:
        yield from _service(service)
    if category.on_demand:
        yield from (escaped(locale.text("declaration.on_demand")), "")
        for service in category.on_demand:
            yield from _service(service)


def _service(service: ServiceEntry) -> Iterator[str]:
    yield from (f"#### {escaped(service.name)}", "", *_facts(service.facts))
    for entry in service.stored:
        yield f"- **{escaped(entry.name)}**"
        yield from (f"    - {_fact(fact)}" for fact in entry.facts)
    if service.stored:
        yield ""


def _facts(facts: Iterable[Fact]) -> Iterator[str]:
    lines = [f"- {_fact(fact)}" for fact in facts]
    yield from (*lines, "") if lines else ()


def _fact(fact: Fact) -> str:
    return f"{escaped(fact.label)}: {_linked(fact.text, fact.link)}"


def _links(links: Iterable[Link]) -> Iterator[str]:
    for link in links:
        yield f"- {_linked(link.name, link.address)}{f': {escaped(link.text)}' if link.text else ''}"
    yield ""


def _linked(text: str, address: str) -> str:
    if not address:
        return escaped(text)
    return f"[{escaped(text)}](<{quote(address, safe=_SAFE)}>)"


def escaped(text: str) -> str:
    """Return a text on one line, without any markup. Spaces that keep words together stay."""
    return _MARKS.sub(r"\\\g<0>", _SPACES.sub(" ", text).strip())
