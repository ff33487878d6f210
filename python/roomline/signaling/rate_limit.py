"""A token bucket."""

from __future__ import annotations


class RateLimit:
    """Lets `rate` things through a second, and `burst` at once after a rest.

    Without `burst` it is as many at once as in a second.
    """

    def __init__(self, rate: float, now: float, burst: float | None = None) -> None:
        self._rate = rate
        self._burst = rate if burst is None else burst
        self._left = self._burst
        self._at = now

    def allow(self, now: float) -> bool:
        """Whether one more may pass at `now` (monotonic seconds)."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
