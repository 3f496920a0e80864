"""Serve the static files under hashed names, compressed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from threading import Lock
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Assets", "Later", "hashed_name", "takes_gzip"]

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}

_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)


class Later:
    """A file that is made at the first request for it, so that a start need not wait for it.

    ``digest`` has to change whenever what ``make`` returns does. ``make`` is called once, whatever the thread.
    """

    def __init__(self, name: str, digest: str, make: Callable[[], bytes]) -> None:
        self.name = _named(name, digest)
        self._make = make
        self._content: bytes | None = None
        self._lock = Lock()

    def content(self) -> bytes:
        """Return what is in the file."""
        with self._lock:
            if self._content is None:
                self._content = self._make()
            return self._content


class Assets:
    """The static files, in memory. Their names change with their content, so browsers may cache them for ever.

    ``contents`` are the files by name. ``base`` is the path below which they are served.
    """

    def __init__(self, base: str, contents: Mapping[str, bytes], *, later: Iterable[Later] = ()) -> None:
        self._files: dict[str, tuple[bytes | Later, str]] = {}
        self._packed: dict[str, bytes] = {}
        urls = {}
        for name, content in contents.items():
            hashed = hashed_name(name, content)
            self._files[hashed] = (content, _media_type(name))
            urls[name] = f"{base}/{hashed}"
        for file in later:
            self._files[file.name] = (file, _media_type(file.name))
        self.urls: Mapping[str, str] = urls
        """The path of each file, by its original name."""

    def include(self, other: Assets) -> None:
        """Serve the files of ``other`` too, under their own names."""
        self._files = {**other._files, **self._files}

    def digests(self, url: str) -> tuple[str, ...]:
        """Return the hashes of the file at ``url``, as in ``integrity`` (SRI, section 3.5), the strongest last."""
        found = self._files.get(url.rpartition("/")[2])
        if found is None:
            return ()
        content = _made(found[0])
        digests = ((name, hashlib.new(name, content).digest()) for name in ("sha256", "sha384", "sha512"))
        return tuple(f"{name}-{base64.b64encode(digest).decode()}" for name, digest in digests)

    def response(self, name: str, accept_encoding: str = "") -> Response | None:
        """Return the response for the hashed ``name``, or None if there is no such file.

        It is compressed if ``accept_encoding`` names gzip (RFC 9110, section 12.5.3).
        """
        found = self._files.get(name)
        if found is None:
            return None
        content, media_type = _made(found[0]), found[1]
        headers = {
            "Vary": "Accept-Encoding",
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Type": media_type,
        }
        if takes_gzip(accept_encoding):
            packed = self._packed.get(name)
            if packed is None:  # at the first request for it, so that a start need not wait for it
                packed = self._packed[name] = gzip.compress(content, 9, mtime=0)
            content = packed
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers)


def hashed_name(name: str, content: bytes) -> str:
    """Return the name under which a file with this content is served."""
    return _named(name, hashlib.sha256(content).hexdigest())


def _named(name: str, digest: str) -> str:
    """Return the name under which a file with this digest is served."""
    stem, _, extension = name.rpartition(".")
    return f"{stem}.{digest[:12]}.{extension}"


def _media_type(name: str) -> str:
    return _MEDIA_TYPES[name[name.rfind(".") :]]


def _made(content: bytes | Later) -> bytes:
    return content.content() if isinstance(content, Later) else content


def takes_gzip(accept_encoding: str) -> bool:
    """Return whether ``Accept-Encoding`` names gzip (RFC 9110, section 12.5.3)."""
    return _GZIP.search(accept_encoding) is not None
