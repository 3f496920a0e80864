"""Build the wheel and the source archive in ``dist/`` and check them: ``python -m tests.release``. Uploads nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PACKAGE = "cookie_consent"
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class NotReadyError(Exception):
    """What has to be put right before a release, in one sentence."""


def run(*command: str | Path, folder: Path) -> str:
    """Return what a command prints. Raises ``NotReadyError`` with its output if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReadyError(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def version_of(folder: Path) -> str:
    """Return the version that the package's source declares."""
    found = VERSION.search((folder / PACKAGE / "version.py").read_text("utf-8"))
    if found is None:
        raise NotReadyError(f'{PACKAGE}/version.py has no line __version__ = "…"')
    return found[1]


def check_changelog(text: str, version: str) -> None:
    """Raise ``NotReadyError`` unless the newest section is that of the version, dated, and nothing is unreleased."""
    sections = [(name, date, body.strip()) for name, date, body in SECTION.findall(text)]
    unreleased = [body for name, _, body in sections if name == "Unreleased"]
    if any(unreleased):
        raise NotReadyError(
            f"CHANGELOG.md has entries under [Unreleased]: give them a heading '## [X.Y.Z] - YYYY-MM-DD' "
            f"and set the same version in {PACKAGE}/version.py"
        )
    released = [(name, date, body) for name, date, body in sections if name != "Unreleased"]
    if not released or released[0][0] != version:
        raise NotReadyError(f"the newest section of CHANGELOG.md must be [{version}]")
    _, date, body = released[0]
    if not date or not body:
        raise NotReadyError(f"the section [{version}] of CHANGELOG.md needs a date and entries")


def check_tree(folder: Path, version: str) -> None:
    """Raise ``NotReadyError`` for changes that are not committed, and for a tag of the version on another commit."""
    changed = run("git", "status", "--porcelain", folder=folder)
    if changed:
        raise NotReadyError(f"commit or remove these first:\n{changed.rstrip()}")
    tag = f"v{version}"
    if run("git", "tag", "--list", tag, folder=folder):
        commits = run("git", "rev-parse", f"{tag}^{{commit}}", "HEAD", folder=folder).split()
        if commits[0] != commits[1]:
            raise NotReadyError(f"the tag {tag} is on another commit: raise the version")
    others = set(run("git", "tag", "--points-at", "HEAD", "--list", "v*", folder=folder).split()) - {tag}
    if others:
        raise NotReadyError(f"this commit is tagged {', '.join(sorted(others))}, but the version is {version}")


def build(folder: Path, out: Path) -> tuple[Path, Path]:
    """Build the wheel and the source archive; the source archive alone must give the same wheel, byte for byte."""
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    run(*command, out, "--wheel", "--sdist", folder, folder=folder)
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as elsewhere:
        with tarfile.open(archive) as opened:
            opened.extractall(elsewhere, filter="data")
        source = Path(elsewhere, archive.name.removesuffix(".tar.gz"))
        run(*command, source / "dist", "--wheel", source, folder=source)
        if (source / "dist" / wheel.name).read_bytes() != wheel.read_bytes():
            raise NotReadyError(f"{archive.name} builds another {wheel.name} than the checkout does")
    return wheel, archive


def check_contents(wheel: Path, archive: Path, tracked: set[str]) -> None:
    """Raise ``NotReadyError`` unless both hold every file that git tracks and that belongs in them, and no other."""
    with tarfile.open(archive) as opened:
        names = {str(PurePosixPath(*PurePosixPath(one.name).parts[1:])) for one in opened if one.isfile()}
    _check_same(archive.name, names - {"PKG-INFO"}, tracked)
    with zipfile.ZipFile(wheel) as opened_wheel:
        names = {name for name in opened_wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
        licences = {name.rpartition("/")[2] for name in opened_wheel.namelist() if ".dist-info/licenses/" in name}
    package = {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    package |= {f"{PACKAGE}/{name}" for name in tracked if name.startswith("static/")}
    _check_same(wheel.name, names, package)
    _check_same(f"licenses of {wheel.name}", licences, {"LICENSE", "NOTICE"})


def _check_same(what: str, found: set[str], expected: set[str]) -> None:
    for problem, names in (("lacks", expected - found), ("has too much", found - expected)):
        if names:
            raise NotReadyError(f"{what} {problem}: {', '.join(sorted(names))}")


def main() -> int:
    """Print what was checked and what to do next. Exits with status 1 at the first thing that is not right."""
    out = ROOT / "dist"
    try:
        version = version_of(ROOT)
        check_tree(ROOT, version)
        sys.stdout.write("The tree is clean.\n")
        check_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), version)
        sys.stdout.write(f"CHANGELOG.md has a section for {version}, and nothing is unreleased.\n")
        for old in [*out.glob("*.whl"), *out.glob("*.tar.gz")]:
            old.unlink()
        wheel, archive = build(ROOT, out)
        sys.stdout.write(f"{archive.name} builds the same {wheel.name} as the checkout.\n")
        check_contents(wheel, archive, set(run("git", "ls-files", "-z", folder=ROOT).split("\0")) - {""})
        sys.stdout.write("Both hold what git tracks, and nothing else.\n")
        run(sys.executable, "-m", "twine", "check", "--strict", wheel, archive, folder=ROOT)
        sys.stdout.write("Their metadata is what the package index takes.\n")
    except NotReadyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"\n{version} is ready in dist/. Nothing has been uploaded. Next, on main, once CI has passed:\n"
        f"  git tag --sign v{version} --message {version}\n"
        f"  git push origin v{version}\n"
        "The release workflow builds it again from the tag, waits for an approval, and publishes it with its SBOM.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
