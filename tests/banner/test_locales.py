"""What holds for the texts of every language. For one of them: ``pytest tests/banner/test_locales.py -k "[de]"``."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

import cookie_consent.banner
from cookie_consent.banner.cldr import Languages, cldr_texts
from cookie_consent.banner.locale import Locale, load_locales, missing_texts
from cookie_consent.banner.plural import plural_categories
from tests import cldr

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(cookie_consent.banner.__file__).parent / "locales"
TAGS = sorted(file.stem for file in FOLDER.glob("*.toml"))
TRANSLATED = [tag for tag in TAGS if tag != "en"]
BUTTONS = ("accept_all", "refuse_all", "settings", "save", "details", "close")

NO_TRANSLATION = frozenset(
    {
        "Contact",
        "Cookie",
        "Details",
        "Error {status}",
        "Global Privacy Control",
        "Name",
        "Pages",
        "Partners: {count}",
        "Type",
        "Version: {version}",
        "X-ray",
    }
)
"""English texts that are right in some other language as they are."""

RECOGNISED = {
    "bs": {"bs", "hr", "sr"},
    "hr": {"hr", "bs"},
    "id": {"id", "ms"},
    "ms": {"ms", "id"},
    "nb": {"no"},
    "pt-BR": {"pt"},
    "sr-Latn": {"sr", "bs", "hr"},
    "zh-Hans": {"zh"},
    "zh-Hant": {"zh"},
}
"""As which languages texts may be recognised, where that is not the file's own. Some can hardly be told apart."""

QUOTES = {
    "«»": "ar ca el es eu fa fr gl it nb pt ru uk",
    "“”": "ar ca cy en es eu ga gl he hi id it ko lv ms mt nl pt pt-BR ta th tr vi zh-Hans da",
    "„“": "bg bs cs de et hr is lt sk sl sr sr-Latn",
    "„”": "bs hr hu lv nl pl ro sr sr-Latn he",
    "””": "bs da fi sv",
    "»«": "da sl",
    "‘’": "cy hi ko nl",
    "「」": "ja zh-Hant",
    "״״": "he",
}
"""Quotation marks, and the languages that have them (Unicode CLDR, delimiters, and the languages' own rules)."""
EVERY_QUOTE = frozenset('«»“”„‟‘‚‹›「」『』״"')
WIDEST = 26
"""How many columns of a button fit in one line of a window of 320 px; an ideograph takes two."""
NO_FULL_STOP = {"th"}
FULL_STOPS = (".", "。", "।", "۔", "॥")
BEFORE_IN_FRENCH = re.compile(r"(?<![\u00a0\u202f])[:;!?»](?!//)|«(?![\u00a0\u202f])")


@cache
def own(tag: str) -> Mapping[str, str]:
    return _flat(tomllib.loads((FOLDER / f"{tag}.toml").read_text("utf-8")))


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in table.items():
        result |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result


def prose(tag: str) -> dict[str, str]:
    """Return the texts that people wrote, without forms and lists."""
    ours = own(tag)
    return {key: text for key, text in ours.items() if key in own("en")}


def test_there_is_a_file_for_every_language_that_there_are_data_of() -> None:
    assert set(TAGS) == set(cldr.TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_it_has_every_text_that_visitors_see(tag: str) -> None:
    locale = Locale(tag)
    assert missing_texts(locale) == []
    english = Locale("en").texts
    purposes = {key for key in english if key.startswith("purposes.")}
    assert purposes - locale.texts.keys() == set()
    assert own(tag).keys() - english.keys() - {"digits"} == set(), "what English lacks is shown nowhere"
    assert all(text.strip() for key, text in locale.texts.items() if key != "list_separator")
    assert not any("TRANSLATE" in text for text in own(tag).values())
    assert tag in Languages.load().names, "tests/cldr.py makes no data for it"


@pytest.mark.parametrize("tag", TAGS)
def test_its_placeholders_are_those_of_english(tag: str) -> None:
    for key, text in prose(tag).items():
        names = Counter(re.findall(r"\{(.*?)\}", text))
        expected = Counter(re.findall(r"\{(.*?)\}", own("en")[key]))
        assert names == expected, key
        assert not set("{}") & set(re.sub(r"\{[a-z_]+\}", "", text)), key


@pytest.mark.parametrize("tag", TRANSLATED)
def test_no_english_is_left(tag: str) -> None:
    left = {
        key: text
        for key, text in prose(tag).items()
        if text == own("en")[key] and re.search("[a-z]{3}", re.sub(r"\{.*?\}", "", text))
    }
    assert {key: text for key, text in left.items() if text not in NO_TRANSLATION} == {}


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    known = {name for tag in Languages.load().names for name in RECOGNISED.get(tag, {tag.partition("-")[0]})}
    identifier.set_languages(sorted(known))
    return identifier


def recognised(text: str) -> str:
    name: str = _identifier().classify(re.sub(r"\{.*?\}", " ", text))[0]
    return name


@pytest.mark.parametrize("tag", TAGS)
def test_it_is_recognised_as_its_language(tag: str) -> None:
    expected = RECOGNISED.get(tag, {tag})
    groups: dict[str, list[str]] = {}
    for key, text in prose(tag).items():
        groups.setdefault(key.partition(".")[0], []).append(text)
    assert recognised(" ".join(prose(tag).values())) in expected
    # Each table by itself, so that one that was forgotten is found. Short ones cannot be recognised.
    for name, texts in groups.items():
        joined = " ".join(texts)
        if len(joined) > 600 and name != "browsers":
            assert recognised(joined) in expected, name


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag.startswith("zh-")])
def test_chinese_is_in_its_script(tag: str) -> None:
    text = "".join(char for value in own(tag).values() for char in value if "\u4e00" <= char <= "\u9fff")
    ours, other = ("gb2312", "big5") if tag == "zh-Hans" else ("big5", "gb2312")
    shares = [len(text.encode(name, "ignore")) / 2 / len(text) for name in (ours, other)]
    assert shares[0] > 0.99
    assert shares[1] < 0.9


@pytest.mark.parametrize("tag", TAGS)
def test_its_letters_are_of_its_script_and_direction(tag: str) -> None:
    letters = [char for text in own(tag).values() for char in re.sub(r"\{.*?\}", "", text) if char.isalpha()]
    counted = Counter(unicodedata.bidirectional(char) in {"R", "AL"} for char in letters)
    assert Locale(tag).direction == ("rtl" if counted[True] > counted[False] else "ltr")
    data = Languages.load().scripts
    name, _, script = tag.partition("-")
    script = script if len(script) == 4 else data.get(name, "Latn")
    words = {
        "Latn": "LATIN",
        "Cyrl": "CYRILLIC",
        "Grek": "GREEK",
        "Arab": "ARABIC",
        "Hebr": "HEBREW",
        "Deva": "DEVANAGARI",
    }
    words |= {"Taml": "TAMIL", "Thai": "THAI", "Kore": "HANGUL", "Hans": "CJK", "Hant": "CJK"}
    in_script = re.compile(words.get(script, "HIRAGANA|KATAKANA|CJK"))
    share = sum(bool(in_script.match(unicodedata.name(char, ""))) for char in letters) / len(letters)
    assert share > 0.7, f"{share:.0%} of the letters are {script}"  # names of products are Latin everywhere


@pytest.mark.parametrize("tag", TAGS)
def test_every_duration_has_the_plural_forms_of_its_language(tag: str) -> None:
    texts, categories = Locale(tag).texts, plural_categories(tag)
    for unit in ("year", "month", "day", "hour", "minute", "second"):
        forms = texts[f"durations.{unit}"].split("|")
        assert len(forms) == len(categories), f"{unit}: one form each for {', '.join(categories)}"
        assert all(form.count("{count}") <= 1 and form.strip() == form for form in forms)
        # Where a form is for one number alone, a word may say it.
        assert all("{count}" in form for form in forms[categories.index("two") + 1 if "two" in categories else 1 :])


@pytest.mark.parametrize("tag", TAGS)
def test_its_buttons_fit(tag: str) -> None:
    for key in BUTTONS:
        text = own(tag)[f"banner.{key}"]
        assert columns(text) <= WIDEST, key
        assert max(map(columns, text.split())) <= WIDEST - 4, f"{key} has a word that cannot be broken"
    assert len({own(tag)[f"banner.{key}"] for key in BUTTONS[:4]}) == 4


def columns(text: str) -> int:
    marks = {"Mn", "Me", "Mc", "Cf"}
    return sum(
        1 + (unicodedata.east_asian_width(char) in "WF") for char in text if unicodedata.category(char) not in marks
    )


def test_columns_are_counted_as_they_are_seen() -> None:
    assert [columns(text) for text in ("Accept all", "すべて", "நிராகரி", "הכול")] == [10, 6, 4, 4]


@pytest.mark.parametrize("tag", TAGS)
def test_its_typography(tag: str) -> None:
    allowed = {mark for pair, tags in QUOTES.items() if tag in tags.split() for mark in pair}
    assert allowed, "its quotation marks are not in QUOTES"
    for key, text in prose(tag).items():
        assert not set("\"'`´") & set(text), f"{key}: a straight quotation mark or apostrophe"
        assert "..." not in text, f"{key}: an ellipsis is one character"
        assert "  " not in text, f"{key}: two spaces"
        assert text == text.strip() or key == "list_separator", f"{key}: a space at an end"
        assert unicodedata.is_normalized("NFC", text), f"{key}: not in NFC"
        assert not set(text) & EVERY_QUOTE - allowed, f"{key}: quotation marks of another language"
        if tag == "fr":
            assert not BEFORE_IN_FRENCH.search(text), f"{key}: a no-break space is missing"
        ends = own("en")[key].endswith("."), text.endswith(FULL_STOPS)
        assert ends[0] == ends[1] or tag in NO_FULL_STOP, f"{key}: ends in a full stop, or not, as in English"


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_generated_is_not_repeated(tag: str) -> None:
    generated = _flat(cldr_texts(tag))
    assert {key for key, text in own(tag).items() if generated.get(key) == text} == set()


def test_the_two_portugueses_differ() -> None:
    if not {"pt", "pt-BR"} <= set(TAGS):
        pytest.skip("there are not both yet")
    same = sum(own("pt")[key] == text for key, text in own("pt-BR").items())
    assert same < 0.7 * len(own("pt-BR"))


def test_a_file_may_leave_out_the_operators_pages_but_nothing_of_them(tmp_path: Path) -> None:
    lines = (FOLDER / "de.toml").read_text("utf-8")
    without = re.sub(r"\[(admin|stats)\]\n.*?\n\n", "", lines, flags=re.DOTALL)
    assert "[admin]" not in without
    head = "[durations]\n" + "\n".join(
        f'{unit} = "{{count}}"' for unit in ("year", "month", "day", "hour", "minute", "second")
    )
    new = f'language = "Esperanto"\ndirection = "ltr"\nlist_separator = ", "\n{without}\n{head}\n'
    (tmp_path / "eo.toml").write_text(new, "utf-8")
    assert not load_locales(tmp_path)["eo"].is_for_operators
    (tmp_path / "eo.toml").write_text(f'{new}\n[admin]\ntitle = "x"\n', "utf-8")
    with pytest.raises(Exception, match=r"admin\.count, .*stats\.title"):
        load_locales(tmp_path)
