"""Import maps and speculation rules: JSON in which addresses stand (HTML, "import map" and "speculation rule set")."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["LARGEST_RULES", "addresses_of", "is_free"]

LARGEST_RULES = 1024 * 1024
"""Bytes of a file of speculation rules; a larger one is not read."""


def addresses_of(document: str) -> list[str]:
    """Return every string and key of a JSON document; none where it is no JSON, which browsers ignore as well."""
    found: list[str] = []
    todo: list[Any] = [_parsed(document)]
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


def is_free(document: str) -> bool:
    """Say whether speculation rules choose among the page's links, and not only among those to the site itself."""
    rules = _parsed(document)
    lists = rules.values() if isinstance(rules, dict) else ()
    return any(
        isinstance(rule, dict) and rule.get("where") is not None and not _is_confined(rule["where"])
        for rules in lists
        if isinstance(rules, list)
        for rule in rules
    )


def _is_confined(where: Any) -> bool:
    """Say whether every link for which the predicate holds leads to the site itself."""
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
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        return None
