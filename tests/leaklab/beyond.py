"""What no gate of ours stops by now, with the reason. An entry that leaks no more must go."""

from __future__ import annotations

BEYOND = {
    "popup-on-click": "the visitor's own act, as following a link is",
}
