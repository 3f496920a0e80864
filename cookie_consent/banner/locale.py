"""The texts of one language, read from its file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Locale", "load_locales"]

_SHIPPED = Path(__file__).parent / "locales"
_REFERENCE = "en"
_OPTIONAL = ("countries.", "purposes.")
"""Texts that a language may lack. The code of a country, or the registry's English, takes their place."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class Locale:
    """All texts of one language, by dotted key such as ``banner.title``."""

    language: str
    texts: Mapping[str, str]

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``, for the ``dir`` attribute."""
        return self.texts["direction"]

    def text(self, key: str, **values: str) -> str:
        """Return the text of ``key`` with each ``{name}`` replaced by the value given for it.

        Raises ``KeyError`` for a key that the language lacks. Values are not escaped, which is the template's task,
        and braces in them have no effect.
        """
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), self.texts[key])

    def category(self, category_id: str, part: str) -> str | None:
        """Return the ``name``, ``purpose`` or ``consequence`` of a built-in category, or None for any other."""
        return self.texts.get(f"categories.{category_id}.{part}")


def load_locales(own: Path | None = None) -> dict[str, Locale]:
    """Read the built-in languages and those in the folder ``own``, by language tag.

    A file in ``own`` replaces single texts of the built-in language of that name; one for a new language must contain
    every text. Raises ``ConfigurationError`` if the folder or a file cannot be used.
    """
    texts = dict(_shipped())
    complete = {key for key in texts[_REFERENCE] if not key.startswith(_OPTIONAL)}
    if own is not None:
        if not own.is_dir():
            raise ConfigurationError(f"banner.locales: {own} is not a folder; give the folder of your .toml files")
        for file in sorted(own.glob("*.toml")):
            texts[file.stem] = {**texts.get(file.stem, {}), **_read(file)}
            missing = sorted(complete - set(texts[file.stem]))
            if missing:
                raise ConfigurationError(f"{file}: these texts are missing: {', '.join(missing)}; add them")
            if texts[file.stem]["direction"] not in {"ltr", "rtl"}:
                raise ConfigurationError(f'{file}: direction: write "ltr" or "rtl"')
    return {tag: Locale(language=tag, texts=MappingProxyType(entry)) for tag, entry in texts.items()}


@cache
def _shipped() -> Mapping[str, Mapping[str, str]]:
    return {file.stem: _read(file) for file in sorted(_SHIPPED.glob("*.toml"))}


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
