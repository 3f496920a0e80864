"""Find the scripts and style sheets, and choose between their two forms: minified and plain."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from cookie_consent.banner import LATE_PLACEHOLDER, PLACES_PLACEHOLDER
from cookie_consent.errors import ConfigurationError
from cookie_consent.gate import PARTS_PLACEHOLDER, RULES_PLACEHOLDER

__all__ = ["guard_parts", "minified_file", "plain_files", "static_files", "static_folder", "with_digest"]

logger = logging.getLogger("cookie_consent")

_FORMS = ("minified", "plain")
_VARIABLE = "CONSENT_ASSETS"
_SUFFIXES = {".css", ".js"}
_PARTS = {
    "guard": ("judge", "stubs", "contacts", "images", "own", "writes", "gpc", "guard"),
    "banner": ("room", "place", "typed", "status", "element", "loader", "banner"),
    "banner-more": ("places", "declaration", "activation", "settings", "more"),
}
"""The scripts made of several files, in the order in which these are joined: the last one uses the others.

They lie in the folder of the name's first part.
"""
_OPTIONAL = {"signals": "makeSignals", "mirror": "makeMirror"}
"""The guard's parts that only some pages need, with the function that each of them is. They use no other part."""


def static_folder() -> Path:
    """Return the folder of the static files: inside the installed package, or next to it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "static", package.parent / "static"):
        if (folder / "banner.css").is_file():
            return folder
    raise ConfigurationError(f"the static files are missing beside {package}: install the package again")


def static_files(form: str | None = None) -> dict[str, bytes]:
    """Return the files by name, minified or plain.

    Guard and banner have placeholders where what the policy says belongs. None reads
    ``CONSENT_ASSETS``, else it is ``minified``. A file whose source has changed since it was minified is plain in
    either case. Raises ``ConfigurationError`` for another form.
    """
    form = form or os.environ.get(_VARIABLE) or _FORMS[0]
    if form not in _FORMS:
        raise ConfigurationError(
            f"{_VARIABLE} is {form!r}: write 'plain' for scripts and styles as they were written, "
            "or leave it out for the minified ones"
        )
    plain = plain_files()
    if form == "plain":
        return plain
    minified = {name: minified_file(name, source) for name, source in plain.items()}
    stale = sorted(name for name, content in minified.items() if content is None)
    if stale:
        # Someone is working on the sources, or has patched them. Browsers must get the current version.
        logger.warning("served without being minified, as they have changed: %s; run make assets", ", ".join(stale))
    return {name: plain[name] if content is None else content for name, content in minified.items()}


def plain_files() -> dict[str, bytes]:
    """Return the source files by name. The parts of guard and banner are joined."""
    folder = static_folder()
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES}
    first = {
        "guard": b"".join([b"const rules=", RULES_PLACEHOLDER, b",parts=", PARTS_PLACEHOLDER, b";\n"]),
        "banner": b"".join([b"const [lateFile,ids]=", LATE_PLACEHOLDER, b';\nconst placed=ids.split(" ");\n']),
        "banner-more": b"".join([b"const services=", PLACES_PLACEHOLDER, b";\n"]),
    }
    for name, parts in _PARTS.items():
        sources = folder / name.partition("-")[0]
        joined = b"".join((sources / f"{part}.js").read_bytes() for part in parts)
        # The block keeps the script's names out of the global scope.
        files[f"{name}.js"] = b"".join([b"{", first.get(name, b""), joined, b"}\n"])
    for name, function in _OPTIONAL.items():
        source = (folder / "guard" / f"{name}.js").read_bytes()
        # Without an assignment, there would be nothing left of it once it is minified.
        files[f"guard-{name}.js"] = b"".join([b"part = (() => {\n", source, f"return {function};\n}})()\n".encode()])
    return files


def guard_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Remove the guard's optional parts from ``files``, and return them by name: each is an expression."""
    assigned = {name: files.pop(f"guard-{name}.js") for name in _OPTIONAL}
    return {name: text.partition(b"=")[2].strip().removesuffix(b";") for name, text in assigned.items()}


def minified_file(name: str, source: bytes) -> bytes | None:
    """Return the minified form of the file ``name``, or None if there is none for this ``source``."""
    try:
        content = (static_folder() / "minified" / name).read_bytes()
    except FileNotFoundError:
        return None
    head = with_digest(source, b"")
    return content.removeprefix(head) if content.startswith(head) else None


def with_digest(source: bytes, minified: bytes) -> bytes:
    """Return ``minified`` as it is stored: after a comment with the digest of its ``source``."""
    digest = hashlib.sha256(source).hexdigest()
    return f"/* Made by make assets from a source with the SHA-256 digest {digest}. */\n".encode("ascii") + minified
