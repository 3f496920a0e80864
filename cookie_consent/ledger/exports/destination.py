"""Where ``-o PATH`` leads: to a file that is replaced as a whole, or to a device or pipe that is written into."""

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
    """What a path leads to: the file itself where ``path`` is a symbolic link to it.

    One that ``is_stream`` is a device, a pipe or an open file of this process: it is written into, never replaced.
    """

    path: Path
    is_stream: bool


def find_output(path: str | Path) -> Output:
    """Return what the path leads to. Raises ``ConfigurationError`` for a folder and for what cannot be reached."""
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
    ) as error:  # such as a name that is too long or holds a null byte, or links that go round
        raise unwritable(path, error) from None
    if stat.S_ISDIR(mode) or str(path).endswith(os.sep):
        raise ConfigurationError(f"{path} is a folder; name a file in it, such as {Path(path) / 'FILE'}")
    return Output(path=file, is_stream=not stat.S_ISREG(mode))


def open_stream(output: Output) -> int:
    """Open a device or pipe to write into; return the file descriptor. Raises ``ConfigurationError``."""
    try:
        own = _own_descriptor(output.path)
        return os.dup(own) if own is not None else os.open(output.path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))
    except OSError as error:
        raise unwritable(output.path, error) from None


def give_name(temporary: Path, path: Path) -> None:
    """Put a file in the place of another in one step; it gets the other's owner and rights, or those of a new file."""
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
    """Return what stands at the end of all symbolic links, but for the link to an open file, which names it."""
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
    """Return the number of an open file of this process, as ``/dev/stdout`` leads to one.

    Opening it by its name would begin at the start of a file that others have written to.
    """
    is_own = str(path.parent) in {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    return int(path.name) if is_own and path.name.isdecimal() else None
