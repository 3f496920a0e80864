"""Write a file for a translator: ``python -m tests.new_locale TAG``, such as ``nl`` or ``pt-BR``.

It has every text that visitors see, in English, with a comment where the meaning is in doubt. What comes from the
Unicode CLDR stands in comments, for a reader who knows the language: what is wrong or unidiomatic there goes into the
file, which precedes it.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

import cookie_consent.banner
from cookie_consent.banner.cldr import cldr_texts
from cookie_consent.banner.plural import plural_categories

__all__ = ["main", "skeleton"]

FOLDER = Path(cookie_consent.banner.__file__).parent / "locales"
OPERATOR = ("admin", "stats")
DURATIONS = ("year", "month", "day", "hour", "minute", "second")
NOTES = {
    "banner.intro": "{purposes} is a list of the names below [categories]; {settings} is banner.settings.",
    "banner.controller": "Who is responsible: the controller of the GDPR.",
    "banner.always_on": "Of a category that cannot be refused.",
    "banner.fold": "A button that makes the banner small.",
    "banner.on_demand": "In front of a list of names.",
    "frame.visit": "A button: allow it this time, for this visit.",
    "receipt.nothing": "The id is what a visitor's records are found by.",
    "declaration.party": "In front of “This site (first party)”.",
    "declaration.opt_out": "A link to where the company takes objections.",
    "revision.lasts": "{part} is a word such as “Lifetime”.",
    "browsers.chrome": "[browsers]: where the setting is, in the browser's own words in this language.",
}


def skeleton(tag: str) -> str:
    """Return the file for a language, as TOML."""
    english = tomllib.loads((FOLDER / "en.toml").read_text("utf-8"))
    lines = _generated(tag)
    for name, table in english.items():
        if name in OPERATOR:
            continue
        tables = {f"{name}.{each}": texts for each, texts in table.items()} if name == "categories" else {name: table}
        for title, texts in tables.items():
            lines += ["", f"[{title}]"]
            for key, text in texts.items():
                note = NOTES.get(f"{title}.{key}")
                lines += [f"# {note}"] if note else []
                lines.append(f"{_quoted(key) if title == 'purposes' else key} = {_quoted(text)}")
    return "\n".join(lines) + "\n"


def _generated(tag: str) -> list[str]:
    found, categories = cldr_texts(tag), plural_categories(tag)
    lines = ["# From the CLDR. Remove the mark # before what you correct, and its table's; delete the other comments."]
    lines += [f"# {key} = {_quoted(found[key])}" for key in ("language", "direction", "list_separator")]
    lines += ["", "# [dates]", *(f"# {key} = {_quoted(text)}" for key, text in found["dates"].items())]
    durations: dict[str, str] = found["durations"]
    forms = "|".join(f"{{count}} TRANSLATE {category}" for category in categories)
    is_complete = set(DURATIONS) <= durations.keys()
    lines += ["", f"# The forms of durations are those for: {', '.join(categories)}."]
    lines.append("# [durations]" if is_complete else "[durations]")
    for unit in DURATIONS:
        lines.append(f"# {unit} = {_quoted(durations[unit])}" if unit in durations else f"{unit} = {_quoted(forms)}")
    return lines


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def main(arguments: list[str] | None = None) -> int:
    """Write the file. Exit with status 1 if it is there already, or if there are no data for the language."""
    parser = argparse.ArgumentParser(prog="python -m tests.new_locale", description=__doc__)
    parser.add_argument("tag", metavar="TAG", help="the language, as in the name of its file: nl, pt-BR, zh-Hant")
    parser.add_argument("--into", type=Path, default=FOLDER, metavar="FOLDER", help="where to write it")
    given = parser.parse_args(arguments)
    path = given.into / f"{given.tag}.toml"
    if not cldr_texts(given.tag):
        sys.stderr.write(f"there are no data for {given.tag}: add it to TAGS in tests/cldr.py, then run make assets\n")
        return 1
    if path.exists():
        sys.stderr.write(f"{path} is there already\n")
        return 1
    path.write_text(skeleton(given.tag), "utf-8")
    sys.stdout.write(
        f"translate {path}, then: "
        f'python -m pytest tests/banner/test_locales.py tests/banner/declaration -k "[{given.tag}"\n'
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
