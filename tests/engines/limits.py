"""What an engine lets pass that Chromium does not, with the reason. An entry that leaks no more must go."""

from __future__ import annotations

LIMITS: dict[str, dict[str, str]] = {
    "chromium": {},
    "firefox": {},
    "webkit": {"location": "WebKitGTK 2.50 has no Navigation API, by which the guard sees where a page is led"},
}
"""By engine and case."""
