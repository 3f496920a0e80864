"""The scripts and style sheets in their two forms."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from cookie_consent import ConfigurationError, ConsentMiddleware
from cookie_consent.endpoints import static_files as module
from cookie_consent.endpoints.static_files import minified_file, plain_files, static_files, static_folder
from cookie_consent.gate import RULES_PLACEHOLDER
from tests.minify import INTERNAL
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = re.compile(r"^\s*//.*$|\s//\s.*$", re.MULTILINE)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
PROPERTY = re.compile(r"(?<=[^.]\.)[A-Za-z]\w+")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the static files, which is used in place of them."""
    copy = tmp_path / "static"
    shutil.copytree(static_folder(), copy)
    monkeypatch.setattr(module, "static_folder", lambda: copy)
    return copy


def test_every_file_has_been_minified_since_its_last_change() -> None:
    stale = [name for name, source in plain_files().items() if minified_file(name, source) is None]
    assert not stale, "run make assets"
    assert {path.name for path in (static_folder() / "minified").iterdir()} == plain_files().keys()


@pytest.mark.parametrize("value", [None, "", "minified"])
def test_what_is_minified_is_served(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENT_ASSETS", raising=False)
    if value is not None:
        monkeypatch.setenv("CONSENT_ASSETS", value)
    assert static_files() == {name: minified_file(name, c) for name, c in plain_files().items()}


def test_what_is_written_is_served_plain_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENT_ASSETS", "plain")
    files = static_files()
    assert files["banner.css"] == (static_folder() / "banner.css").read_bytes()
    for name in ("guard", "banner"):
        for part in (static_folder() / name).glob("*.js"):
            served = [content for file, content in files.items() if file.startswith(name) and file.endswith(".js")]
            assert sum(part.read_bytes() in content for content in served) == 1, part


@pytest.mark.parametrize("value", ["Plain", "min", "1", "plain "])
def test_another_form_is_refused_with_what_to_write(
    value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONSENT_ASSETS", value)

    async def app(*_: object) -> None: ...

    with pytest.raises(ConfigurationError, match=f"CONSENT_ASSETS is '{value}': write 'plain' .*leave it out"):
        ConsentMiddleware(app, secret="k" * 40, ledger=f"sqlite:///{tmp_path / 'consent.db'}").check()


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ("banner.css", "banner.css"),
        ("guard/judge.js", "guard.js"),
        ("banner/room.js", "banner.js"),
        ("banner/places.js", "banner-more.js"),
    ],
)
def test_a_changed_source_is_served_at_once(
    changed: str, name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = static_files("minified")
    with (folder / changed).open("ab") as file:
        file.write(b"/* changed */\n")
    after = static_files("minified")
    assert b"/* changed */" in after[name]
    assert {other: content for other, content in after.items() if other != name} == {
        other: content for other, content in before.items() if other != name
    }
    assert [record.getMessage() for record in caplog.records] == [
        f"served without being minified, as they have changed: {name}; run make assets"
    ]


def test_without_minified_files_the_plain_ones_are_served(folder: Path) -> None:
    shutil.rmtree(folder / "minified")
    assert static_files("minified") == static_files("plain")


@pytest.mark.parametrize("form", ["minified", "plain"])
def test_the_guard_has_one_place_for_the_rules(form: str) -> None:
    assert static_files(form)["guard.js"].count(RULES_PLACEHOLDER) == 1


@pytest.mark.parametrize("name", ["banner.js", "banner-more.js", "guard.js"])
def test_names_that_others_know_are_not_minified(name: str) -> None:
    """Properties, attributes, events and keys: all that is not the name of a variable."""
    source = COMMENT.sub("", plain_files()[name].decode())
    minified = static_files("minified")[name].decode()
    strings = {text for text in STRING.findall(source) if "\\" not in text}
    names = {*strings, *PROPERTY.findall(source)} - {*INTERNAL.get(name, ())}
    assert {"cookieConsent", "cookieconsent:guard", "cookieconsent:more"} & names
    written = {one.replace("</script", r"<\/script") for one in names}  # which would end an inline script
    assert not {one for one in written if one not in minified}


def test_the_types_can_be_printed(tmp_path: Path) -> None:
    done = run("types", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, (static_folder() / "cookie-consent.d.ts").read_text("utf-8"))
