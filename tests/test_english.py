"""Words and phrases that read as if translated stay out of the code, the documentation and the texts for visitors.

The list holds what was really found, and is no substitute for reading a text once more. Add to it what you find.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PLACES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "cookie_consent/**/*.py",
    "cookie_consent/banner/locales/en.toml",
    "cookie_consent/banner/templates/*.html",
    "cookie_consent/demo/templates/*.html",
    "docs/**/*.md",
    "static/[!m]*/*.js",
)
PHRASES = {
    # What was found: what to write instead.
    r"he|his|him|himself": "they, their, them: visitors are 'they'",
    r"never is|only so is": "normal word order: 'is never', 'only then is'",
    r"says why what|what is so": "say directly what it is, and why",
    r"as little as can be": "as little as possible",
    r"(is|are|was|were) met (in|on|by|with|least|most)|undeclared was met|what was met|which were met|that were met": (
        "observed, found"
    ),
    r"met lately|lately": "recently; what remembers recent results is a cache",
    r"twins?": "duplicates",
    r"in sight of": "name what the visitor or browser has seen: 'while the browser sends GPC'",
    r"by (a|the) browser.s signal": "by Global Privacy Control, or GPC",
    r"goes? whole": "is dropped as a whole",
    r"(goes|go) out empty": "is sent empty",
    r"may not be asked": "must not be contacted",
    r"without a word": "silently",
    r"(keeps?|kept|keeping) back": "hold back, held back",
    r"it is no record|is no text": "it is not a record, is not a text",
    r"for what is (no|none)": "if it is not a …",
    r"takes? the place of|took the place of|taken the place of": "replaces, replaced",
    r"but for such as": "except those that",
    r"would be felt": "would be measurable",
    r"(ends?|ending) with [0-9]": "exits with status 1 if …",
    r"your choice is of": "You chose on …",
    r"(at|in) fault": "faulty, wrong",
    r"says? of (a|an|each|one|what)": "returns for each …, tells about …",
}
"""Whole words, in any case and across line breaks."""


def found_in(text: str, phrase: str) -> Iterator[str]:
    """Yield where ``phrase`` occurs in ``text``, each with its line number."""
    # A line break may come with the indentation and the comment sign of the next line.
    spaced = phrase.replace(" ", r"(?:\s|#|//)+")
    for match in re.finditer(rf"(?<![\w-])(?:{spaced})(?![\w-])", text, re.IGNORECASE):
        yield f"line {text.count(chr(10), 0, match.start()) + 1}: {' '.join(match[0].split())!r}"


def files() -> list[Path]:
    """Return every file whose words are checked."""
    return sorted(file for place in PLACES for file in ROOT.glob(place))


@pytest.mark.parametrize(("phrase", "instead"), PHRASES.items())
def test_the_english_is_plain(phrase: str, instead: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}, {where}" for file in files() for where in found_in(file.read_text("utf-8"), phrase)
    ]
    assert not found, "\n".join([f"write instead: {instead}", *found])


def test_a_phrase_is_found_across_lines_and_not_inside_of_words() -> None:
    assert list(found_in("# all that was\n    # met by it", "was met (in|by)")) == ["line 1: 'was # met by'"]
    assert not list(found_in("this and the other", "his|he"))
    assert not list(found_in("a his-torical name", "his"))


def test_files_are_found() -> None:
    assert all(list(ROOT.glob(place)) for place in PLACES)
