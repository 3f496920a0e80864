"""What no gate of ours stops by now, with the reason. An entry that leaks no more must go."""

from __future__ import annotations

BEYOND = {
    "form": "where a site sends its visitor is the site's own act, as a redirect is",
    "frame-location": "a connection without a request: Chromium makes it before it asks the page's policy, and the "
    "script reaches the frame by its number, before any document of the site is in it",
    "location": "where a site sends its visitor is the site's own act, as a redirect is",
    "own-worker": "no policy can tell an own address of a service from the site's, and a worker has no guard",
    "payment-bank": "on the paths that the site names, a frame may be the bank's check, and no list names all banks",
    "popup-on-click": "the visitor's own act, as following a link is",
}

OF_UNKNOWN_HOSTS = frozenset({"form", "location", "payment-bank"})
"""Those that concern unknown hosts alone: a service that is known and refused is held there too."""
