"""The file that a translator begins with."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from cookie_consent.banner.locale import Locale, load_locales
from tests.cldr import TAGS
from tests.new_locale import NOTES, main, skeleton

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("tag", TAGS)
def test_it_is_a_whole_file(tag: str, tmp_path: Path) -> None:
    assert main([tag, "--into", str(tmp_path)]) == 0
    locale = load_locales(tmp_path)[tag]
    assert locale.text("banner.title") == "Your privacy"
    assert "durations.year" in locale.texts
    assert "admin" not in tomllib.loads(skeleton(tag))


def test_it_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nl.toml").write_text("mine")
    assert main(["nl", "--into", str(tmp_path)]) == 1
    assert (tmp_path / "nl.toml").read_text() == "mine"
    assert "is there already" in capsys.readouterr().err


def test_a_language_without_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["../nl", "--into", str(tmp_path)]) == 1
    assert "tests/cldr.py" in capsys.readouterr().err


def test_its_notes_are_about_texts_that_there_are() -> None:
    assert NOTES.keys() <= Locale("en").texts.keys()
