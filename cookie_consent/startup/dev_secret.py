"""The secret of development mode: made once for each user of a machine, and the same for all workers."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from pathlib import Path

from cookie_consent.errors import ConfigurationError

__all__ = ["dev_secret"]

_NAME = "dev-secret"
_LONGEST = 256
_SHORTEST = 32
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has none of these
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def dev_secret() -> str:
    """Return the secret in the user's cache folder, which is made if it is missing.

    Processes that make it at the same time all return one secret. Folder and file must be the user's own, no links, and
    closed to other users; what else stands there is neither trusted nor changed. Raises ``ConfigurationError``.
    """
    try:
        folder = _cache_folder() / "cookie_consent"
    except RuntimeError:  # there is no home folder
        raise ConfigurationError(f"development mode finds no folder to keep a secret in; {_fix()}") from None
    path = folder / _NAME
    try:
        _make_folder(folder)
        try:
            return _read(path)
        except FileNotFoundError:
            _make(path)
            return _read(path)
    except OSError as error:
        raise ConfigurationError(
            f"development mode keeps its secret in {path}, which cannot be used: {error.strerror}; {_fix()}"
        ) from None


def _fix() -> str:
    return "set CONSENT_SECRET, or XDG_CACHE_HOME to a folder of your own"


def _cache_folder() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # else it is to be ignored (XDG Base Directory Specification)
        return given
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _make_folder(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir(mode=0o700)
        except FileExistsError:  # another process was faster
            continue
        each.chmod(0o700)  # whatever the umask has made of it
    _check(folder, folder.lstat(), is_kind=stat.S_ISDIR(folder.lstat().st_mode), closed=0o022)


def _read(path: Path) -> str:
    file = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _BINARY)
    try:
        found = os.fstat(file)
        _check(path, found, is_kind=stat.S_ISREG(found.st_mode), closed=0o077)
        secret = os.read(file, _LONGEST).decode("ascii", "replace").strip()
    finally:
        os.close(file)
    if len(secret) < _SHORTEST:
        raise ConfigurationError(f"{path} holds no secret; delete it, and development mode makes another")
    return secret


def _check(path: Path, found: os.stat_result, *, is_kind: bool, closed: int) -> None:
    """Raise ``ConfigurationError`` for what another user may have put there, read or changed."""
    is_own = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & closed)
    if not is_kind or not is_own:
        raise ConfigurationError(
            f"{path} is not this user's alone, so development mode does not trust it; delete it, or {_fix()}"
        )


def _make(path: Path) -> None:
    """Make the file whole, so that no other process sees a part of it; leave it if another was faster."""
    temporary = path.with_name(f".{_NAME}.{os.getpid()}.{secrets.token_hex(8)}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o600)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(file, 0o600)  # whatever the umask has made of it
            os.write(file, secrets.token_urlsafe(32).encode("ascii") + b"\n")
        finally:
            os.close(file)
        try:
            os.link(temporary, path)  # which fails where there is one
        except FileExistsError:
            return
    finally:
        temporary.unlink()
