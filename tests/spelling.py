"""Check the spelling of the texts by dictionaries: ``make spelling``, or ``python -m tests.spelling [TAG ...]``.

Right words that a dictionary lacks stand in ``tests/data/spelling/TAG.txt``, one a line, and names that are the same in
every language in ``names.txt``. Any other unknown word fails, and so does a word in a list that its dictionary knows.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import sys
import tomllib
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ACCEPTED", "LOCALES", "MISSING", "PACKAGES", "accepted", "check", "main", "texts_of", "words_of"]

LOCALES = Path(str(files("cookie_consent.banner"))) / "locales"
ACCEPTED = Path(__file__).parent / "data" / "spelling"
UNPACKED = Path(__file__).parents[1] / ".venv" / "spelling"
PACKAGES = {
    "ar": ("hunspell-ar", "ar"),
    "bg": ("hunspell-bg", "bg_BG"),
    "bs": ("hunspell-bs", "bs_BA"),
    "ca": ("hunspell-ca", "ca"),
    "cs": ("hunspell-cs", "cs_CZ"),
    "da": ("hunspell-da", "da_DK"),
    "de": ("hunspell-de-de", "de_DE"),
    "el": ("hunspell-el", "el_GR"),
    "en": ("hunspell-en-gb", "en_GB"),
    "es": ("hunspell-es", "es_ES"),
    "et": ("myspell-et", "et_EE"),
    "eu": ("hunspell-eu", "eu"),
    "fa": ("myspell-fa", "fa_IR"),
    "fr": ("hunspell-fr-classical", "fr"),
    "ga": ("myspell-ga", "ga_IE"),
    "gl": ("hunspell-gl", "gl_ES"),
    "he": ("hunspell-he", "he_IL"),
    "hi": ("hunspell-hi", "hi_IN"),
    "hr": ("hunspell-hr", "hr_HR"),
    "hu": ("hunspell-hu", "hu_HU"),
    "id": ("hunspell-id", "id_ID"),
    "is": ("hunspell-is", "is_IS"),
    "it": ("hunspell-it", "it_IT"),
    "ko": ("hunspell-ko", "ko"),
    "lt": ("hunspell-lt", "lt_LT"),
    "lv": ("hunspell-lv", "lv_LV"),
    "nb": ("hunspell-no", "nb_NO"),
    "nl": ("hunspell-nl", "nl"),
    "pl": ("hunspell-pl", "pl_PL"),
    "pt": ("hunspell-pt-pt", "pt_PT"),
    "pt-BR": ("hunspell-pt-br", "pt_BR"),
    "ro": ("hunspell-ro", "ro_RO"),
    "ru": ("hunspell-ru", "ru_RU"),
    "sk": ("hunspell-sk", "sk_SK"),
    "sl": ("hunspell-sl", "sl_SI"),
    "sr": ("hunspell-sr", "sr_RS"),
    "sr-Latn": ("hunspell-sr", "sr_Latn_RS"),
    "sv": ("hunspell-sv", "sv_SE"),
    "tr": ("hunspell-tr", "tr_TR"),
    "uk": ("hunspell-uk", "uk_UA"),
    "vi": ("hunspell-vi", "vi_VN"),
}
"""The package and the name of each language's dictionary in Debian 12."""
LIBRARY = "libhunspell-1.7-0"
_NONE = "Debian has no hunspell dictionary"
_UNSPACED = "its words are not divided by spaces"
MISSING = {
    **dict.fromkeys(("cy", "fi", "ms", "mt", "ta"), _NONE),
    **dict.fromkeys(("ja", "th", "zh-Hans", "zh-Hant"), _UNSPACED),
}
"""The languages that are not checked, and why."""
_INSIDE = frozenset("'-·\u200c\u200d׳״")
"""Apostrophe, hyphen, the dot of Catalan, joiners and the marks of Hebrew: part of a word between letters of it."""


def texts_of(tag: str) -> dict[str, str]:
    """Return the texts of a language by their keys, as its file has them."""
    return dict(_flat(tomllib.loads((LOCALES / f"{tag}.toml").read_text("utf-8"))))


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def words_of(text: str) -> list[str]:
    """Return the words of a text, without placeholders and numbers, and with the apostrophe of dictionaries."""
    text = re.sub(r"\{.*?\}", " ", text).replace("’", "'")
    return [word for part in "".join(_parted(text)).split() if (word := part.strip("".join(_INSIDE)))]


def _parted(text: str) -> Iterator[str]:
    for char in text:
        yield char if unicodedata.category(char)[0] in "LM" or char in _INSIDE else " "


def accepted(name: str) -> list[str]:
    """Return the words of a list, which may not be there."""
    path = ACCEPTED / f"{name}.txt"
    return path.read_text("utf-8").split("\n")[:-1] if path.exists() else []


def check(tag: str, knows: Callable[[str], bool]) -> tuple[int, dict[str, list[str]], set[str]]:
    """Return the number of a language's words, the unknown ones with their keys, and accepted ones that are known."""
    places: dict[str, list[str]] = {}
    for key, text in texts_of(tag).items():
        for word in words_of(text):
            places.setdefault(word, []).append(key)
    names, ours = set(accepted("names")), set(accepted(tag))
    where: dict[str, list[str]] = {}
    for word, keys in places.items():
        for part in _unknown(word, lambda each: each in names or knows(each)):
            where.setdefault(part, []).extend(keys)
    return len(places), {word: where[word] for word in sorted(where.keys() - ours)}, ours - where.keys()


def _unknown(word: str, knows: Callable[[str], bool]) -> list[str]:
    """Return nothing for a known word, else its parts between hyphens and apostrophes that are not known."""
    if knows(word):
        return []
    return [part for part in re.split("[-']", word) if len(part) > 1 and not knows(part)]


class Dictionary:
    """A dictionary, asked by hunspell's library: its command takes the words of Hindi apart."""

    def __init__(self, name: str) -> None:
        (library,) = UNPACKED.glob("usr/lib/*/libhunspell-*.so.0")
        self._library = ctypes.CDLL(str(library))
        self._library.Hunspell_create.restype = ctypes.c_void_p
        self._library.Hunspell_get_dic_encoding.restype = ctypes.c_char_p
        paths = [UNPACKED / "usr/share/hunspell" / f"{name}.{kind}" for kind in ("aff", "dic")]
        for path in paths:
            if not path.exists():
                raise FileNotFoundError(path)
        self._handle = ctypes.c_void_p(self._library.Hunspell_create(*(str(path).encode() for path in paths)))
        self._encoding = self._library.Hunspell_get_dic_encoding(self._handle).decode()

    def __call__(self, word: str) -> bool:
        """Say whether a word is known."""
        try:
            encoded = word.encode(self._encoding)
        except UnicodeEncodeError:
            return False
        return bool(self._library.Hunspell_spell(self._handle, encoded))


def main(arguments: list[str] | None = None) -> int:
    """Print what was found in each language. Exit with status 1 if a word is unknown, or in a list without need."""
    parser = argparse.ArgumentParser(prog="python -m tests.spelling", description=__doc__)
    parser.add_argument("tags", nargs="*", metavar="TAG", help="languages; without one, all of them")
    parser.add_argument("--packages", action="store_true", help="only print the packages that are needed")
    given = parser.parse_args(arguments)
    if given.packages:
        sys.stdout.write(" ".join(sorted({LIBRARY, *(package for package, _ in PACKAGES.values())})) + "\n")
        return 0
    failed = False
    for tag in given.tags or sorted(PACKAGES | MISSING):
        if tag in MISSING:
            sys.stdout.write(f"{tag:8} not checked: {MISSING[tag]}\n")
            continue
        count, unknown, needless = check(tag, Dictionary(PACKAGES[tag][1]))
        failed |= bool(unknown or needless)
        sys.stdout.write(f"{tag:8} {count:5} words, {len(unknown)} unknown, {len(accepted(tag))} accepted\n")
        for word, keys in unknown.items():
            sys.stdout.write(f"         unknown: {word} ({', '.join(keys[:3])})\n")
        for word in sorted(needless):
            sys.stdout.write(f"         {tag}.txt has {word}, which its dictionary knows or no text has\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
