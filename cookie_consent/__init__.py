"""Hold a website to its cookie policy.

``ConsentMiddleware`` wraps any ASGI application. It shows the consent banner, holds back the cookies and third-party
tags that the visitor has not agreed to, and writes each choice to a log that can be exported.
"""

from cookie_consent.consent import Consent, consent_of
from cookie_consent.errors import ConfigurationError, ConsentError, LedgerError, PolicyError
from cookie_consent.ledger import ConsentRecord, Ledger
from cookie_consent.middleware import ConsentMiddleware
from cookie_consent.policy import Policy
from cookie_consent.version import __version__

__all__ = [
    "ConfigurationError",
    "Consent",
    "ConsentError",
    "ConsentMiddleware",
    "ConsentRecord",
    "Ledger",
    "LedgerError",
    "Policy",
    "PolicyError",
    "__version__",
    "consent_of",
]
