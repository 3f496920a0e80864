"""Which addresses name a public library, and where the mirror serves it."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cookie_consent.gate.html.urls import stripped
from cookie_consent.mirror.layouts import FontFiles, FontSheets, JQuery, Layout, Npm, Place, Releases, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Libraries", "LibraryFile"]

_ADDRESS = re.compile(
    r"(?:https?:)?//([a-z0-9.-]+)(/[^?#]*)?(?:\?([^#]*))?(#[A-Za-z0-9_.:?&=/-]*)?", re.ASCII | re.IGNORECASE
)
"""An address with neither credentials nor a port."""
_NAMES = ("bootstrap", "cdnjs", "google", "jquery", "npm")
_LONGEST_ADDRESS = 4096
_MIRRORED = re.compile(r"([a-z0-9.-]+)/((?:@[^/@?]+/)?[^/@?]+)(?:@([^/?]+))?(?:/(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file of a listed package. ``upstream`` is its address, ``mirrored`` its path below the mirror's."""

    host: str
    place: Place
    upstream: str
    is_exact: bool
    """Whether the version is exact, so that the file can never change."""

    @property
    def mirrored(self) -> str:
        """``HOST/PACKAGE@VERSION/PATH``, with the query where it counts. It has no character that CSS would end on."""
        place = self.place
        version = f"@{place.version}" if place.version else ""
        path = f"/{place.path.removeprefix('/')}" if place.path else ""
        query = f"?{place.query}" if place.query else ""
        return f"{self.host}/{place.package}{version}{path}{query}"

    @property
    def declared(self) -> tuple[str, ...]:
        """What it is of, as declarations name it: ``HOST/PACKAGE@VERSION``, or ``HOST/FAMILY`` for each font."""
        place = self.place
        if self.host == "fonts.googleapis.com":
            listed = (value for name, value in parse_qsl(place.query) if name == "family")
            families = {family.partition(":")[0].strip() for value in listed for family in value.split("|")}
            return tuple(f"{self.host}/{family}" for family in sorted(families) if family)
        return (f"{self.host}/{place.package}{f'@{place.version}' if place.version else ''}",)

    @property
    def is_folder(self) -> bool:
        """Whether it stands for the files below it, as in import maps, and cannot be fetched itself."""
        return self.place.path.endswith("/")


class Libraries:
    """The listed libraries. ``added`` are the policy's own, such as ``npm:name``.

    An address is a library by its host and its package. Nothing else is ever fetched: anybody can publish a package.
    Hosts for which ``is_own`` are the site's, and have no libraries.
    """

    def __init__(self, added: Iterable[str] = (), *, is_own: Callable[[str], bool] = lambda _: False) -> None:
        listed = _listed()
        npm = listed["npm"] | {name.removeprefix("npm:") for name in added}
        self._names = {**listed, "npm": npm}
        bootstrap = Versioned("/", listed["bootstrap"])
        layouts: Mapping[str, Layout] = {
            "ajax.googleapis.com": Versioned("/ajax/libs/", listed["google"]),
            "cdn.jsdelivr.net": Npm("/npm/", npm),
            "cdnjs.cloudflare.com": Versioned("/ajax/libs/", listed["cdnjs"], frozen=True),
            "code.jquery.com": JQuery(listed["jquery"]),
            "fonts.googleapis.com": FontSheets(),
            "fonts.gstatic.com": FontFiles(),
            "maxcdn.bootstrapcdn.com": bootstrap,
            "netdna.bootstrapcdn.com": bootstrap,
            "stackpath.bootstrapcdn.com": bootstrap,
            "unpkg.com": Npm("/", npm),
            "use.fontawesome.com": Releases("/releases/", "fontawesome-free"),
        }
        self._layouts = {host: layout for host, layout in layouts.items() if not is_own(host)}

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that may be contacted."""
        return frozenset(self._layouts)

    def packages(self) -> dict[str, list[str]]:
        """Return the packages of each host in order; ``*`` where all that the host's layout allows are listed."""
        found = {}
        for host, layout in self._layouts.items():
            names = getattr(layout, "packages", None)
            found[host] = sorted(names) if names is not None else [getattr(layout, "package", "*")]
        return found

    def for_guard(self, names_file: str) -> dict[str, Any]:
        """Return the hosts, for the guard's script, which knows the layouts and reads the names from the file."""
        return {"hosts": sorted(self._layouts), "file": names_file}

    def names_for_guard(self) -> bytes:
        """Return, as JSON, the names of the packages."""
        names = {name: " ".join(sorted(self._names[name])) for name in _NAMES}
        return json.dumps(names, separators=(",", ":")).encode("ascii")

    def from_address(self, address: str) -> tuple[LibraryFile, str] | None:
        """Return the file at an absolute address, as a page writes it, and the address's fragment; None for no library.

        The address is untrusted.
        """
        if len(address) > _LONGEST_ADDRESS:
            return None
        match = _ADDRESS.fullmatch(stripped(address))
        if match is None:
            return None
        host = match[1].lower()
        layout = self._layouts.get(host)
        place = layout.read(match[2] or "/", match[3] or "") if layout is not None else None
        return (self._file(host, place), match[4] or "") if place is not None else None

    def from_mirrored(self, path: str, query: str = "") -> LibraryFile | None:
        """Return the file for a path below the mirror's, decoded, and a query; None for no library. Both are untrusted.

        Each path that is accepted is the one that ``LibraryFile.mirrored`` writes.
        """
        match = _MIRRORED.fullmatch(path) if len(path) <= _LONGEST_ADDRESS else None
        layout = self._layouts.get(match[1]) if match is not None else None
        if match is None or layout is None:
            return None
        asked = Place(match[2], match[3] or "", match[4] or "", query)
        upstream = layout.write(asked).partition("?")[0]
        place = layout.read(upstream, query)
        if place is None:
            return None
        file = self._file(match[1], place)
        return file if file.mirrored.partition("?")[0] == path else None

    def _file(self, host: str, place: Place) -> LibraryFile:
        layout = self._layouts[host]
        return LibraryFile(host, place, f"https://{host}{layout.write(place)}", layout.is_exact(place))


@cache
def _listed() -> Mapping[str, frozenset[str]]:
    text = files("cookie_consent.mirror").joinpath("libraries.toml").read_text("utf-8")
    return {name: frozenset(packages) for name, packages in tomllib.loads(text).items()}
