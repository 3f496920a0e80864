"""``Page``: one page of the corpus, which misbehaves in one way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE = "www.site.test"
"""The site's host: below a domain, so that there is a parent to set cookies on."""


@dataclass(frozen=True, kw_only=True)
class File:
    """Another resource of the page's own, at ``OWN/`` and its name."""

    body: str = ""
    content_type: str = "text/javascript"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, and what it gives away where nothing stands in the way.

    In every text ``THIRD`` stands for a third-party host of the page's own, ``OWN`` for the path of its files, ``PORT``
    for the port of a listener on loopback that the browser reaches past the proxy. A tag with the attribute ``@leak``
    is one that a site under a script-based consent manager has to annotate by hand.
    """

    name: str
    does: str
    at: str = ""
    """What follows its name in its address, such as a path on which visitors pay."""
    body: str = ""
    head: str = ""
    document: str = ""
    """The whole document, in place of ``head`` and ``body``."""
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, File] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("THIRD",)
    """The other hosts that it contacts."""
    mirrored: tuple[str, ...] = ()
    """The addresses of public libraries that the mirror has. Under it no choice leads to their hosts."""
    own: tuple[str, ...] = ()
    """Addresses on the site's hosts that it asks for and that belong to a service, without query: a path, or another
    host, a space and a path."""
    cookies: tuple[str, ...] = ()
    """The cookies that nobody has agreed to and that it sets."""
    lasting: tuple[str, ...] = ()
    """Cookies that are fine until the browser closes, and that it makes last longer."""
    storage: tuple[str, ...] = ()
    """``local NAME``, ``session NAME``, ``database NAME`` or ``cache NAME`` that it writes."""
    act: Literal["load", "click", "hover", "leave", "return", "stay", "install"] = "load"
    """What the visitor does: click or point at ``#go``, leave for another page, leave and come back, look on for
    longer, install the site as an application."""
    once: bool = False
    """Whether it does so only when the profile opens it for the first time: its worker lives on."""
    next_time: bool = False
    """Whether what was held comes only with the next request after a choice: the page cannot know of it."""
    regular: bool = False
    """Whether it needs a profile that is not private: in a private one Chromium does not preconnect."""
    windows: bool = False
    """Whether what it does is a matter of the browser around the engine: windows, frames' connections, icons."""
    scripts: bool = True
    """Whether the browser runs scripts."""
    unnamable: bool = False
    """Whether no policy and no notice can name what it does, so that it waits even where all is accepted."""

    @property
    def whole(self) -> bool:
        """Say whether it needs the whole browser."""
        return self.windows or self.regular or self.act in {"return", "install", "stay"}

    @property
    def third(self) -> str:
        return f"{self.name}.leak.test"

    @property
    def url(self) -> str:
        return f"https://{SITE}/{self.name}/{self.at}"

    @property
    def below(self) -> str:
        """Return the path below its name, as an application sees it."""
        return unquote(self.at.partition("?")[0])

    @property
    def leaks(self) -> frozenset[str]:
        """Return all that it gives away without a gate."""
        return frozenset(
            {host.replace("THIRD", self.third) for host in self.hosts}
            | {self.fill(address if " " in address else f"{SITE} {address}") for address in self.own}
            | {f"cookie {name}" for name in self.cookies}
            | {f"lasting cookie {name}" for name in self.lasting}
            | set(self.storage)
        )

    @property
    def agreed(self) -> frozenset[str]:
        """Return what it gives away where all is agreed to: not what the mirror does for it."""
        if self.unnamable:
            return frozenset()
        return self.leaks - {urlsplit(address).netloc for address in self.mirrored}

    def fill(self, text: str, *, port: str = "") -> str:
        return text.replace("THIRD", self.third).replace("OWN", f"/{self.name}").replace("PORT", port)
