"""The gates: they hold back cookies, tags, headers and connections that the visitor has not agreed to."""

from cookie_consent.gate.cookies.deletion import CookieUrl
from cookie_consent.gate.cookies.gate import CookieEvent, CookieGate, gated_cookies
from cookie_consent.gate.cookies.set_cookie import parse_set_cookie
from cookie_consent.gate.csp.own_elements import OwnElements
from cookie_consent.gate.csp.policies import ContentSecurityPolicies
from cookie_consent.gate.csp.site_policies import SitePolicies
from cookie_consent.gate.guard import (
    PARTS_PLACEHOLDER,
    RULES_PLACEHOLDER,
    GuardRules,
    guard_details,
    guard_script,
    guard_tag,
)
from cookie_consent.gate.headers import ADDRESS_HEADERS
from cookie_consent.gate.html.findings import INLINE, OWN, HeldPart, Trace
from cookie_consent.gate.html.inert import INERT_ADDRESS
from cookie_consent.gate.html.library_links import LibraryLinks, OffersLibraries
from cookie_consent.gate.html.tag_cache import CachingTagGate, TagCache
from cookie_consent.gate.html.tags import MakePlaceholder, TagGate, is_policy
from cookie_consent.gate.html.urls import target
from cookie_consent.gate.signals import NamedSignals

__all__ = [
    "ADDRESS_HEADERS",
    "INERT_ADDRESS",
    "INLINE",
    "OWN",
    "PARTS_PLACEHOLDER",
    "RULES_PLACEHOLDER",
    "CachingTagGate",
    "ContentSecurityPolicies",
    "CookieEvent",
    "CookieGate",
    "CookieUrl",
    "GuardRules",
    "HeldPart",
    "LibraryLinks",
    "MakePlaceholder",
    "NamedSignals",
    "OffersLibraries",
    "OwnElements",
    "SitePolicies",
    "TagCache",
    "TagGate",
    "Trace",
    "gated_cookies",
    "guard_details",
    "guard_script",
    "guard_tag",
    "is_policy",
    "parse_set_cookie",
    "target",
]
