"""The JavaScript libraries and fonts that applications serve, or load from a CDN; ``package.json`` lists them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["LIBRARIES", "library"]

LIBRARIES = Path(__file__).parents[2] / ".venv" / "realapps" / "node_modules"
NPM = {"cdn.jsdelivr.net": "/npm/", "unpkg.com": "/"}
PACKAGED = re.compile(r"((?:@[^/@]+/)?[^/@]+)(?:@[^/]*)?/(.+)")
FACE = b"@font-face { font-family: Roboto; src: url(https://fonts.gstatic.com/s/roboto/v1/roboto.woff2) }"
ROBOTO = LIBRARIES / "@fontsource" / "roboto" / "files" / "roboto-latin-400-normal.woff2"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


def library(host: str, path: str) -> tuple[str, bytes] | None:
    """Return the media type and the content of a file on a public CDN; None if its package is not installed.

    The version that is asked for makes no difference. Of Google Fonts there is one font, whatever the family.
    """
    if host == "fonts.googleapis.com":
        return TYPES[".css"], FACE
    file = ROBOTO if host == "fonts.gstatic.com" else packaged(host, path)
    if file is None or not file.is_file():
        return None
    return TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()


def packaged(host: str, path: str) -> Path | None:
    prefix = NPM.get(host)
    found = PACKAGED.fullmatch(path.removeprefix(prefix)) if prefix and path.startswith(prefix) else None
    file = (LIBRARIES / found[1] / found[2]).resolve() if found else None
    return file if file is not None and file.is_relative_to(LIBRARIES.resolve()) else None
