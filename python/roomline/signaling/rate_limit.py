"""A token bucket."""

from __future__ import annotations


class RateLimit:
    """Lets `rate` things through a second, and as many at once after a second's rest."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._left = float(rate)
        self._at = now

    def allow(self, now: float) -> bool:
        """Whether one more may pass at `now` (monotonic seconds)."""
        self._left = min(self._rate, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
