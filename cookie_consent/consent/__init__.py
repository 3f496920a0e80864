"""What the visitor chose: the consent, the signed cookie that carries it, and the browser's signals."""

from cookie_consent.consent.model import Consent, consent_of

__all__ = ["Consent", "consent_of"]
