"""What holds across languages, from the Unicode CLDR. ``python -m tests.cldr`` makes the data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Languages", "cldr_texts"]

_FOLDER = Path(__file__).parent / "locales" / "cldr"


@dataclass(frozen=True, kw_only=True)
class Languages:
    """Facts about languages. Tags are in lower case, but for those of ``names``."""

    names: Mapping[str, str]
    """What a language calls itself, by the tag of its file."""
    aliases: Mapping[str, str]
    """What a language is called now, by a name that it had, such as ``id`` by ``in``."""
    scripts: Mapping[str, str]
    """The script that a language, or it in a region, is written in where that is not ``Latn``, or the language's."""
    parents: Mapping[str, str]
    """The next more general tag, where that is not the tag without its last part."""
    plurals: Mapping[str, int]
    """The index of a language's plural rules."""
    rules: tuple[Mapping[str, list[list[list[int]]]], ...]
    """The plural rules for whole numbers: by category its alternatives, which are lists of conditions."""

    @classmethod
    @cache
    def load(cls) -> Self:
        """Read the data, once."""
        data = json.loads((_FOLDER / "languages.json").read_bytes())
        return cls(**data | {"rules": tuple(data["rules"])})


def cldr_texts(tag: str) -> dict[str, Any]:
    """Return the texts of a language that come from the CLDR, as tables of a locale file. They may be none."""
    file = _FOLDER / f"{tag}.json"
    # The data's names, so that a tag in which there is a path leads nowhere.
    return dict(json.loads(file.read_bytes())) if tag in Languages.load().names else {}
