"""The check of spelling: which words it asks its dictionaries about, and what it says of their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel import Locale

from tests import spelling
from tests.cldr import TAGS
from tests.spelling import ACCEPTED, MISSING, PACKAGES, accepted, check, main, texts_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs" / "add-a-language.md"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We respect it: {categories} stay off.", ["We", "respect", "it", "stay", "off"]),
        ("l’état de la page", ["l'état", "de", "la", "page"]),  # dictionaries have the straight apostrophe
        ("« Web-Beacon », 13 jours", ["Web-Beacon", "jours"]),
        ("col·lecció", ["col·lecció"]),
        ("आपकी पसंद", ["आपकी", "पसंद"]),
        ("می\u200cشود", ["می\u200cشود"]),
        ("‘dyfynnu’ –", ["dyfynnu"]),
    ],
)
def test_words_are_as_dictionaries_have_them(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_every_language_has_a_dictionary_or_a_reason() -> None:
    assert PACKAGES.keys() | MISSING.keys() == set(TAGS)
    assert PACKAGES.keys() & MISSING.keys() == set()


def test_the_docs_say_which_languages_are_not_checked() -> None:
    assert named_after("Nine languages it cannot check") == set(MISSING)


def test_the_docs_say_which_languages_no_native_reader_has_read() -> None:
    """Whoever reads one takes it off the list, and off this one."""
    assert named_after("The project has no record") == set(TAGS)


def named_after(beginning: str) -> set[str]:
    """Return the languages that a paragraph names, the longest name first: "Serbian" is in "Serbian (Latin)"."""
    (paragraph,) = (each for each in PAGE.read_text("utf-8").split("\n\n") if each.startswith(beginning))
    left, found = " ".join(paragraph.split()), set()
    names = {tag: str(Locale.parse(tag, sep="-").get_display_name("en")) for tag in TAGS}
    for tag, name in sorted(names.items(), key=lambda item: -len(item[1])):
        if name in left:
            found.add(tag)
            left = left.replace(name, "", 1)
    return found


@pytest.mark.parametrize("path", sorted(ACCEPTED.iterdir()), ids=lambda path: path.stem)
def test_a_list_is_in_order_and_of_words_that_texts_have(path: Path) -> None:
    words = accepted(path.stem)
    assert words == sorted(set(words))
    tags = TAGS if path.stem == "names" else (path.stem,)
    assert path.stem == "names" or path.stem in PACKAGES
    parts = {part for tag in tags for text in texts_of(tag).values() for word in words_of(text) for part in split(word)}
    assert set(words) - parts == set()


def split(word: str) -> list[str]:
    return [word, *word.replace("'", "-").split("-")]


def knows(*unknown: str) -> Callable[[str], bool]:
    return lambda word: not {*split(word)} & {*unknown, *accepted("de")}


def test_an_unknown_word_is_found_with_its_place() -> None:
    count, unknown, needless = check("de", knows("Einwilligung"))
    assert count > 500
    assert unknown.keys() == {"Einwilligung"}
    assert "banner.intro" in unknown["Einwilligung"]
    assert needless == set()


def test_a_compound_is_known_by_its_parts_and_a_part_that_is_not_is_told() -> None:
    assert check("de", knows("Web-Beacons"))[1] == {}
    assert check("de", knows("Web-Beacons", "Web"))[1].keys() == {"Web"}


def test_an_accepted_word_that_the_dictionary_knows_is_told() -> None:
    assert check("de", lambda _: True) == (check("de", knows())[0], {}, set(accepted("de")))


def test_it_fails_by_an_unknown_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(spelling, "Dictionary", lambda name: knows() if name == "de_DE" else None)
    assert main(["de", "ja"]) == 0
    assert "ja       not checked: its words are not divided by spaces" in capsys.readouterr().out
    monkeypatch.setattr(spelling, "Dictionary", lambda _: knows("Einwilligung"))
    assert main(["de"]) == 1
    assert "unknown: Einwilligung (" in capsys.readouterr().out
    monkeypatch.setattr(spelling, "Dictionary", lambda _: lambda _: True)
    assert main(["de"]) == 1
    assert "de.txt has DSGVO" in capsys.readouterr().out


def test_it_names_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--packages"]) == 0
    assert {"hunspell-sr", "libhunspell-1.7-0"} <= set(capsys.readouterr().out.split())
