"""Addresses in the JSON of import maps and speculation rules (HTML, "import map" and "speculation rule set")."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["LARGEST_RULES", "addresses_of", "leads_elsewhere"]

LARGEST_RULES = 1024 * 1024
"""The largest file of speculation rules that is read, in bytes."""


def addresses_of(document: str) -> list[str]:
    """Return every string and key of a JSON document; none if it is not JSON, which browsers ignore as well."""
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


def leads_elsewhere(document: str) -> bool:
    """Say whether speculation rules apply to links of the page that lead to other sites."""
    rules = _parsed(document)
    lists = rules.values() if isinstance(rules, dict) else ()
    return any(
        isinstance(rule, dict) and rule.get("where") is not None and not _is_confined(rule["where"])
        for rules in lists
        if isinstance(rules, list)
        for rule in rules
    )


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
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        return None
