"""The texts of one language, read from its file."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cookie_consent.banner.cldr import Languages, cldr_texts
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["Locale", "load_locales"]

_SHIPPED = Path(__file__).parent / "locales"
_REFERENCE = "en"
_OPTIONAL = ("countries.", "purposes.", "dates.", "digits")
"""Texts that a language may lack. The code of a country, the registry's English or an ISO date takes their place."""
_OPERATOR = ("admin.", "stats.")
"""Texts of the operator's pages, which a language has all of, or none: then those pages are in English."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Locale:
    """All texts of one language, by dotted key such as ``banner.title``. Shipped ones are read when they are used.

    ``own`` are the site's texts, which precede those that are shipped for this language.
    """

    def __init__(self, language: str, own: Mapping[str, str] | None = None) -> None:
        self.language = language
        self._own = dict(own or {})

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The texts by their keys."""
        return MappingProxyType({**_shipped(self.language), **self._own})

    @property
    def name(self) -> str:
        """What the language calls itself."""
        return self._own.get("language") or Languages.load().names.get(self.language) or self.texts["language"]

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, for the ``dir`` attribute."""
        return self.texts["direction"]

    @property
    def is_for_operators(self) -> bool:
        """Whether there are texts for the operator's pages."""
        return any(key.startswith(_OPERATOR) for key in self.texts)

    def text(self, key: str, **values: str) -> str:
        """Return the text of ``key`` with each ``{name}`` replaced by the value given for it.

        Raises ``KeyError`` for a key that the language lacks. Values are not escaped, which is the template's task,
        and braces in them have no effect.
        """
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), self.texts[key])

    def category(self, category_id: str, part: str) -> str | None:
        """Return the ``name``, ``purpose`` or ``consequence`` of a built-in category, or None for any other."""
        return self.texts.get(f"categories.{category_id}.{part}")

    def format_number(self, number: int) -> str:
        """Return a whole number in the digits of the language, without separators."""
        return self._in_digits(str(number))

    def format_date(self, day: date) -> str:
        """Return a day such as ``27 November 2026``, of a ``datetime`` in its own time zone."""
        if "dates.date" not in self.texts:
            return day.isoformat()[:10]
        month = self.text("dates.months").split("|")[day.month - 1]
        return self.text(
            "dates.date",
            day=self.format_number(day.day),
            padded_day=self._in_digits(f"{day:%d}"),
            month=month,
            year=self.format_number(day.year),
        )

    def format_time(self, at: datetime) -> str:
        """Return a time to the minute such as ``27 November 2026, 08:15 UTC``, with the name of its own time zone."""
        if "dates.date" not in self.texts:
            return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"
        clock = self.text(
            "dates.time",
            hour=self.format_number(at.hour),
            padded_hour=self._in_digits(f"{at:%H}"),
            minute=self._in_digits(f"{at:%M:%S}" if at.second else f"{at:%M}"),
        )
        # Joined without breaks: a time is read with its zone.
        return self.text("dates.both", date=self.format_date(at), time=f"{clock}\u00a0{at.tzname()}")

    def format_moment(self, moment: date) -> str:
        """Return a day, or a time with its zone."""
        return self.format_time(moment) if isinstance(moment, datetime) else self.format_date(moment)

    @cached_property
    def _digits(self) -> dict[int, str]:
        return dict(zip(range(ord("0"), ord("9") + 1), self.texts.get("digits", ""), strict=False))

    def _in_digits(self, figures: str) -> str:
        return figures.translate(self._digits)


def load_locales(own: Path | None = None) -> dict[str, Locale]:
    """Return the built-in languages and those in the folder ``own``, by language tag.

    A file in ``own`` replaces single texts of the built-in language of that name; one for a new language must contain
    every text that visitors see. Raises ``ConfigurationError`` if the folder or a file cannot be used.
    """
    locales = {tag: Locale(tag) for tag in _tags()}
    if own is not None:
        if not own.is_dir():
            raise ConfigurationError(f"banner.locales: {own} is not a folder; give the folder of your .toml files")
        for file in sorted(own.glob("*.toml")):
            locale = Locale(file.stem, _read(file))
            missing = missing_texts(locale)
            if missing:
                raise ConfigurationError(f"{file}: these texts are missing: {', '.join(missing)}; add them")
            if locale.direction not in {"ltr", "rtl"}:
                raise ConfigurationError(f'{file}: direction: write "ltr" or "rtl"')
            locales[file.stem] = locale
    return locales


def missing_texts(locale: Locale) -> list[str]:
    """Return the keys of texts that a language must have, and lacks."""
    needed = {key for key in _shipped(_REFERENCE) if not key.startswith(_OPTIONAL)}
    if not locale.is_for_operators:
        needed = {key for key in needed if not key.startswith(_OPERATOR)}
    return sorted(needed - set(locale.texts))


@cache
def _tags() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _SHIPPED.glob("*.toml")))


@cache
def _shipped(tag: str) -> Mapping[str, str]:
    """Return the texts that are shipped for a language: those of the CLDR, and of its file."""
    generated = dict(_flat(cldr_texts(tag), ""))
    return {**generated, **_read(_SHIPPED / f"{tag}.toml")} if tag in _tags() else generated


def _read(file: Path) -> dict[str, str]:
    try:
        return dict(_flat(tomllib.loads(file.read_text("utf-8")), ""))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigurationError(f"{file}: {error}; a locale file is UTF-8 TOML whose values are texts") from error


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    entries: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            entries += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            entries.append((f"{prefix}{key}", value))
        else:
            raise TypeError(f"{prefix}{key} must be a text in quotes")
    return entries
