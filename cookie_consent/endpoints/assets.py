"""The static files as they are served: what they are called, and how they are sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Assets"]

_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)


class Assets:
    """The files in memory, under names that change with their content, so that browsers may keep them for ever.

    ``contents`` are the files by name; ``base`` is the path below which they are served.
    """

    def __init__(self, base: str, contents: Mapping[str, bytes]) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}
        self._packed: dict[str, bytes] = {}
        urls = {}
        for name, content in contents.items():
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
