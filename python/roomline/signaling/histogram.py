"""Figures of which the distribution matters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

GAP_BOUNDS = (0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Seconds: what people do not see, what they see, and what they take for an end."""


class Histogram:
    """How many observed values were at most each of `bounds`, which rise."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, int]]:
        """`(bound, count)`: cumulative, the last bound is `+Inf`."""
        sums, found = 0, []
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            sums += count
            found.append((str(bound), sums))
        return found
