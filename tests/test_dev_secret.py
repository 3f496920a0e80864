"""The secret of development mode: one for all workers, and for nobody else's eyes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cookie_consent import ConfigurationError
from cookie_consent.startup.dev_secret import dev_secret

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the secret is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "made" / "cache"))
    return tmp_path / "made" / "cache" / "cookie_consent" / "dev-secret"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_it_is_made_once_and_closed_to_others(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        secret = dev_secret()
    finally:
        os.umask(before)
    assert len(secret) >= 32
    assert dev_secret() == secret
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert [each.name for each in path.parent.iterdir()] == ["dev-secret"]


@pytest.mark.server
def test_processes_that_make_it_at_once_have_the_same(path: Path) -> None:
    code = (
        "import sys\nfrom cookie_consent.startup.dev_secret import dev_secret\n"
        "print('ready', flush=True)\nsys.stdin.readline()\nprint(dev_secret())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert {process.communicate(timeout=60)[0] for process in started} == {dev_secret() + "\n"}
    assert [each.name for each in path.parent.iterdir()] == ["dev-secret"]


def test_it_does_not_take_the_place_of_one_that_is_made_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def late(source: Path, target: Path) -> None:
        target.write_text("f" * 40)
        target.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    assert dev_secret() == "f" * 40


def as_file(path: Path, content: str = "x" * 40, bits: int = 0o600) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text(content)
    path.chmod(bits)


def linked(path: Path) -> None:
    as_file(path.with_name("other"))
    path.symlink_to("other")


def linked_folder(path: Path) -> None:
    as_file(path.parents[1] / "other" / "dev-secret")
    path.parent.symlink_to("other")


def open_folder(path: Path) -> None:
    as_file(path)
    path.parent.chmod(0o777)


def as_fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: as_file(path, bits=0o640), "not this user's alone"),
        (lambda path: as_file(path, bits=0o604), "not this user's alone"),
        (lambda path: as_file(path, "short"), "holds no secret; delete it"),
        (lambda path: as_file(path, ""), "holds no secret; delete it"),
        (lambda path: path.mkdir(parents=True, mode=0o700), "not this user's alone"),
        (as_fifo, "not this user's alone"),
        (linked, "cannot be used"),
        (linked_folder, "not this user's alone"),
        (open_folder, "not this user's alone"),
    ],
)
def test_what_others_may_have_put_there_is_not_trusted(path: Path, prepare: object, words: str) -> None:
    assert callable(prepare)
    prepare(path)
    with pytest.raises(ConfigurationError, match=words):
        dev_secret()


def test_another_users_file_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    dev_secret()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match="not this user's alone"):
        dev_secret()


def test_without_a_folder_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="set CONSENT_SECRET, or XDG_CACHE_HOME"):
        dev_secret()
