"""What ``make assets`` writes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from cookie_consent.endpoints.static_files import plain_files, static_files, static_folder
from cookie_consent.gate import GuardRules
from cookie_consent.policy import Policy
from tests.minify import ESBUILD, INTERNAL, check, minify, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def esbuild() -> None:
    if not ESBUILD.exists():
        if os.environ.get("CI"):
            pytest.fail("esbuild is missing: make lint")
        pytest.skip("needs esbuild: make lint")


def test_what_is_in_the_repository_is_what_the_sources_give(tmp_path: Path) -> None:
    assert check(static_folder() / "minified") == []
    write(tmp_path)
    assert check(tmp_path) == []


def test_what_was_changed_added_or_removed_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    names = sorted(static_files())
    with (tmp_path / names[0]).open("ab") as file:
        file.write(b"\n")
    (tmp_path / names[1]).unlink()
    (tmp_path / "old.js").touch()
    assert check(tmp_path) == sorted([names[0], names[1], "old.js"])
    write(tmp_path)
    assert check(tmp_path) == []


@pytest.mark.parametrize("name", ["a.js", "a.css"])
def test_the_comment_of_a_licence_stays_and_others_go(name: str) -> None:
    source = b"/*! Copyright A */\n/* note */\n" + (b"let a;\n" if name == "a.js" else b"a { color: red }\n")
    minified = minify(name, source)
    assert b"/*! Copyright A */" in minified
    assert b"note" not in minified


def test_nothing_newer_than_es2020_comes_out() -> None:
    assert b"||=" not in minify("a.js", b"window.a ||= b;")


def test_only_properties_that_nobody_else_knows_get_short_names() -> None:
    files = plain_files()
    rules = GuardRules(Policy(version="1")).script(b"__RULES__", []).decode()
    for name, properties in INTERNAL.items():
        assert files.keys() > {name}
        source = files[name].decode()
        others = "".join(content.decode() for other, content in files.items() if other != name)
        for each in properties:
            assert re.search(rf"\b{each}\b", source), f"{each} is not there any more"
            assert not re.search(rf"[\"']{each}[\"']", source + rules), f"{each} is a string too"
            assert not re.search(rf"\.{each}\b", others), f"another script reads {each}"
