"""The static files: where they are, what they are called, and how they are sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Assets", "guard_source", "static_folder"]

_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)
_GUARD_PARTS = ("judge", "stubs", "contacts", "writes", "signal", "guard")
"""The last uses the others."""


def static_folder() -> Path:
    """Return the folder of the static files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "static", package.parent / "static"):
        if (folder / "banner.js").is_file():
            return folder
    raise ConfigurationError(f"the static files are missing beside {package}: install the package again")


def guard_source() -> bytes:
    """Return the code of the guard, which is put together of its parts, without the lines that are comments.

    Every first visit waits for it; the comments are a quarter of it.
    """
    folder = static_folder() / "guard"
    lines = [line for part in _GUARD_PARTS for line in (folder / f"{part}.js").read_bytes().splitlines(keepends=True)]
    return b"".join(line for line in lines if not line.lstrip().startswith(b"//"))


class Assets:
    """The files in memory, under names that change with their content, so that browsers may keep them for ever.

    ``made`` has more content, by name, that is in no file.
    """

    def __init__(self, base: str, folder: Path | None = None, made: Mapping[str, bytes] | None = None) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}
        self._packed: dict[str, bytes] = {}
        urls = {}
        contents = {
            path.name: path.read_bytes()
            for path in sorted((folder or static_folder()).iterdir())
            if path.suffix in _MEDIA_TYPES
        }
        for name, content in {**contents, **(made or {})}.items():
            stem, dot, extension = name.rpartition(".")
            hashed = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{extension}"
            self._files[hashed] = (content, _MEDIA_TYPES[dot + extension])
            self._packed[hashed] = gzip.compress(content, 9, mtime=0)
            urls[name] = f"{base}/{hashed}"
        self.urls: Mapping[str, str] = urls
        """From a file's own name to the path under which it is served."""

    def digests(self, url: str) -> tuple[str, ...]:
        """Return the hashes of the file at ``url``, as in ``integrity`` (SRI, section 3.5), the strongest last."""
        found = self._files.get(url.rpartition("/")[2])
        if found is None:
            return ()
        digests = ((name, hashlib.new(name, found[0]).digest()) for name in ("sha256", "sha384", "sha512"))
        return tuple(f"{name}-{base64.b64encode(digest).decode()}" for name, digest in digests)

    def response(self, name: str, accept_encoding: str = "") -> Response | None:
        """Return the answer for the hashed ``name``, or None if there is no such file.

        It is compressed where the header ``Accept-Encoding`` names gzip (RFC 9110, section 12.5.3).
        """
        found = self._files.get(name)
        if found is None:
            return None
        content, media_type = found
        headers = {
            "Vary": "Accept-Encoding",
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Type": media_type,
        }
        if _GZIP.search(accept_encoding):
            content = self._packed[name]
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers)
