"""How the hosts of public libraries arrange them: what of a path is the package, the version and the file.

Each layout is strict. A path that it does not know is no library: no percent-encoding, no empty or dot segments,
nothing that a host makes on demand, such as jsDelivr's ``+esm`` and combined files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import parse_qsl, quote_plus

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["NPM_NAME", "FontFiles", "FontSheets", "JQuery", "Layout", "Npm", "Place", "Releases", "Versioned"]

NPM_NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._~-]{0,99}/)?[a-z0-9][a-z0-9._~-]{0,99}")
"""The name of a package, with its scope if it has one (npm, package.json: name)."""
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9@_.~-][A-Za-z0-9@_.~+-]{0,127}"
_FILE = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*/?")
_VERSION = re.compile(r"[A-Za-z0-9^~*][A-Za-z0-9.^~*+-]{0,63}")
"""A version, a range or a tag. Ranges with spaces, ``|`` or comparisons are not mirrored."""
_EXACT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?")
_LATEST = "latest"
_JQUERY_FILE = re.compile(
    r"jquery-(?P<migrate>migrate-)?(?P<version>[0-9]+(?:\.[0-9]+){1,2}(?:-[a-z0-9.]{1,12})?)"
    r"(?:\.slim)?(?:\.min)?\.(?:js|map)"
)
_FONT_QUERY = re.compile(r"[A-Za-z0-9 +:;,@|._-]{1,900}")
_LONGEST_PATH = 1024
_LONGEST_QUERY = 2048


class Place(NamedTuple):
    """Where a file stands."""

    package: str
    version: str
    """Empty if the host has no versions."""
    path: str
    """The file within the package; empty for the package's default file.

    A folder ends in a slash; ``/`` is the package itself.
    """
    query: str = ""
    """What of the query counts, in one normal form."""


class Layout(Protocol):
    """The arrangement of one host."""

    def read(self, path: str, query: str) -> Place | None:
        """Return what stands at a path of the host, which begins with a slash; None for no library."""

    def write(self, place: Place) -> str:
        """Return the path on the host, with its query: the reverse of ``read``."""

    def is_exact(self, place: Place) -> bool:
        """Say whether the version can only ever be one content."""


def _is_file(path: str) -> bool:
    return len(path) <= _LONGEST_PATH and _FILE.fullmatch(path) is not None


@dataclass(frozen=True)
class Npm:
    """Packages of npm: ``PREFIX[@SCOPE/]NAME[@VERSION][/FILE]``, where the version may be a range or a tag."""

    prefix: str
    packages: Container[str]

    def read(self, path: str, query: str) -> Place | None:
        """Return what stands there. unpkg's ``?module`` and ``?meta`` are other files than the address says."""
        if not path.startswith(self.prefix) or re.search(r"(?:^|&)(?:module|meta)\b", query):
            return None
        rest = path.removeprefix(self.prefix)
        at = rest.find("/") if not rest.startswith("@") else rest.find("/", rest.find("/") + 1)
        named, slash, file = (rest, "", "") if at < 0 else (rest[:at], "/", rest[at + 1 :])
        name, sign, version = named[1:].partition("@")
        name, version = named[:1] + name, version if sign else _LATEST
        if name not in self.packages or _VERSION.fullmatch(version) is None or (file and not _is_file(file)):
            return None
        return Place(name, version, file or slash)

    def write(self, place: Place) -> str:
        """Return the path; a package without a version is its latest one."""
        path = f"/{place.path.removeprefix('/')}" if place.path else ""
        return f"{self.prefix}{place.package}@{place.version}{path}"

    def is_exact(self, place: Place) -> bool:
        """Say whether the version is neither a range nor a tag (Semantic Versioning 2.0.0, section 2)."""
        return _EXACT.fullmatch(place.version) is not None


@dataclass(frozen=True)
class Versioned:
    """``PREFIX NAME/VERSION/FILE``. With ``frozen``, the host has no versions that change."""

    prefix: str
    packages: Container[str]
    frozen: bool = False

    def read(self, path: str, query: str) -> Place | None:  # noqa: ARG002 - part of the layout
        """Return what stands there. A query, such as ``?v=4.7.0``, makes no difference to these hosts."""
        name, _, rest = path.removeprefix(self.prefix).partition("/")
        version, slash, file = rest.partition("/")
        is_known = path.startswith(self.prefix) and name in self.packages and _VERSION.fullmatch(version) is not None
        return Place(name, version, file) if is_known and slash and _is_file(file) else None

    def write(self, place: Place) -> str:
        """Return the path."""
        return f"{self.prefix}{place.package}/{place.version}/{place.path}"

    def is_exact(self, place: Place) -> bool:
        """Say whether the version can only ever be one content."""
        return self.frozen or _EXACT.fullmatch(place.version) is not None


@dataclass(frozen=True)
class Releases:
    """One package: ``PREFIX vVERSION/FILE``. A code in place of the version, as kits have, is no library."""

    prefix: str
    package: str

    def read(self, path: str, query: str) -> Place | None:  # noqa: ARG002
        """Return what stands there."""
        version, slash, file = path.removeprefix(self.prefix).partition("/")
        is_known = path.startswith(self.prefix) and version[:1] == "v" and _EXACT.fullmatch(version[1:]) is not None
        return Place(self.package, version, file) if is_known and slash and _is_file(file) else None

    def write(self, place: Place) -> str:
        """Return the path."""
        return f"{self.prefix}{place.version}/{place.path}"

    def is_exact(self, place: Place) -> bool:  # noqa: ARG002
        """Return True: releases do not change."""
        return True


@dataclass(frozen=True)
class JQuery:
    """``code.jquery.com``: ``/jquery-3.7.1.min.js``, ``/jquery-migrate-3.5.2.js``, and ``/ui/1.14.1/FILE``."""

    packages: Container[str]

    def read(self, path: str, query: str) -> Place | None:  # noqa: ARG002
        """Return what stands there."""
        file = path.removeprefix("/")
        match = _JQUERY_FILE.fullmatch(file)
        if match is not None:
            package = "jquery-migrate" if match["migrate"] else "jquery"
            return Place(package, match["version"], file) if package in self.packages else None
        place = Versioned("/", self.packages, frozen=True).read(path, "")
        return place if place is not None and self._is_folder(place) else None

    def write(self, place: Place) -> str:
        """Return the path."""
        return f"/{place.package}/{place.version}/{place.path}" if self._is_folder(place) else f"/{place.path}"

    def is_exact(self, place: Place) -> bool:
        """Say whether it is a release."""
        return place.version[:1].isdigit()

    @staticmethod
    def _is_folder(place: Place) -> bool:
        return not place.package.startswith("jquery") and place.version[:1].isdigit()


class FontFiles:
    """``fonts.gstatic.com``: ``/s/FAMILY/vVERSION/FILE``. What is made for one page, below ``/l/``, is no library."""

    _font = re.compile(r"/s/([a-z0-9]{1,80})/(v[0-9]{1,5})/([A-Za-z0-9_-]{1,255}\.(?:woff2?|ttf|otf|eot|svg))")

    def read(self, path: str, query: str) -> Place | None:  # noqa: ARG002
        """Return what stands there."""
        match = self._font.fullmatch(path)
        return Place(*match.groups()) if match is not None else None

    def write(self, place: Place) -> str:
        """Return the path."""
        return f"/s/{place.package}/{place.version}/{place.path}"

    def is_exact(self, place: Place) -> bool:  # noqa: ARG002
        """Return True: each version of a font has names of its own."""
        return True


class FontSheets:
    """``fonts.googleapis.com``: the style sheets ``/css``, ``/css2`` and ``/icon``, which the query describes."""

    _kinds = frozenset({"css", "css2", "icon"})
    _names = frozenset({"family", "subset", "display"})

    def read(self, path: str, query: str) -> Place | None:
        """Return what stands there. Sheets for a certain text or effect are no library."""
        kind = path.removeprefix("/")
        if kind not in self._kinds or len(query) > _LONGEST_QUERY:
            return None
        pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=None)
        is_known = any(name == "family" for name, _ in pairs) and all(
            name in self._names and _FONT_QUERY.fullmatch(value) is not None for name, value in pairs
        )
        written = "&".join(f"{name}={quote_plus(value, safe=':;,@')}" for name, value in pairs)
        return Place(kind, "", "", written) if is_known else None

    def write(self, place: Place) -> str:
        """Return the path."""
        return f"/{place.package}?{place.query}"

    def is_exact(self, place: Place) -> bool:  # noqa: ARG002
        """Return False: the sheets name the newest version of each font."""
        return False
