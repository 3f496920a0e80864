"""The types that the mirror serves: scripts, styles, fonts, images, JSON and source maps."""

from __future__ import annotations

__all__ = ["media_type"]

_SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {
    **dict.fromkeys(("text/javascript", "application/javascript", "application/x-javascript"), _SCRIPT),
    "text/css": "text/css; charset=utf-8",
    "application/json": "application/json",
    "image/svg+xml": "image/svg+xml",
    **dict.fromkeys(("image/x-icon", "image/vnd.microsoft.icon"), "image/x-icon"),
    **{name: name for name in ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")},
    **{name: name for name in ("font/woff2", "font/woff", "font/ttf", "font/otf", "font/collection")},
    "application/font-woff2": "font/woff2",
    **dict.fromkeys(("application/font-woff", "application/x-font-woff"), "font/woff"),
    **dict.fromkeys(("application/x-font-ttf", "application/x-font-truetype", "font/sfnt"), "font/ttf"),
    "application/x-font-opentype": "font/otf",
    "application/vnd.ms-fontobject": "application/vnd.ms-fontobject",
}
_UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})
"""What servers send for a file whose kind they do not know."""
_BY_NAME = {
    "woff2": "font/woff2",
    "woff": "font/woff",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "eot": "application/vnd.ms-fontobject",
    "map": "application/json",
}


def media_type(content_type: str, path: str) -> str | None:
    """Return the ``Content-Type`` to serve a file with, given the host's; None if files of that type are not served.

    Only fonts and source maps, which are never run, may be known by their names.
    """
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _UNSAID:
        return _BY_NAME.get(path.rpartition(".")[2].lower())
    return _TYPES.get(essence)
