"""How long something stays in the browser, in a language's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookie_consent.banner.plural import plural_form
from cookie_consent.policy.duration import UNITS, Lifetime

if TYPE_CHECKING:
    from cookie_consent.banner.locale import Locale

__all__ = ["duration_in"]

_UNITS = {"year": UNITS["y"], "month": UNITS["mo"], "day": UNITS["d"], "hour": UNITS["h"], "minute": UNITS["min"]}
_CALENDAR = ("year", "month")


def duration_in(locale: Locale, duration: int | Lifetime) -> str:
    """Return a duration, in seconds or a lifetime, such as ``13 months``: in the largest unit that divides it.

    A lifetime in seconds is not shown in months or years, whose length differs.
    """
    seconds = duration.average if isinstance(duration, Lifetime) else duration
    is_exact = isinstance(duration, Lifetime) and not duration.months
    units = {unit: size for unit, size in _UNITS.items() if not (is_exact and unit in _CALENDAR)}
    unit = next((unit for unit, size in units.items() if seconds % size == 0), "second")
    count = seconds // _UNITS.get(unit, 1)
    forms = locale.text(f"durations.{unit}", count=locale.format_number(count)).split("|")
    return forms[min(plural_form(locale.language, count), len(forms) - 1)]
