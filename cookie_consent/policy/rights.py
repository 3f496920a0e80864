"""The rights of those who have consented."""

from __future__ import annotations

__all__ = ["RIGHTS"]

RIGHTS = {
    "A7-3": "withdrawal",
    "A15": "access",
    "A16": "rectification",
    "A17": "erasure",
    "A18": "restriction",
    "A20": "portability",
    "A77": "complaint",
}
"""The rights of those who have consented, by article of the GDPR, as the Data Privacy Vocabulary writes it."""
