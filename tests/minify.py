"""Minify the scripts and style sheets of ``static/`` into ``static/minified/``: ``python -m tests.minify [--check]``.

Needs esbuild in ``node_modules``, in the version of ``package-lock.json``, which gives the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from cookie_consent.endpoints.static_files import plain_files, static_folder, with_digest

__all__ = ["ESBUILD", "check", "main", "minify", "write"]

ESBUILD = Path(__file__).parents[1] / "node_modules" / ".bin" / "esbuild"
OPTIONS = (
    "--minify",
    "--target=es2020",  # nothing newer than the contract for static/ may come out
    "--charset=ascii",
    "--legal-comments=inline",  # comments with @license, or that begin with an exclamation mark, stay
    "--log-level=warning",
)

INTERNAL = {
    "guard.js": (
        "arms beginOther cookieRule decide heldHost holdIn holdStorage holdWorker isAwaited isFrame isHeaderMissing "
        "isHeld isHostAwaited isInFilter isNamed isOpenEnded isOwn isOwnByDomain isOwnOnly isPayment isQuiet "
        "isRefusedCookie isRefusedServer isRefusedUnknown isReleased isShared judge leadAgain makeReady marks mayOpen "
        "mayStore ownerOf permitsUnknown placeIn refusedHost refuses storageRule takeViolation unknownHost"
    ).split(),
}
"""Properties by which the parts of one script know each other, and nobody else does: they get short names."""


def minify(name: str, source: bytes) -> bytes:
    """Return the minified form of a script or style sheet; ``name`` says by its suffix which it is."""
    command: list[str | Path] = [ESBUILD, *OPTIONS, f"--loader={name.rpartition('.')[2]}"]
    if name in INTERNAL:
        command.append(f"--mangle-props=^({'|'.join(INTERNAL[name])})$")
    return subprocess.run(command, input=source, stdout=subprocess.PIPE, check=True).stdout


def minified_files() -> dict[str, bytes]:
    """Return what belongs into ``static/minified/``, by name."""
    return {name: with_digest(source, minify(name, source)) for name, source in plain_files().items()}


def write(folder: Path) -> None:
    """Write the minified files, and remove those that no longer have a source."""
    files = minified_files()
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()


def check(folder: Path) -> list[str]:
    """Return the names of the files that ``write`` would change, add or remove."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    expected = minified_files()
    return sorted(name for name in found.keys() | expected if found.get(name) != expected.get(name))


def main() -> int:
    """Write the files, or with ``--check`` exit with status 1 if they are not those that would be written."""
    parser = argparse.ArgumentParser(prog="python -m tests.minify", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and say which files are not up to date")
    folder = static_folder() / "minified"
    if not parser.parse_args().check:
        write(folder)
        return 0
    stale = check(folder)
    for name in stale:
        sys.stderr.write(f"static/minified/{name} is not what its source gives: run make assets\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
