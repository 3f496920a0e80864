"""Declare a cookie of the site's own in categories: visitors are asked only about those in which something is."""

from __future__ import annotations

from typing import Any

OPTIONAL = ("login", "preferences", "analytics", "advertising", "social", "unclassified")


def own_cookies(*categories: str) -> list[dict[str, Any]]:
    """Return the key ``cookies`` of a policy file with one cookie in each of the categories; none: in all."""
    return [{"name": f"own_{name}", "category": name, "max_age": "1d"} for name in categories or OPTIONAL]
