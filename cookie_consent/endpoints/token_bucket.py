"""A token bucket, which bounds a rate and lets short bursts through."""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """Gains ``rate`` tokens a second and holds ``burst`` at most, which it has at the beginning.

    Times are seconds of one clock. It has no lock: whoever uses it from several threads brings one.
    """

    __slots__ = ("_burst", "_rate", "_tokens", "at")

    def __init__(self, *, rate: float, burst: float, at: float) -> None:
        self._rate = rate
        self._burst = self._tokens = float(burst)
        self.at = at
        """When it was last looked at."""

    def wait(self, now: float, needed: float = 1.0) -> float:
        """Return the seconds until it holds as many tokens as are needed; 0 if it does now."""
        self._tokens = min(self._burst, self._tokens + (now - self.at) * self._rate)
        self.at = now
        return max(0.0, (needed - self._tokens) / self._rate)

    def spend(self) -> None:
        """Take a token, whether there is one or not."""
        self._tokens -= 1

    def take(self, now: float) -> bool:
        """Take a token if there is one; return whether there was."""
        if self.wait(now):
            return False
        self.spend()
        return True
