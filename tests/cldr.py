"""Write what the banner takes from the Unicode CLDR: ``python -m tests.cldr [--check]``.

The data are Babel's, which is needed only here. Into ``banner/locales/cldr/`` goes a file for each language that the
project has, or is to have, in the form of a locale file: its name, direction, list separator, durations, dates and
countries. ``languages.json`` has what holds across languages: plural rules, aliases, scripts and parents.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel import Locale, localedata
from babel.core import get_global

from cookie_consent.banner.plural import CATEGORIES

__all__ = ["FOLDER", "TAGS", "contents", "main", "texts_of"]

FOLDER = Path(str(files("cookie_consent.banner"))) / "locales" / "cldr"
TAGS = tuple(
    "ar bg bs ca cs cy da de el en es et eu fa fi fr ga gl he hi hr hu id is it ja ko lt lv ms mt nb nl pl pt pt-BR ro "
    "ru sk sl sr sr-Latn sv ta th tr uk vi zh-Hans zh-Hant".split()
)
_VARIETIES = {"en": "en_GB", "pt": "pt_PT"}
"""CLDR's ``en`` and ``pt`` are those of the United States and Brazil; the texts are not."""
_UNITS = ("year", "month", "day", "hour", "minute", "second")
_MOST = 999
"""Durations are whole numbers, and small."""
_ABBREVIATED = {"ga": ("year", "hour", "minute", "second")}
"""What CLDR has in abbreviations only, such as "2 bhl": the language's file has the words."""
_NO_COUNTRY = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
_FIELD = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_FIELDS = {
    "d": "{day}",
    "dd": "{padded_day}",
    "M": "{month}",
    "MMM": "{month}",
    "MMMM": "{month}",
    "y": "{year}",
    "H": "{hour}",
    "HH": "{padded_hour}",
    "mm": "{minute}",
}


def texts_of(tag: str) -> dict[str, Any]:
    """Return the texts that a language takes from the CLDR, as a locale file would have them."""
    locale = Locale.parse(_VARIETIES.get(tag, tag).replace("-", "_"))
    name = locale.languages.get(tag.replace("-", "_")) or locale.get_display_name(locale) or tag
    separator = str(locale.list_patterns["standard"]["middle"]).replace("{0}", "").replace("{1}", "")
    found = {
        "language": name[:1].upper() + name[1:],
        "direction": locale.text_direction,
        "list_separator": separator,
        "dates": _dates(locale),
        "durations": {unit: text for unit in _UNITS if (text := _duration(locale, unit))},
        "countries": {
            code: country
            for code, country in sorted(locale.territories.items())
            if re.fullmatch("[A-Z]{2}", code) and code not in _NO_COUNTRY
        },
    }
    digits = _digits(locale)
    return found if digits == "0123456789" else {"digits": digits, **found}


def _digits(locale: Locale) -> str:
    """Return the digits of the default numbering system, from 0 to 9."""
    zero = {"arab": "٠", "arabext": "۰", "beng": "০", "deva": "०", "mymr": "၀"}.get(
        locale.default_numbering_system, "0"
    )
    return "".join(chr(ord(zero) + value) for value in range(10))


def _dates(locale: Locale) -> dict[str, str]:
    pattern = str(locale.date_formats["long"])
    width = {4: "wide", 3: "abbreviated"}.get(pattern.count("M"))
    names = locale.months["format"][width] if width else {}
    months = [names.get(month, str(month)) for month in range(1, 13)]
    both = str(locale.datetime_formats["medium"]).replace("{1}", "{date}").replace("{0}", "{time}")
    return {
        "date": _pattern(locale, pattern),
        "months": "|".join(months),
        "time": _pattern(locale, locale.datetime_skeletons["Hm"].pattern),
        "both": both.replace("'", ""),
    }


def _pattern(locale: Locale, pattern: str) -> str:
    parts = []
    for match in _FIELD.finditer(pattern):
        field = match[0]
        if field.startswith("'"):
            parts.append(match[1].replace("''", "'") or "'")
        elif match[2] is None:
            parts.append(field)
        else:
            parts.append(str(locale.eras["abbreviated"][1]) if field == "G" else _FIELDS[field])
    return "".join(parts)


def _duration(locale: Locale, unit: str) -> str:
    """Return the forms for the numbers from 1, in the order of CLDR's categories, or nothing if there are none.

    Babel does not follow CLDR's inheritance from the long form of a unit to the short one, which is where languages
    that do not abbreviate a unit have it.
    """
    if unit in _ABBREVIATED.get(str(locale), ()):
        return ""
    long, short = (_unit(str(locale), unit, length) for length in ("long", "short"))
    if "other" not in long | short:
        return ""
    taken = {locale.plural_form(number) for number in range(1, _MOST + 1)}
    forms = (
        long.get(category) or long.get("other") or short.get(category) or short["other"]
        for category in CATEGORIES
        if category in taken
    )
    return "|".join(forms).replace("{0}", "{count}")


def _unit(tag: str, unit: str, length: str) -> dict[str, str]:
    """Return the forms of a language; those of CLDR's root are abbreviations for all languages."""
    found = localedata.load(tag).get("unit_patterns", {}).get(f"duration-{unit}", {}).get(length, {})
    forms: dict[str, str] = found[1] if isinstance(found, tuple) else found
    return forms if tag == "root" else {name: text for name, text in forms.items() if text not in _root(unit)}


def _root(unit: str) -> frozenset[str]:
    return frozenset(_unit("root", unit, "short").values())


Condition = list[int]
"""A modulus (0: none), 1 or 0 for inside or outside, and pairs of lowest and highest numbers."""


def _plural_rules(locale: Locale) -> dict[str, list[list[Condition]]]:
    """Return for each category the alternatives under which a whole number takes it, each a list of conditions."""
    found = {category: _alternatives(rule) for category, rule in locale.plural_form.abstract}
    return {category: found[category] for category in CATEGORIES if found.get(category)}


def _alternatives(rule: Any) -> list[list[Condition]]:
    kind, parts = rule
    if kind == "or":
        return [*_alternatives(parts[0]), *_alternatives(parts[1])]
    if kind == "and":
        return [[*left, *right] for left in _alternatives(parts[0]) for right in _alternatives(parts[1])]
    inside = kind != "not"
    _, (_, left, (_, ranges)) = rule if inside else parts[0]
    bounds = [(low[1][0], high[1][0]) for low, high in ranges]
    modulus = 0
    if left[0] == "mod":
        (left, (_, (modulus,))) = left[1]
    if left[0] in {"n", "i"}:
        return [[[modulus, int(inside), *(bound for pair in bounds for bound in pair)]]]
    # What is said of decimals and exponents is settled: a whole number has none, which these operands give as 0.
    return [[]] if any(low == 0 for low, _ in bounds) == inside else []


def _languages() -> dict[str, Any]:
    tags = sorted(localedata.locale_identifiers())
    known = {tag for tag in tags if re.fullmatch("[a-z]{2,3}", tag)} - {"root"}
    rules: list[Any] = []
    plurals = {}
    for tag in sorted(known):
        rule = _plural_rules(Locale.parse(tag))
        if rule not in rules:
            rules.append(rule)
        plurals[tag] = rules.index(rule)
    scripts: dict[str, str] = {}
    for tag, full in sorted(get_global("likely_subtags").items()):
        match = re.fullmatch("([a-z]{2,3})(?:_([A-Z]{2}))?", tag)
        if match is None or match[1] not in known:
            continue
        script, usual = full.split("_")[1], scripts.get(match[1], "Latn")
        if script != usual:
            scripts[tag.replace("_", "-").lower()] = script
    aliases = {
        old: new.replace("_", "-").lower()
        for old, new in sorted(get_global("language_aliases").items())
        if re.fullmatch("[a-z]{2,3}", old) and new.partition("_")[0] in known
    }
    parents = {
        child.replace("_", "-").lower(): parent.replace("_", "-").lower()
        for child, parent in sorted(get_global("parent_exceptions").items())
        if parent != "root" and re.fullmatch("[a-z]{2,3}(_[A-Z][a-z]{3})?_([A-Z]{2}|[0-9]{3})", child)
    }
    names = {tag: texts_of(tag)["language"] for tag in TAGS}
    return {
        "names": names,
        "aliases": aliases,
        "scripts": scripts,
        "parents": parents,
        "plurals": plurals,
        "rules": rules,
    }


def contents() -> dict[str, bytes]:
    """Return what belongs into the folder, by name."""
    made = {f"{tag}.json": texts_of(tag) for tag in TAGS} | {"languages.json": _languages()}
    # A line for each table, so that a change is seen in a diff.
    return {name: _written(data) for name, data in made.items()}


def _written(data: dict[str, Any]) -> bytes:
    lines = (
        f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in data.items()
    )
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def main() -> int:
    """Write the files, or with ``--check`` exit with status 1 if they are not those that would be written."""
    parser = argparse.ArgumentParser(prog="python -m tests.cldr", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and say which files are not up to date")
    expected = contents()
    if not parser.parse_args().check:
        FOLDER.mkdir(exist_ok=True)
        for name, content in expected.items():
            (FOLDER / name).write_bytes(content)
        for path in FOLDER.iterdir():
            if path.name not in expected:
                path.unlink()
        return 0
    found = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    stale = sorted(name for name in found.keys() | expected if found.get(name) != expected.get(name))
    for name in stale:
        sys.stderr.write(f"{name} is not what Babel's data give: run make assets\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
