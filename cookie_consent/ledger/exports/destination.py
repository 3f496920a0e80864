"""The target of ``-o PATH``: a file that is replaced as a whole, or a device or pipe to write into."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cookie_consent.errors import ConfigurationError

__all__ = ["Output", "find_output", "give_name", "open_stream", "unwritable"]

_MOST_LINKS = 40
_DESCRIPTORS = re.compile(r"/(?:proc/(?:self|\d+)/(?:task/\d+/)?|dev/)fd")


@dataclass(frozen=True, kw_only=True)
class Output:
    """The resolved target of a path. One that ``is_stream`` is written into, never replaced, such as a pipe."""

    path: Path
    is_stream: bool


def find_output(path: str | Path) -> Output:
    """Resolve the path. Raises ``ConfigurationError`` for a folder, or if it cannot be reached."""
    try:
        file = _followed(Path(path))
        if _is_descriptor(file):
            return Output(path=file, is_stream=True)
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
    except (
        OSError,
        ValueError,
    ) as error:  # such as a name that is too long or has a null byte, or a loop of links
        raise unwritable(path, error) from None
    if stat.S_ISDIR(mode) or str(path).endswith(os.sep):
        raise ConfigurationError(f"{path} is a folder; name a file in it, such as {Path(path) / 'FILE'}")
    return Output(path=file, is_stream=not stat.S_ISREG(mode))


def open_stream(output: Output) -> int:
    """Open a device or pipe for writing; return the file descriptor. Raises ``ConfigurationError``."""
    try:
        own = _own_descriptor(output.path)
        return os.dup(own) if own is not None else os.open(output.path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
    except OSError as error:
        raise unwritable(output.path, error) from None


def give_name(temporary: Path, path: Path) -> None:
    """Atomically replace a file, keeping its owner and permissions if it exists."""
    try:
        before = path.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
    else:
        if hasattr(os, "chown"):
            with suppress(OSError):  # only root may give files away
                os.chown(temporary, before.st_uid, before.st_gid)
        temporary.chmod(stat.S_IMODE(before.st_mode) & 0o777)
    temporary.replace(path)


def unwritable(path: str | Path, error: Exception) -> ConfigurationError:
    """Return the error to raise for a file that cannot be written."""
    return ConfigurationError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}")


def _followed(path: Path) -> Path:
    """Follow all symbolic links, except a link that names an open file."""
    here = path
    for _ in range(_MOST_LINKS):
        here = Path(os.path.realpath(here.parent)) / here.name
        if _is_descriptor(here) or not here.is_symlink():
            return here
        here = here.parent / here.readlink()
    raise OSError("there are too many symbolic links")


def _is_descriptor(path: Path) -> bool:
    return _DESCRIPTORS.fullmatch(str(path.parent)) is not None


def _own_descriptor(path: Path) -> int | None:
    """Return the descriptor of an open file of this process, such as the target of ``/dev/stdout``."""
    # Opening the file by its name would overwrite what others have written to it.
    is_own = str(path.parent) in {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    return int(path.name) if is_own and path.name.isdecimal() else None
