"""The categories that exist from the start."""

from __future__ import annotations

from cookie_consent.policy.duration import parse_duration
from cookie_consent.policy.model import UNCLASSIFIED, Category

__all__ = ["BUILTIN_CATEGORIES"]

BUILTIN_CATEGORIES = (
    Category(id="session", required=True),
    Category(id="login"),
    Category(id="preferences"),
    Category(id="analytics", max_age=parse_duration("13mo")),
    Category(id="advertising", sale_or_sharing=True),
    Category(id="social", sale_or_sharing=True),
    Category(id=UNCLASSIFIED, sale_or_sharing=True),
)
"""The built-in categories. Their texts are in the locale files.

What nobody has classified may be sold or shared, so Global Privacy Control refuses it too.

Audience measurement without consent is limited to cookies of at most 13 months (CNIL, guidelines of 17 September
2020). With consent nobody needs longer ones either."""
