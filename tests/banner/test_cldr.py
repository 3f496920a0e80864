"""Forms, dates and names from the Unicode CLDR, beside what Babel makes of the same data."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from babel import Locale as BabelLocale
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

import cookie_consent.banner
from cookie_consent.banner import Renderer
from cookie_consent.banner.cldr import Languages, cldr_texts
from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.locale import Locale
from cookie_consent.banner.plural import CATEGORIES, plural_categories, plural_category, plural_form
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy.duration import Lifetime
from cookie_consent.testing import make_policy
from tests.cldr import TAGS, texts_of

FOLDER = Path(cookie_consent.banner.__file__).parent / "locales"
VARIETIES = {"en": "en_GB", "pt": "pt_PT"}
COUNTED = (*range(130), *range(990, 1020), 1_000_000, 1_000_001, 2_000_000)


def babel(tag: str) -> BabelLocale:
    return BabelLocale.parse(VARIETIES.get(tag, tag).replace("-", "_"))


def test_all_that_is_wanted_is_there() -> None:
    assert set(Languages.load().names) == set(TAGS)
    assert len(TAGS) >= 50
    assert {file.stem for file in (FOLDER / "cldr").glob("*.json")} == {*TAGS, "languages"}


def test_there_can_be_data_for_any_language() -> None:
    for tag in Languages.load().plurals:
        assert texts_of(tag).keys() >= {"language", "direction", "list_separator", "dates", "countries"}


def test_the_data_stay_small() -> None:
    sizes = {file.stem: file.stat().st_size for file in (FOLDER / "cldr").glob("*.json")}
    assert max(sizes.values()) < 15_000
    assert sum(sizes.values()) < 350_000


@pytest.mark.parametrize("tag", sorted(Languages.load().plurals))
def test_every_number_takes_the_category_that_babel_gives_it(tag: str) -> None:
    rule = BabelLocale.parse(tag).plural_form
    assert {number: plural_category(tag, number) for number in COUNTED} == {number: rule(number) for number in COUNTED}


@given(st.sampled_from(TAGS), st.integers(min_value=0, max_value=10**9))
def test_every_number_has_a_form(tag: str, number: int) -> None:
    assert 0 <= plural_form(tag, number) < len(plural_categories(tag))


@pytest.mark.parametrize(
    ("tag", "categories"),
    [
        ("en", "one other"),
        ("ar", "one two few many other"),
        ("pl", "one few many"),
        ("cy", "one two few many other"),
        ("lv", "zero one other"),
        ("ja", "other"),
        ("iw", "one two other"),
        ("pt-BR", "one other"),
        ("xx", "one other"),  # as English
        ("../../etc", "one other"),
    ],
)
def test_categories_are_those_of_numbers_from_one(tag: str, categories: str) -> None:
    assert plural_categories(tag) == tuple(categories.split())
    assert set(plural_categories(tag)) <= set(CATEGORIES)


@pytest.mark.parametrize("tag", sorted(set(TAGS) - {"fa"} | {"af", "eo", "hy", "yo"}))
def test_dates_are_those_of_babel(tag: str) -> None:
    # As the CLDR has them: a language's file may have its own. The last four are not there yet, and have days of two
    # digits or short names of months.
    locale = Locale("en", {f"dates.{key}": text for key, text in texts_of(tag)["dates"].items()})
    for day in (date(2026, 1, 1), date(2026, 2, 28), date(2026, 11, 27), date(2027, 5, 9), date(2028, 8, 31)):
        shown = format_date(day, "long", locale=babel(tag))
        if tag == "ca":  # before months that begin with a vowel Babel has a typewriter's apostrophe in some versions
            shown = shown.replace("'", "’")
        assert locale.format_date(day).replace("'", "’") == shown.replace("'", "’")


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("en", "27 November 2026, 08:05\u00a0UTC"),
        ("de", "27. November 2026, 08:05\u00a0UTC"),
        ("es", "27 de noviembre de 2026, 8:05\u00a0UTC"),
        ("fi", "27. marraskuuta 2026 8.05\u00a0UTC"),
        ("hu", "2026. november 27. 8:05\u00a0UTC"),
        ("ja", "2026年11月27日 8:05\u00a0UTC"),
        ("eu", "2026(e)ko azaroaren 27(a) (08:05\u00a0UTC)"),
        ("ru", "27 ноября 2026 года, 08:05\u00a0UTC"),
        ("sr", "27. новембра 2026. у 08:05\u00a0UTC"),
        ("vi", "8:05\u00a0UTC ngày 27 tháng 11 năm 2026"),
        ("fa", "۲۷ نوامبر ۲۰۲۶،\u200f ۸:۰۵\u00a0UTC"),
        ("th", "27 พฤศจิกายน ค.ศ. 2026 08:05 น.\u00a0UTC"),
    ],
)
def test_a_time_has_its_day_and_zone(tag: str, shown: str) -> None:
    assert Locale(tag).format_moment(datetime(2026, 11, 27, 8, 5, tzinfo=UTC)) == shown


def test_a_moment_is_shown_in_its_own_zone_and_a_day_without_one() -> None:
    locale, zone = Locale("en"), timezone(timedelta(hours=1))
    assert locale.format_moment(datetime(2026, 12, 1, tzinfo=zone)) == "1 December 2026, 00:00\u00a0UTC+01:00"
    assert locale.format_moment(datetime(2026, 12, 1, 0, 0, 30, tzinfo=UTC)) == "1 December 2026, 00:00:30\u00a0UTC"
    assert locale.format_moment(date(2026, 12, 1)) == "1 December 2026"


@pytest.mark.parametrize(
    ("tag", "duration", "shown"),
    [
        ("pl", "1mo", "1 miesiąc"),
        ("pl", "3mo", "3 miesiące"),
        ("pl", "13mo", "13 miesięcy"),
        ("pl", "22d", "22 dni"),
        ("ru", "21d", "21 день"),
        ("sl", "2mo", "2 meseca"),
        ("cy", "6mo", "6 mis"),
        ("lv", "11d", "11 dienu"),
        ("he", "2mo", "חודשיים"),
        ("it", "13mo", "13 mesi"),
        ("pt", "2y", "2 anos"),
        ("ja", "13mo", "13 か月"),
        ("fa", "13mo", "۱۳ ماه"),
        ("sr-Latn", "3d", "3 dana"),
    ],
)
def test_durations_are_in_the_words_of_the_language(tag: str, duration: str, shown: str) -> None:
    assert duration_in(Locale(tag), Lifetime.parse(duration)) == shown


def test_only_two_languages_lack_durations_in_the_data() -> None:
    """Their locale files have them."""
    units = {"year", "month", "day", "hour", "minute", "second"}
    lacking = {tag: units - cldr_texts(tag)["durations"].keys() for tag in TAGS}
    assert {tag for tag, missing in lacking.items() if missing} == {"mt", "ga"}
    for tag in set(TAGS) - {"mt", "ga"}:
        forms = {unit: text.split("|") for unit, text in cldr_texts(tag)["durations"].items()}
        assert {len(found) for found in forms.values()} == {len(plural_categories(tag))}


@pytest.mark.parametrize("tag", TAGS)
def test_every_country_has_a_name(tag: str) -> None:
    countries = cldr_texts(tag)["countries"]
    assert len(countries) > 245
    assert {"US", "IE", "DE", "TW", "CI", "XK"} <= countries.keys()
    assert not {"EU", "UN", "ZZ"} & countries.keys()


def test_the_data_are_those_that_babel_has() -> None:
    """In the version of ``constraints.txt``; ``make lint`` compares all files byte by byte."""
    assert texts_of("de")["dates"] == cldr_texts("de")["dates"]


@pytest.mark.parametrize("tag", ["xx", "..", "languages", "../de", "", "DE"])
def test_what_has_no_data_reads_no_file(tag: str) -> None:
    assert cldr_texts(tag) == {}


ASSETS = {name: f"/{name}" for name in ("banner.js", "banner.css", "frame.css", "page.css", "admin.css")}
NOTHING_FOUND: dict[str, Any] = {
    "inventory": [],
    "findings": [],
    "breaks": [],
    "refused": [],
    "own": [],
    "lines": "",
    "failure": "",
}
ESPERANTO = """
language = "Esperanto"
direction = "ltr"
list_separator = ", "
[durations]
year = "1 jaro|{count} jaroj"
month = "1 monato|{count} monatoj"
day = "1 tago|{count} tagoj"
hour = "1 horo|{count} horoj"
minute = "1 minuto|{count} minutoj"
second = "1 sekundo|{count} sekundoj"
"""


def own_language(folder: Path, *, leave_out: tuple[str, ...] = ()) -> Renderer:
    english = tomllib.loads((FOLDER / "en.toml").read_text("utf-8"))
    lines = [ESPERANTO]
    for name, table in english.items():
        tables = (
            {f"categories.{each}": texts for each, texts in table.items()} if name == "categories" else {name: table}
        )
        for title, texts in tables.items():
            if title not in leave_out:
                lines += [f"[{title}]", *(f'"{key}" = "eo {text}"' for key, text in texts.items())]
    (folder / "eo.toml").write_text("\n".join(lines), "utf-8")
    policy = make_policy(banner={"locales": str(folder), "languages": ["eo"]})
    return Renderer(policy, assets=ASSETS)


def test_a_language_without_data_has_iso_dates_and_the_forms_of_its_file(tmp_path: Path) -> None:
    locale = own_language(tmp_path).locale("eo")
    assert locale.format_date(date(2026, 11, 27)) == "2026-11-27"
    assert locale.format_moment(datetime(2026, 11, 27, 8, 5, tzinfo=UTC)) == "2026-11-27 08:05 UTC"
    assert duration_in(locale, Lifetime.parse("1y")) == "1 jaro"
    assert duration_in(locale, Lifetime.parse("13mo")) == "13 monatoj"
    assert locale.name == "Esperanto"


def test_the_operators_pages_are_in_english_where_a_language_has_none(tmp_path: Path) -> None:
    made = own_language(tmp_path, leave_out=("admin", "stats"))
    page = made.admin(language="eo", **NOTHING_FOUND)
    assert '<html lang="en" dir="ltr">' in page
    assert "Undeclared hosts and cookies" in page
    assert "eo " not in page.replace("video ", "")
    assert made.category_name("analytics", made.operator_locale("eo").language) == "Audience measurement"
    assert made.category_name("analytics", "eo") == "eo Audience measurement"
    assert '<html lang="eo"' in made.problem(
        language="eo", status=404, title_key_or_code="refused", message="a", return_to="/"
    )


def test_the_operators_pages_are_in_a_language_that_has_them(tmp_path: Path) -> None:
    made = own_language(tmp_path)
    assert '<html lang="eo"' in made.admin(language="eo", **NOTHING_FOUND)


@pytest.mark.parametrize("table", ["banner", "receipt", "categories.login"])
def test_nothing_that_visitors_see_may_be_left_out(tmp_path: Path, table: str) -> None:
    with pytest.raises(ConfigurationError, match=table):
        own_language(tmp_path, leave_out=(table,))
