"""What a scan saw: pages, cookies, storage keys, requests, snippets. Nothing here is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - read by pydantic

__all__ = [
    "Act",
    "Carrier",
    "ConsentTool",
    "Initiator",
    "Limit",
    "Mode",
    "ObservedApi",
    "ObservedCookie",
    "ObservedKey",
    "ObservedRequest",
    "ObservedSnippet",
    "Phase",
    "Scan",
    "ScannedPage",
    "Seen",
    "Sighting",
    "StorageKind",
]


class Mode(StrEnum):
    """How the pages were read."""

    HTTP = "http"
    """As a crawler without JavaScript: what the server's own answers say."""
    BROWSER = "browser"
    """In Chromium: what really loads."""


class Phase(StrEnum):
    """What the visitor had answered."""

    UNDECIDED = "undecided"
    REFUSED = "refused"
    ACCEPTED = "accepted"


class Act(StrEnum):
    """What the visitor did on the page before something was seen."""

    LOAD = "load"
    SCROLL = "scroll"
    CLICK = "click"
    LEAVE = "leave"


class Carrier(StrEnum):
    """What made a request, or what would make it."""

    DOCUMENT = "document"
    SCRIPT = "script"
    STYLE = "style"
    IMAGE = "image"
    FONT = "font"
    MEDIA = "media"
    FRAME = "frame"
    FETCH = "fetch"
    BEACON = "beacon"
    SOCKET = "socket"
    HINT = "hint"
    FORM = "form"
    WORKER = "worker"
    SERVICE_WORKER = "service worker"
    REDIRECT = "redirect"
    OTHER = "other"


class StorageKind(StrEnum):
    """Where a key is stored in the browser."""

    LOCAL = "localStorage"
    SESSION = "sessionStorage"
    DATABASE = "IndexedDB"
    CACHE = "CacheStorage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where and when something was seen."""

    page: str
    """The page's address."""
    phase: Phase = Phase.UNDECIDED
    act: Act = Act.LOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiator:
    """Who set or asked for something."""

    by: str
    """``header`` (an answer's own header), ``markup``, ``script``, or ``unknown``."""
    address: str = ""
    """The answer's, page's or script's address; empty if it is unknown."""
    line: int = 0
    """The line, the first being 1; 0 if it is unknown."""
    stack: tuple[str, ...] = ()
    """The addresses of the scripts that were running, the innermost first, each once."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """Something that was seen, perhaps often. Sightings beyond the scan's limit are only counted."""

    count: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    initiators: list[Initiator] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ObservedCookie(Seen):
    """A cookie, told from others by name, domain and path."""

    name: str
    domain: str
    """The host that the cookie belongs to, lower-case, without a leading dot."""
    path: str = "/"
    host_only: bool = True
    """Whether hosts below the domain do not get it."""
    lifetime: float | None = None
    """The longest seen, in seconds; None if it ended with the session each time."""
    http_only: bool = False
    secure: bool = False
    same_site: str = ""
    """``strict``, ``lax``, ``none``, or empty where nothing is said."""
    partitioned: bool = False
    sample: str = ""
    """The beginning of a value, for hints. It is not exported."""


@dataclass(slots=True, kw_only=True)
class ObservedKey(Seen):
    """A storage key, told from others by kind, origin and name."""

    name: str
    kind: StorageKind
    origin: str


@dataclass(slots=True, kw_only=True)
class ObservedRequest(Seen):
    """Requests to an address without its query, told from others by that and by what made them."""

    address: str
    """Scheme, host and path."""
    host: str
    """Lower-case, without port."""
    carrier: Carrier
    is_made: bool = True
    """False if a page only names the address: nothing without a browser makes the request."""
    queries: list[str] = field(default_factory=list)
    """The first few queries."""
    statuses: list[int] = field(default_factory=list)
    """The status codes, each once; 0 for a request that failed."""
    aliases: tuple[str, ...] = ()
    """The hosts that DNS leads the host's name to (``CNAME``)."""
    frame: str = ""
    """The address of the frame that made it, if it is not the page itself."""
    services: list[str] = field(default_factory=list)
    """The services whose marks one of the addresses, or the element that asks for it, carries. They count on the site's
    own hosts."""


@dataclass(slots=True, kw_only=True)
class ObservedSnippet(Seen):
    """An inline script with the signature of a known service."""

    service: str
    excerpt: str
    """Its first characters."""


@dataclass(slots=True, kw_only=True)
class ObservedApi(Seen):
    """Calls of an interface that reads out the device, such as a canvas's pixels."""

    name: str
    script: str


@dataclass(slots=True, kw_only=True)
class ConsentTool(Seen):
    """A consent tool of any make on the site."""

    name: str
    state: str = ""
    """What it says about itself: for example Google Consent Mode's ``gcs`` on the wire."""


@dataclass(slots=True, kw_only=True)
class ScannedPage:
    """A page that was visited, or that could not be."""

    address: str
    landed: str = ""
    """The address after redirects."""
    status: int = 0
    content_type: str = ""
    title: str = ""
    content_security_policy: str = ""
    """Its policies, as headers and ``meta`` elements have them, separated by commas."""
    size: int = 0
    """Bytes of the decoded body that were read."""
    seconds: float = 0.0
    error: str = ""
    """Why it could not be read, or empty."""
    screenshots: dict[Phase, Path] = field(default_factory=dict, init=False)
    """Files of PNG images. They are not read from a saved scan, which could name any file."""
    notes: list[str] = field(default_factory=list)
    """What else happened there, such as a window that the page opened, each as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit that the scan came to, so that something may be missing."""

    name: str
    """The option that sets it, such as ``--pages``."""
    value: str
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Scan:
    """All that a scan saw."""

    site: str
    """The address that was asked for."""
    mode: Mode
    started: str
    """ISO 8601, UTC."""
    landed: str = ""
    """Where that address led, if it redirects to another host: then the scan is of that host's site."""
    seconds: float = 0.0
    phases: tuple[Phase, ...] = (Phase.UNDECIDED,)
    pages: list[ScannedPage] = field(default_factory=list)
    cookies: list[ObservedCookie] = field(default_factory=list)
    keys: list[ObservedKey] = field(default_factory=list)
    requests: list[ObservedRequest] = field(default_factory=list)
    snippets: list[ObservedSnippet] = field(default_factory=list)
    apis: list[ObservedApi] = field(default_factory=list)
    tools: list[ConsentTool] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What this kind of scan cannot see, each as a sentence."""

    @property
    def home(self) -> str:
        """The address of the site that was scanned: where the one that was asked for leads."""
        return self.landed or self.site
