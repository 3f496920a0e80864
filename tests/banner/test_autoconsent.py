"""That DuckDuckGo's browsers know the button that refuses: by their package's patterns, where it has the language."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cookie_consent.banner.locale import Locale
from tests.cldr import TAGS
from tests.js.nodes import find_node
from tests.minify import ESBUILD

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
LIBRARY = NODE_MODULES / "@duckduckgo" / "autoconsent" / "lib"

PATTERNS = {
    "ca": "CATALAN",
    "de": "GERMAN",
    "en": "ENGLISH",
    "es": "SPANISH",
    "eu": "BASQUE",
    "fr": "FRENCH",
    "gl": "GALICIAN",
    "it": "ITALIAN",
    "nl": "DUTCH",
    "pl": "POLISH",
    "pt": "BRAZILIAN_PORTUGUESE",
    "pt-BR": "BRAZILIAN_PORTUGUESE",
    "sv": "SWEDISH",
}
"""The list of refusals for each language that has one."""
OTHER_PHRASES = {"cs": "CZECH", "id": "INDONESIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "tr": "TURKISH"}
"""Lists of one or two whole phrases. None says to refuse everything: they are "only necessary cookies" and the like."""
NO_PATTERNS = frozenset(
    "ar bg bs cs cy da el et fa fi ga he hi hr hu id is ja ko lt lv ms mt nb ro ru sk sl sr sr-Latn ta th tr uk vi "
    "zh-Hans zh-Hant".split()
)
"""The languages whose refusal it cannot know."""
UNDETECTED = {"eu": "its patterns are whole sentences", "sv": "it has no patterns for banners in Swedish"}
"""Languages in which it knows the refusal, and not that the banner is one."""

ASK = """import { classifyButtonTextRegex, checkHeuristicPatterns } from './heuristics';
import * as lists from './heuristic-patterns';
const names = Object.keys(lists).filter((name) => name.startsWith('REJECT_PATTERNS_'));
const knows = (name, text) => lists[name].some((each) => each instanceof RegExp ? each.test(text) : each === text);
const texts = JSON.parse(process.argv[2]);
const languages = Object.entries(texts).map(([tag, { buttons, panel, refusal }]) => [tag, {
    buttons: Object.fromEntries(buttons.map(([key, label]) => [key, classifyButtonTextRegex(label)])),
    lists: names.filter((name) => knows(name, refusal.toLowerCase())).map((name) => name.slice(16)),
    detected: checkHeuristicPatterns(panel).patterns.length > 0,
}]);
const whole = (each) => !(each instanceof RegExp) || /^\\^.*\\$$/.test(each.source);
const phrases = names.filter((name) => lists[name].every(whole));
console.log(JSON.stringify({ languages: Object.fromEntries(languages), lists: names.map((name) => name.slice(16)),
    phrases: phrases.map((name) => name.slice(16)) }));
"""

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not LIBRARY.is_dir(), reason="npm ci has not been run"),
]


def texts(tag: str) -> dict[str, Any]:
    found = {key: text for key, text in Locale(tag).texts.items() if key.startswith("banner.")}
    keys = ("refuse_all", "accept_all", "settings", "save", "details", "close", "reopen", "imprint", "terms")
    buttons = [(key, found[f"banner.{key}"]) for key in keys]
    panel = "\n".join((found["banner.title"], found["banner.intro"], *(label for _, label in buttons[:3])))
    return {"buttons": buttons, "panel": panel, "refusal": found["banner.refuse_all"]}


@cache
def answers() -> dict[str, Any]:
    """Return what their code says of our texts. Its lists by language are not exported, so a copy of it does."""
    with TemporaryDirectory() as folder:
        for name in ("heuristics", "heuristic-patterns", "utils", "types"):
            source = (LIBRARY / f"{name}.ts").read_text("utf-8")
            source = source.replace("\nconst REJECT_PATTERNS_", "\nexport const REJECT_PATTERNS_")
            (Path(folder) / f"{name}.ts").write_text(source, "utf-8")
        (Path(folder) / "ask.ts").write_text(ASK, "utf-8")
        bundle = Path(folder) / "ask.mjs"
        subprocess.run(
            [str(ESBUILD), str(Path(folder) / "ask.ts"), "--bundle", "--format=esm", f"--outfile={bundle}"],
            check=True,
            capture_output=True,
        )
        given = json.dumps({tag: texts(tag) for tag in TAGS})
        ran = subprocess.run([find_node(), str(bundle), given], check=True, capture_output=True, encoding="utf-8")
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def test_each_language_has_patterns_or_is_known_to_have_none() -> None:
    assert PATTERNS.keys() | NO_PATTERNS == set(TAGS)
    assert PATTERNS.keys() & NO_PATTERNS == set()
    assert set(answers()["lists"]) == {*PATTERNS.values(), *OTHER_PHRASES.values()}, "a language is new: add it here"
    assert set(OTHER_PHRASES.values()) <= set(answers()["phrases"]), "there are patterns now: the label may match them"


@pytest.mark.parametrize("tag", sorted(PATTERNS))
def test_it_knows_the_refusal(tag: str) -> None:
    answer = answers()["languages"][tag]
    assert PATTERNS[tag] in answer["lists"]
    assert answer["buttons"]["refuse_all"] == "reject"


@pytest.mark.parametrize("tag", TAGS)
def test_it_takes_nothing_else_for_the_refusal(tag: str) -> None:
    buttons = answers()["languages"][tag]["buttons"]
    assert [key for key, kind in buttons.items() if kind == "reject"] == ["refuse_all"] * (tag in PATTERNS)
    assert buttons["accept_all"] in {"accept", "other"}


@pytest.mark.parametrize("tag", sorted(PATTERNS))
def test_it_knows_that_the_panel_is_a_banner(tag: str) -> None:
    assert answers()["languages"][tag]["detected"] == (tag not in UNDETECTED)
