"""What the visitor chose: the consent, the signed cookie that carries it, and the browser's signals."""

from cookie_consent.consent.cookie import ConsentCookie, StoredChoice, secret_keys
from cookie_consent.consent.decide import decide
from cookie_consent.consent.model import Consent, consent_of

__all__ = ["Consent", "ConsentCookie", "StoredChoice", "consent_of", "decide", "secret_keys"]
