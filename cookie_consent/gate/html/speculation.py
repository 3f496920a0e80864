"""Addresses in the JSON of import maps and speculation rules (HTML, "import map" and "speculation rule set")."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["LARGEST_RULES", "addresses_of", "leads_elsewhere"]

LARGEST_RULES = 1024 * 1024
"""The largest file of speculation rules that is read, in bytes."""
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CHOOSING = frozenset({"where", "source"})
"""Keys of rules that may choose among the links of a page."""


def addresses_of(document: str) -> list[str]:
    """Return every string and key of a JSON document, also of one that only some browsers take for JSON."""
    found: list[str] = []
    try:
        todo: list[Any] = [_parsed(document)]
    except (ValueError, RecursionError):
        return _strings_in(document)
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            todo += value.values()
            found += value
        elif isinstance(value, list):
            todo += value
    return found


def leads_elsewhere(document: str) -> bool:
    """Say whether speculation rules apply to links of the page that lead to other sites."""
    try:
        rules = _parsed(document)
        lists = rules.values() if isinstance(rules, dict) else ()
        return any(
            isinstance(rule, dict) and _chooses(rule) and not _is_confined(rule.get("where"))
            for rules in lists
            if isinstance(rules, list)
            for rule in rules
        )
    except (ValueError, RecursionError):
        return not _CHOOSING.isdisjoint(_strings_in(document))


def _chooses(rule: dict[str, Any]) -> bool:
    # Rules for the document's links without a condition apply to all of them (HTML, "parse a speculation rule").
    return rule.get("where") is not None or rule.get("source") == "document"


def _is_confined(where: Any) -> bool:
    """Say whether every link that matches the predicate leads to the site itself."""
    if not isinstance(where, dict):
        return False
    if "href_matches" in where:
        patterns = where["href_matches"]
        return all(
            isinstance(pattern, str) and pattern.startswith("/") and pattern[1:2] not in {"/", "\\"}
            for pattern in (patterns if isinstance(patterns, list) else [patterns])
        )
    if isinstance(where.get("and"), list):
        return any(_is_confined(part) for part in where["and"])
    parts = where.get("or")
    return isinstance(parts, list) and bool(parts) and all(_is_confined(part) for part in parts)


def _parsed(document: str) -> Any:
    # Python refuses to parse integers of thousands of digits, which browsers read.
    return json.loads(document, parse_int=float)


def _strings_in(document: str) -> list[str]:
    r"""Return the strings of what Python does not take for JSON.

    Browsers take more: Chromium knows the escape ``\v`` and nests lists deeper, others at any depth.
    """
    return [_ESCAPE.sub(_unescaped, string) for string in _STRING.findall(document)]


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] is not None else _ESCAPES.get(match[2], match[2])
