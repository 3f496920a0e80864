"""What the visitor chose: the consent, the posted choice, the signed cookie, and Global Privacy Control."""

from cookie_consent.consent.access import is_read, tracked
from cookie_consent.consent.choice import (
    Choice,
    action_between,
    action_of,
    chosen,
    grants_more,
    parse_choice,
    posted_language,
)
from cookie_consent.consent.cookie import XRAY_COOKIE, ConsentCookie, StoredChoice, own_cookies, secret_keys
from cookie_consent.consent.decide import asking, decide
from cookie_consent.consent.edition import EditionSigner
from cookie_consent.consent.gpc import gpc_cookie_name
from cookie_consent.consent.header import HEADER_NAME, HEADER_NAMES, header_value
from cookie_consent.consent.model import RENDERER, Consent, consent_of, scope_of
from cookie_consent.consent.notice_hash import notice_hash
from cookie_consent.consent.reader import ConsentReader
from cookie_consent.consent.receipt_token import ReceiptOffer
from cookie_consent.consent.record import new_record
from cookie_consent.policy.fingerprints import edition_digest

__all__ = [
    "HEADER_NAME",
    "HEADER_NAMES",
    "RENDERER",
    "XRAY_COOKIE",
    "Choice",
    "Consent",
    "ConsentCookie",
    "ConsentReader",
    "EditionSigner",
    "ReceiptOffer",
    "StoredChoice",
    "action_between",
    "action_of",
    "asking",
    "chosen",
    "consent_of",
    "decide",
    "edition_digest",
    "gpc_cookie_name",
    "grants_more",
    "header_value",
    "is_read",
    "new_record",
    "notice_hash",
    "own_cookies",
    "parse_choice",
    "posted_language",
    "scope_of",
    "secret_keys",
    "tracked",
]
