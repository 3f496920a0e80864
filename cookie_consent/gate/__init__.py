"""What may pass: the cookies that come and go, and the tags of a page."""

from cookie_consent.gate.cookies import CookieEvent, CookieGate, gated_cookies
from cookie_consent.gate.expiry import Place
from cookie_consent.gate.headers import gate_link_header, gate_refresh_header
from cookie_consent.gate.tags import INERT_ADDRESS, MakePlaceholder, TagGate
from cookie_consent.gate.urls import host_of, target

__all__ = [
    "INERT_ADDRESS",
    "CookieEvent",
    "CookieGate",
    "MakePlaceholder",
    "Place",
    "TagGate",
    "gate_link_header",
    "gate_refresh_header",
    "gated_cookies",
    "host_of",
    "target",
]
