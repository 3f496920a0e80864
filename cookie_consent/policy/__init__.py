"""What the site declares: the policy, its file, and the registry of known services."""

from cookie_consent.policy.changes import Change, changes
from cookie_consent.policy.duration import Lifetime, parse_duration
from cookie_consent.policy.find import find_policy
from cookie_consent.policy.history import History, PastPolicy
from cookie_consent.policy.host import ascii_host, host_of
from cookie_consent.policy.inventory import Inventory, InventoryEvent
from cookie_consent.policy.lasting import home_of
from cookie_consent.policy.load import load_policy, parse_policy, policy_in_force
from cookie_consent.policy.model import (
    BannerOptions,
    Category,
    Controller,
    CookieOptions,
    CookieRule,
    GateOptions,
    HostRule,
    LimitOptions,
    OwnRule,
    Service,
    StorageRule,
    Stub,
    Text,
)
from cookie_consent.policy.moment import instant, moment_text
from cookie_consent.policy.names import Coverage, Names, check_names
from cookie_consent.policy.policy import BUILTIN_CATEGORIES, UNCLASSIFIED, Policy
from cookie_consent.policy.prefix import DEFAULT_PREFIX, checked_prefix
from cookie_consent.policy.registry import registry
from cookie_consent.policy.schema import policy_schema

__all__ = [
    "BUILTIN_CATEGORIES",
    "DEFAULT_PREFIX",
    "UNCLASSIFIED",
    "BannerOptions",
    "Category",
    "Change",
    "Controller",
    "CookieOptions",
    "CookieRule",
    "Coverage",
    "GateOptions",
    "History",
    "HostRule",
    "Inventory",
    "InventoryEvent",
    "Lifetime",
    "LimitOptions",
    "Names",
    "OwnRule",
    "PastPolicy",
    "Policy",
    "Service",
    "StorageRule",
    "Stub",
    "Text",
    "ascii_host",
    "changes",
    "check_names",
    "checked_prefix",
    "find_policy",
    "home_of",
    "host_of",
    "instant",
    "load_policy",
    "moment_text",
    "parse_duration",
    "parse_policy",
    "policy_in_force",
    "policy_schema",
    "registry",
]
