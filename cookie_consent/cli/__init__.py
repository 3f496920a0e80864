"""The commands of ``cookie-consent``, which need the extra ``standard``."""
