"""Medians and spread of a handful of runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Of one figure over its runs."""

    median: float
    low: float
    high: float
    quarter: float
    """First quartile."""
    three_quarters: float
    """Third quartile."""
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """None if there is no value."""
        ordered = sorted(values)
        if not ordered:
            return None
        lower, _, upper = (
            statistics.quantiles(ordered, n=4, method="inclusive")
            if len(ordered) > 1
            else ordered * 3
        )
        return cls(statistics.median(ordered), ordered[0], ordered[-1], lower, upper, len(ordered))

    def scaled(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(
            self.median * factor,
            self.low * factor,
            self.high * factor,
            self.quarter * factor,
            self.three_quarters * factor,
            self.runs,
        )


def ratios(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Ours over theirs, round by round: what drifts in the machine is then in both."""
    return [ours[n] / theirs[n] for n in sorted(ours.keys() & theirs.keys()) if theirs[n]]
