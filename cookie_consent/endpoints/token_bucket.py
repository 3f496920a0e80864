"""A token bucket: a rate limit that allows short bursts."""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """Gains ``rate`` tokens per second. It holds at most ``burst`` tokens, and starts with as many.

    All times are in seconds, from the same clock. It has no lock: callers in several threads need their own.
    """

    __slots__ = ("_burst", "_rate", "_tokens", "at")

    def __init__(self, *, rate: float, burst: float, at: float) -> None:
        self._rate = rate
        self._burst = self._tokens = float(burst)
        self.at = at
        """When its tokens were last updated."""

    def wait(self, now: float, needed: float = 1.0) -> float:
        """Return the seconds until it holds the ``needed`` tokens, or 0 if it does now."""
        self._tokens = min(self._burst, self._tokens + (now - self.at) * self._rate)
        self.at = now
        return max(0.0, (needed - self._tokens) / self._rate)

    def spend(self) -> None:
        """Take a token, even if there is none."""
        self._tokens -= 1

    def take(self, now: float) -> bool:
        """Take a token if there is one, and return whether there was."""
        if self.wait(now):
            return False
        self.spend()
        return True
