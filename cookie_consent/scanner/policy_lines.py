"""Where a key stands in a policy file. TOML's parsers do not tell, so the table's header is searched."""

from __future__ import annotations

import re

__all__ = ["line_of"]

_COOKIES = re.compile(r"^[ \t]*\[\[[ \t]*(?:tool[ \t]*\.[ \t]*cookie_consent[ \t]*\.[ \t]*)?cookies[ \t]*\]\]")


def line_of(text: str, key: str) -> int:
    """Return the line of a key such as ``services.matomo.privacy_url`` or ``cookies.3``: 1 where it is not found."""
    parts = key.split(".")
    lines = text.splitlines()
    if parts[0] == "cookies" and len(parts) > 1:
        places = [number for number, line in enumerate(lines, 1) if _COOKIES.match(line)]
        index = int(parts[1]) if parts[1].isdecimal() else 0
        return places[index] if index < len(places) else 1
    for length in range(len(parts), 0, -1):
        header = r"[ \t]*\.[ \t]*".join(map(_quoted, parts[:length]))
        found = re.compile(rf"^[ \t]*\[[ \t]*(?:tool[ \t]*\.[ \t]*cookie_consent[ \t]*\.[ \t]*)?{header}[ \t]*\]")
        for number, line in enumerate(lines, 1):
            if found.match(line):
                return _key_below(lines, number, parts[length:])
    return _key_below(lines, 0, parts) if key else 1


def _key_below(lines: list[str], header: int, rest: list[str]) -> int:
    """Return the line of a key below the header in that line, or else the header's."""
    if rest:
        found = re.compile(rf"^[ \t]*{_quoted(rest[0])}[ \t]*[.=]")
        for number, line in enumerate(lines[header:], header + 1):
            if found.match(line):
                return number
            if line.lstrip().startswith("["):
                break
    return max(header, 1)


def _quoted(part: str) -> str:
    return rf"[\"']?{re.escape(part)}[\"']?"
