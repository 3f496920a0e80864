"""What the text of a script says that it sets and names, in literals. Nothing is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.policy import host_of
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ScriptEvidence", "script_evidence"]

_MOST = 1000
"""So many different names of each kind are returned."""
_NAME = r"([^\x00-\x20\"'`=;,\\$]{1,128})"
_KEY = r"([^\x00-\x1f\"'`\\$]{1,128})"
_QUOTE = "[\"'`]"
_ADDRESS = re.compile(
    rf"{_QUOTE}(?:(?:https?|wss?):)?(?:\\?/){{2}}([A-Za-z0-9._-]{{1,253}})(?::[0-9]{{1,5}})?[\"'`/\\?#]"
)
_WRITTEN = re.compile(
    rf"\bdocument\s*+(?:\.\s*+cookie|\[\s*+[\"']cookie[\"']\s*+\])\s*+=(?!=)\s*+(?:{_QUOTE}\s*+{_NAME}\s*+=)?"
)
_SET = re.compile(
    r"\b(?:cookieStore|Cookies)\s*+\.\s*+set\s*+\(\s*+(?:\{\s*+[\"']?name[\"']?\s*+:\s*+)?"
    rf"(?:{_QUOTE}{_NAME}{_QUOTE})?"
)
_STORED = re.compile(
    r"\b(?:local|session)Storage\s*+"
    rf"(?:\.\s*+setItem\s*+\(\s*+(?:{_QUOTE}{_KEY}{_QUOTE})?|\[\s*+{_QUOTE}{_KEY}{_QUOTE}\s*+\]\s*+=(?!=))"
)
_OPENED = re.compile(rf"\b(?:indexedDB|caches)\s*+\.\s*+open\s*+\(\s*+(?:{_QUOTE}{_KEY}{_QUOTE})?")


@dataclass(frozen=True, kw_only=True)
class ScriptEvidence:
    """What a script names, each once and in its order. Names that it computes cannot be read, and are counted."""

    hosts: tuple[str, ...]
    """Hosts of addresses in string literals. A script may name a host without ever asking it."""
    cookies: tuple[str, ...]
    storage: tuple[str, ...]
    """Keys of local and session storage, databases and caches."""
    computed_cookies: int
    computed_storage: int


def script_evidence(text: str) -> ScriptEvidence:
    """Return what the text of a script names. Takes linear time, whatever its content."""
    hosts = (host_of(name) for name in _ADDRESS.findall(text))
    cookies = [*_WRITTEN.findall(text), *_SET.findall(text)]
    storage = [first or second for first, second in _STORED.findall(text)] + _OPENED.findall(text)
    return ScriptEvidence(
        hosts=_distinct(host for host in hosts if is_host(host)),
        cookies=_distinct(filter(None, cookies)),
        storage=_distinct(filter(None, storage)),
        computed_cookies=cookies.count(""),
        computed_storage=storage.count(""),
    )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_MOST]
