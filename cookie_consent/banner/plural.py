"""Plural forms of whole numbers (Unicode CLDR, language plural rules)."""

from __future__ import annotations

from functools import cache

from cookie_consent.banner.cldr import Languages

__all__ = ["CATEGORIES", "plural_categories", "plural_form"]

CATEGORIES = ("zero", "one", "two", "few", "many", "other")
_COUNTED = range(1, 1000)


def plural_category(language: str, number: int) -> str:
    """Return the category of a whole number from 0. A language without data has those of English."""
    for category, alternatives in _rules(language).items():
        if any(all(_holds(condition, number) for condition in conditions) for conditions in alternatives):
            return category
    return "other"


@cache
def plural_categories(language: str) -> tuple[str, ...]:
    """Return the categories that the whole numbers from 1 to 999 take, in CLDR's order."""
    found = {plural_category(language, number) for number in _COUNTED}
    return tuple(category for category in CATEGORIES if category in found)


def plural_form(language: str, number: int) -> int:
    """Return the index in ``plural_categories`` of the form that a whole number takes, the last for what has none."""
    categories, category = plural_categories(language), plural_category(language, number)
    return categories.index(category) if category in categories else len(categories) - 1


def _rules(language: str) -> dict[str, list[list[list[int]]]]:
    data = Languages.load()
    base = language.partition("-")[0].lower()
    base = data.aliases.get(base, base).partition("-")[0]
    return dict(data.rules[data.plurals.get(base, data.plurals["en"])])


def _holds(condition: list[int], number: int) -> bool:
    modulus, inside, *bounds = condition
    value = number % modulus if modulus else number
    return any(low <= value <= high for low, high in zip(bounds[::2], bounds[1::2], strict=True)) == bool(inside)
