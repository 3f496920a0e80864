"""Style sheets of the mirror: what they load comes from the mirror too, or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from cookie_consent.gate.html.inert import INERT_ADDRESS
from cookie_consent.gate.html.urls import stripped
from cookie_consent.rewriter.css import Replacement, rewrite_css

if TYPE_CHECKING:
    from cookie_consent.mirror.libraries import Libraries, LibraryFile

__all__ = ["mirrored_sheet", "relative_path"]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[\\/]{2}")
_HARMLESS = re.compile(r"data:(?:image|font|application/(?:x-)?font)[^,]*,|#", re.IGNORECASE)
_ROOT = "https://mirror.invalid/%/"
"""Stands for the mirror. No path of a library has a percent sign, so that no address leads out of it and in again."""
_DOT = re.compile("%2e", re.IGNORECASE)
_EMPTY = re.compile("/(?=/)")
_UTF_16 = (b"\xfe\xff", b"\xff\xfe")


def mirrored_sheet(sheet: bytes, file: LibraryFile, libraries: Libraries) -> bytes:
    """Return the style sheet with addresses of listed libraries leading to the mirror, and all others held.

    What is relative to the file stays as it is where it leads to the same file of the mirror.
    """
    if sheet.startswith(_UTF_16):
        return b""  # browsers would read something else than this does

    def hold(address: str) -> str | None:
        address = stripped(address)
        if not address or _HARMLESS.match(address) is not None:
            return None
        is_relative = _ABSOLUTE.match(address) is None
        if is_relative:
            address = _with_plain_dots(address)
        try:
            server = urljoin(file.upstream, address) if is_relative else address
        except ValueError:
            return INERT_ADDRESS
        found = libraries.from_address(server.partition("#")[0])
        if found is None or found[0].is_folder:
            return INERT_ADDRESS
        if is_relative and _in_mirror(file, address) == found[0].mirrored.partition("?")[0]:
            return None
        led = libraries.from_address(server)  # no fragment may end the address in CSS
        return Replacement(relative_path(file, led[0].mirrored) + led[1]) if led is not None else INERT_ADDRESS

    text = sheet.decode("utf-8", "surrogateescape")
    return rewrite_css(text, hold).encode("utf-8", "surrogateescape")


def _with_plain_dots(address: str) -> str:
    """Return a relative address with the dots and slashes that browsers read in it (URL standard, section 4.4).

    What is empty between two slashes counts as a folder, which no library has.
    """
    end = min((at for at in (address.find("?"), address.find("#")) if at >= 0), default=len(address))
    path = _DOT.sub(".", address[:end].replace("\\", "/"))
    return _EMPTY.sub("/%", path) + address[end:]


def _in_mirror(file: LibraryFile, address: str) -> str:
    """Return where a relative address leads below the mirror, as browsers read it; what leads out of it is no path."""
    found = urljoin(_ROOT + file.mirrored, address).partition("#")[0].partition("?")[0]
    return found.removeprefix(_ROOT) if found.startswith(_ROOT) else ""


def relative_path(file: LibraryFile, mirrored: str) -> str:
    """Return the way from a file of the mirror to a path below it, wherever the mirror is mounted."""
    return "../" * file.mirrored.partition("?")[0].count("/") + mirrored
