"""What a declaration says, in one language. Every form of it is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

__all__ = [
    "CategoryEntry",
    "Contact",
    "Declaration",
    "Fact",
    "Library",
    "Link",
    "PastRevision",
    "Revision",
    "RevisionChange",
    "ServiceEntry",
    "StoredEntry",
]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that is said, by its key. ``link`` is empty, or an address that may be opened."""

    key: str
    label: str
    text: str
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Link:
    """An address with its name, and what to do there."""

    name: str
    address: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Library:
    """A public library or font that the site serves itself. ``version`` is empty where none is known."""

    name: str
    version: str
    host: str

    @property
    def text(self) -> str:
        """Name, version and host on one line."""
        return f"{' '.join(filter(None, (self.name, self.version)))} ({self.host})"


@dataclass(frozen=True, kw_only=True)
class StoredEntry:
    """A cookie, or what is stored in the browser under another key."""

    name: str
    kind: Literal["cookie", "storage"]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class ServiceEntry:
    """A service with what it stores. The site itself has an empty id."""

    id: str
    name: str
    facts: tuple[Fact, ...]
    stored: tuple[StoredEntry, ...]


@dataclass(frozen=True, kw_only=True)
class CategoryEntry:
    """A category with its services."""

    id: str
    name: str
    required: bool
    facts: tuple[Fact, ...]
    services: tuple[ServiceEntry, ...]
    on_demand: tuple[ServiceEntry, ...] = ()
    """Undeclared services that need no consent: only pages that need them contact them."""

    @property
    def stores(self) -> bool:
        """Whether anything of it is kept in the browser."""
        return any(service.stored for service in self.services)


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Who is responsible, as facts. Without a declared controller there are none."""

    facts: tuple[Fact, ...] = ()
    authority: tuple[Fact, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RevisionChange:
    """One thing that changes. ``asks`` is whether visitors have to be asked about it."""

    kind: str
    subject: str
    """The key of the policy file."""
    text: str
    asks: bool


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What the policy that is announced will change, and when."""

    version: str
    effective: date
    changes: tuple[RevisionChange, ...]
    ask_again_since: date | None = None
    """The day from which on all earlier choices no longer count, if that is new."""

    @property
    def asks(self) -> bool:
        """Whether visitors have to be asked about any of it."""
        return self.ask_again_since is not None or any(change.asks for change in self.changes)


@dataclass(frozen=True, kw_only=True)
class PastRevision:
    """A policy that was in force, or is, and from which day on (UTC)."""

    version: str
    since: date
    changes: tuple[RevisionChange, ...] | None
    """What changed with it. None for the oldest one, and where it can no longer be told."""
    ask_again_since: date | None = None
    """The day from which on all earlier choices no longer counted, if that was new."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """The whole document."""

    language: str
    direction: str
    site: str
    version: str
    revised: date | None
    effective: date | None
    """The date from which the policy applies, where it declares one."""
    categories: tuple[CategoryEntry, ...]
    mirrored: tuple[str, ...]
    """The hosts whose libraries are served from the site itself."""
    libraries: tuple[Library, ...]
    """Those of them that the site's pages were found to name."""
    contact: Contact
    browsers: tuple[Link, ...]
    opt_outs: tuple[Link, ...]
    ahead: str = ""
    """What is said of the services that load before visitors have chosen. Empty if there are none."""
    revision: Revision | None = None
    """What is announced."""
    history: tuple[PastRevision, ...] = ()
    """The policies until now, that in force first."""
    since_choice: tuple[RevisionChange, ...] | None = None
    """What has changed since this visitor chose. None where that is not known."""
