"""Which answers a Content-Security-Policy governs: what a browser runs, rather than shows inside of something else."""

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
_MARKUP = frozenset({"text/xml", "application/xml", "multipart/x-mixed-replace"})
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
"""Values of ``Content-Type`` that are met most often of those that ``kind_of`` calls passive."""
_MAY_BECOME_ONE = frozenset({"unknown", "markup", "script"})
_PASSIVE_KINDS = frozenset({"image", "audio", "video", "font"})


def needs_csp(content_type: bytes, destination: bytes | None) -> bool:
    """Say whether an answer of that type becomes a document or a worker; ``destination`` is ``Sec-Fetch-Dest``.

    Whatever may become one counts as one where the browser does not say what it is for, or where a script asks for
    it: a service worker may keep it and answer with it later.
    """
    kind = kind_of(content_type)
    if kind == "page" or destination in WORKERS:
        return True
    if destination in DOCUMENTS:
        return kind != "passive"
    return destination in {None, b"empty"} and kind in _MAY_BECOME_ONE


def may_need_csp(content_type: bytes, destination: bytes | None) -> bool:
    """Say whether an answer needs the policy, or would if it were asked for as something else."""
    return kind_of(content_type) in _MAY_BECOME_ONE or needs_csp(content_type, destination)


@lru_cache(maxsize=256)
def kind_of(content_type: bytes) -> str:
    """Return ``page`` for HTML, ``unknown`` for what browsers take a closer look at, else what it may become.

    That is ``markup``, ``script``, ``passive`` for what becomes neither document nor worker, or ``other``. Several
    lines of the header are joined by ``joined``. Where they can be read in several ways, it is the first of these.
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
