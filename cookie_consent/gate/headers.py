"""Response headers that make a browser fetch: ``Link`` (RFC 8288), ``Refresh`` and ``Speculation-Rules``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.gate.refresh import refresh_address

if TYPE_CHECKING:
    from cookie_consent.gate.tags import TagGate

__all__ = ["gate_link_header", "gate_refresh_header", "gate_speculation_rules_header"]

_LINK = re.compile(r'\s*<([^>]*)>((?:[^,"]|"(?:[^"\\]|\\.)*")*),?')

_STRING = re.compile(r'[ \t]*("(?:[ !#-\[\]-~]|\\["\\])*")([^,"]*)(?:,|\Z)')
"""An item of a list of strings (RFC 9651) with its parameters, but for such as hold strings."""


def gate_link_header(value: str, gate: TagGate) -> str | None:
    """Return the ``Link`` header without the links to what is refused; None if none is left.

    A header that is not of the standard's form goes whole: what it would fetch cannot be told.
    """
    kept: list[str] = []
    at = 0
    while at < len(value):
        match = _LINK.match(value, at)
        if match is None:
            return ", ".join(kept) or None if not value[at:].strip() else None
        if gate.refused_address(match[1]) is None:
            kept.append(f"<{match[1]}>{match[2].rstrip()}")
        at = match.end()
    return ", ".join(kept) or None


def gate_refresh_header(value: str, gate: TagGate) -> str | None:
    """Return the ``Refresh`` header, or None if it leads to what is refused."""
    address = refresh_address(value)
    return None if address and gate.refused_address(address) is not None else value


def gate_speculation_rules_header(value: str, gate: TagGate) -> str | None:
    """Return ``Speculation-Rules`` without the rule sets of refused hosts; None if none is left.

    A header that is not a list of strings goes whole, as browsers ignore it.
    """
    kept: list[str] = []
    at = 0
    while at < len(value):
        match = _STRING.match(value, at)
        if match is None:
            return None
        if gate.refused_address(re.sub(r"\\(.)", r"\1", match[1][1:-1])) is None:
            kept.append(match[1] + match[2].rstrip())
        at = match.end()
    return ", ".join(kept) or None
