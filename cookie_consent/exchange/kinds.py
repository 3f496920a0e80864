"""Which responses need a Content-Security-Policy: documents and workers, not images or styles of a page."""

from __future__ import annotations

from functools import lru_cache

from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.exchange.sniff import is_unknown_type

__all__ = ["DOCUMENTS", "USUAL_PASSIVE", "WORKERS", "kind_of", "may_need_csp", "needs_csp"]

DOCUMENTS = frozenset({b"document", b"iframe", b"frame", b"object", b"embed", b"fencedframe"})
WORKERS = frozenset({b"worker", b"sharedworker", b"serviceworker"})
"""Values of ``Sec-Fetch-Dest`` (Fetch Metadata, section 2.1)."""
_KINDS = ("page", "unknown", "markup", "script", "other", "passive")
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_MARKUP = frozenset({"text/xml", "application/xml", "text/xsl", "multipart/x-mixed-replace"})
_SCRIPTS = frozenset(
    "text/javascript application/javascript application/x-javascript text/ecmascript application/ecmascript "
    "application/x-ecmascript text/jscript text/livescript text/x-javascript text/x-ecmascript".split()
)
_PASSIVE = frozenset(
    "text/plain text/css text/csv text/event-stream application/json application/pdf application/octet-stream "
    "application/zip application/gzip application/wasm".split()
)
USUAL_PASSIVE = frozenset(
    {
        b"application/json",
        b"application/json; charset=utf-8",
        b"font/woff2",
        b"image/avif",
        b"image/gif",
        b"image/jpeg",
        b"image/png",
        b"image/webp",
        b"text/css",
        b"text/css; charset=utf-8",
        b"text/plain; charset=utf-8",
    }
)
"""The most common values of ``Content-Type`` for which ``kind_of`` returns ``passive``."""
_MAY_BECOME_ONE = frozenset({"unknown", "markup", "script"})
_PASSIVE_KINDS = frozenset({"image", "audio", "video", "font"})


def needs_csp(content_type: bytes, destination: bytes | None) -> bool:
    """Return whether a response becomes a document or a worker. ``destination`` is ``Sec-Fetch-Dest``.

    If the browser does not say, or if a script asks, whatever may become one counts: a service worker could store the
    response and serve it as a document later.
    """
    kind = kind_of(content_type)
    if kind == "page" or destination in WORKERS:
        return True
    if destination in DOCUMENTS:
        # Scripts and other types may still be shown as documents.
        return kind != "passive"
    return destination in {None, b"empty"} and kind in _MAY_BECOME_ONE


def may_need_csp(content_type: bytes, destination: bytes | None) -> bool:
    """Return whether a response needs the policy for this destination, or for any other."""
    return kind_of(content_type) in _MAY_BECOME_ONE or needs_csp(content_type, destination)


@lru_cache(maxsize=256)
def kind_of(content_type: bytes) -> str:
    """Return ``page`` (HTML), ``unknown`` (browsers sniff it), ``markup``, ``script``, ``other`` or ``passive``.

    ``passive`` becomes neither a document nor a worker. If browsers disagree on the type, the first kind in this order
    counts. Several header lines must be joined by ``joined``.
    """
    read = content_type_of(content_type)
    kinds = {_kind_of(read.essence), _kind_of(read.lenient) if read.lenient else "unknown"}
    return next(kind for kind in _KINDS if kind in kinds)


def _kind_of(essence: str) -> str:
    family, _, subtype = essence.partition("/")
    if essence in _PAGES:
        return "page"
    if is_unknown_type(essence):
        return "unknown"
    if essence in _MARKUP or subtype.endswith("+xml"):
        return "markup"
    if essence in _SCRIPTS:
        return "script"
    if essence in _PASSIVE or family in _PASSIVE_KINDS or subtype.endswith("+json"):
        return "passive"
    return "other"
