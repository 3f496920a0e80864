"""The declaration as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cookie_consent.banner.declaration.structure import (
        Declaration,
        Fact,
        Link,
        Revision,
        RevisionChange,
        ServiceEntry,
    )

__all__ = ["as_data"]


def as_data(declared: Declaration) -> dict[str, Any]:
    """Return the declaration as JSON values. Keys are the same in every language."""
    return {
        "language": declared.language,
        "site": declared.site,
        "version": declared.version,
        "revised": _day(declared.revised),
        "effective": _day(declared.effective),
        "next": _revision(declared.revision) if declared.revision is not None else None,
        "revisions": [
            {
                "version": past.version,
                "since": past.since.isoformat(),
                "ask_again_since": _day(past.ask_again_since),
                "changes": _changes(past.changes),
            }
            for past in declared.history
        ],
        "since_choice": _changes(declared.since_choice),
        "controller": _facts(declared.contact.facts),
        "authority": _facts(declared.contact.authority),
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "required": category.required,
                **_facts(category.facts),
                "services": [_service(service) for service in category.services],
                "on_demand": [_service(service) for service in category.on_demand],
            }
            for category in declared.categories
        ],
        "ahead": declared.ahead or None,
        "mirrored": list(declared.mirrored),
        "libraries": [
            {"name": library.name, "version": library.version or None, "host": library.host}
            for library in declared.libraries
        ],
        "browsers": [_link(link) for link in declared.browsers],
        "opt_outs": [_link(link) for link in declared.opt_outs],
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _revision(revision: Revision) -> dict[str, Any]:
    changes = _changes(revision.changes)
    return {
        "version": revision.version,
        "effective": revision.effective.isoformat(),
        "ask_again_since": _day(revision.ask_again_since),
        "changes": changes,
    }


def _changes(told: Iterable[RevisionChange] | None) -> list[dict[str, Any]] | None:
    return [vars(change) for change in told] if told is not None else None


def _service(service: ServiceEntry) -> dict[str, Any]:
    stored = [{"name": entry.name, "type": entry.kind, **_facts(entry.facts)} for entry in service.stored]
    return {"id": service.id or None, "name": service.name, **_facts(service.facts), "stored": stored}


def _facts(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the texts by key. A link that is not the text itself has a key of its own."""
    found = {}
    for fact in facts:
        found[fact.key] = fact.text
        if fact.link and fact.link != fact.text:
            found[f"{fact.key}_url"] = fact.link
    return found


def _link(link: Link) -> dict[str, str]:
    return {"name": link.name, "url": link.address, **({"text": link.text} if link.text else {})}
