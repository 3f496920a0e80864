from __future__ import annotations

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.lowest import lowest
from tests.lowest import main as print_lowest
from tests.release import NotReadyError, build, check_changelog, check_contents, check_tree, version_of

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("requirement", "constraint"),
    [
        ("starlette>=0.46", "starlette==0.46"),
        ("psycopg[binary]>=3.2.13", "psycopg==3.2.13"),  # constraints may not have extras
        ("backports.zstd>=1.0; python_version < '3.14'", 'backports.zstd==1.0; python_version < "3.14"'),
        ("httpx<1,>=0.27", "httpx==0.27"),
    ],
)
def test_the_lowest_version(requirement: str, constraint: str) -> None:
    assert lowest(requirement) == constraint


@pytest.mark.parametrize("requirement", ["starlette", "starlette<1"])
def test_a_dependency_without_a_lowest_version_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match="declare one lowest version"):
        lowest(requirement)


def test_all_dependencies_of_the_package_and_its_extras_have_a_lowest_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_lowest()
    names = {line.partition("==")[0] for line in capsys.readouterr().out.splitlines()}
    assert {"starlette", "pydantic", "pyarrow", "cryptography", "brotli"} <= names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-11-30\n- This.\n\n## [1.0.0] - 2026-01-01\n",
            None,
        ),
        ("## [1.1.0] - 2026-11-30\n- This.\n", None),
        ("## [Unreleased]\n- That.\n\n## [1.1.0] - 2026-11-30\n- This.\n", "under \\[Unreleased\\]"),
        ("## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n- Old.\n", "must be \\[1.1.0\\]"),
        ("## [1.0.0] - 2026-01-01\n- Old.\n\n## [1.1.0] - 2026-11-30\n- This.\n", "must be \\[1.1.0\\]"),
        ("## [1.1.0]\n- This.\n", "needs a date"),
        ("## [1.1.0] - 2026-11-30\n\n## [1.0.0] - 2026-01-01\n- Old.\n", "entries"),
        ("# Changelog\n", "must be \\[1.1.0\\]"),
    ],
)
def test_the_changelog_of_a_release(text: str, problem: str | None) -> None:
    if problem is None:
        check_changelog(text, "1.1.0")
    else:
        with pytest.raises(NotReadyError, match=problem):
            check_changelog(text, "1.1.0")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.server
def test_the_tree_and_the_tag_of_a_release(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "One")
    check_tree(tmp_path, "1.0.0")
    git(tmp_path, "tag", "v1.0.0")
    check_tree(tmp_path, "1.0.0")
    with pytest.raises(NotReadyError, match=r"tagged v1\.0\.0, but the version is 1\.1\.0"):
        check_tree(tmp_path, "1.1.0")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "Two")
    with pytest.raises(NotReadyError, match="raise the version"):
        check_tree(tmp_path, "1.0.0")
    (tmp_path / "new").touch()
    with pytest.raises(NotReadyError, match="new"):
        check_tree(tmp_path, "1.1.0")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def files() -> set[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout")
    return set(git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")) - {""}


@pytest.mark.server
def test_wheel_and_source_archive_hold_all_of_the_project(built: tuple[Path, Path], files: set[str]) -> None:
    wheel, archive = built
    assert wheel.name == f"cookie_consent-{version_of(ROOT)}-py3-none-any.whl"
    check_contents(wheel, archive, files)


@pytest.mark.server
def test_a_file_that_is_missing_is_found(built: tuple[Path, Path], files: set[str]) -> None:
    for name in ("tests/test_more.py", "static/more.js"):
        with pytest.raises(NotReadyError, match=f"lacks: {name}"):
            check_contents(*built, files | {name})


@pytest.mark.server
def test_a_file_too_many_is_found(built: tuple[Path, Path], files: set[str], tmp_path: Path) -> None:
    wheel, archive = built
    fuller_archive, fuller_wheel = tmp_path / archive.name, tmp_path / wheel.name
    with tarfile.open(archive) as old, tarfile.open(fuller_archive, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        new.addfile(tarfile.TarInfo("cookie_consent-0/secret.env"))
    with pytest.raises(NotReadyError, match=r"has too much: secret\.env"):
        check_contents(wheel, fuller_archive, files)
    fuller_wheel.write_bytes(wheel.read_bytes())
    with zipfile.ZipFile(fuller_wheel, "a") as opened:
        opened.writestr("tests/__init__.py", "")
    with pytest.raises(NotReadyError, match=r"has too much: tests/__init__\.py"):
        check_contents(fuller_wheel, archive, files)
