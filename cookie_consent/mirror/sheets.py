"""Style sheets of the mirror: what they load comes from the mirror too, or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.gate.html.inert import INERT_ADDRESS
from cookie_consent.gate.html.urls import stripped
from cookie_consent.rewriter.css import Replacement, rewrite_css

if TYPE_CHECKING:
    from cookie_consent.mirror.libraries import Libraries, LibraryFile

__all__ = ["mirrored_sheet", "relative_path"]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[\\/]{2}")
_HARMLESS = re.compile(r"data:(?:image|font|application/(?:x-)?font)[^,]*,|#", re.IGNORECASE)
_UTF_16 = (b"\xfe\xff", b"\xff\xfe")


def mirrored_sheet(sheet: bytes, file: LibraryFile, libraries: Libraries) -> bytes:
    """Return the style sheet with addresses of listed libraries leading to the mirror, and all others held.

    What is relative to the file stays: it leads to the mirror, which serves it if it is listed.
    """
    if sheet.startswith(_UTF_16):
        return b""  # browsers would read something else than this does

    def hold(address: str) -> str | None:
        address = stripped(address)
        if not address or _HARMLESS.match(address) is not None:
            return None
        if _ABSOLUTE.match(address) is None:
            if address[0] not in "/\\":
                return None
            address = f"https://{file.host}{address}"
        found = libraries.from_address(address)
        if found is None or found[0].is_folder:
            return INERT_ADDRESS
        return Replacement(relative_path(file, found[0].mirrored) + found[1])

    text = sheet.decode("utf-8", "surrogateescape")
    return rewrite_css(text, hold).encode("utf-8", "surrogateescape")


def relative_path(file: LibraryFile, mirrored: str) -> str:
    """Return the way from a file of the mirror to a path below it, wherever the mirror is mounted."""
    return "../" * file.mirrored.partition("?")[0].count("/") + mirrored
