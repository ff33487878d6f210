"""What runs, and how long it will take still."""

from __future__ import annotations

import sys
import time

from bench.results import Run


class Progress:
    """Tells of each run on standard error. The time left is scaled by how the past ones went."""

    def __init__(self, expected_s: float) -> None:
        self._expected_s = expected_s
        self._passed_s = 0.0
        self._begun = time.monotonic()

    def passed(self, expected_s: float) -> None:
        """Work of which so much was expected is over."""
        self._passed_s += expected_s

    def tell(self, run: Run) -> None:
        """Tell of a run."""
        self.say(f"{run.workload} {run.case} {run.load}, {run.peer}, round {run.round}: {_of(run)}")

    def say(self, line: str) -> None:
        """Tell something, with the time left."""
        spent = time.monotonic() - self._begun
        scale = spent / self._passed_s if self._passed_s else 1.0
        left = max(0.0, self._expected_s - self._passed_s) * scale
        print(f"[{_minutes(spent)}, {_minutes(left)} left] {line}", file=sys.stderr, flush=True)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _of(run: Run) -> str:
    if run.void is not None:
        return f"void, {run.void}"
    figures = run.figures
    parts = []
    if "maximum_pps" in figures:
        parts.append(f"{figures['maximum_pps'] / 1000:.1f} k packets/s")
    if "cpu_ns" in figures:
        parts.append(f"{figures['cpu_ns'] / 1000:.2f} µs CPU per packet")
    if "core_ns" in figures:
        parts.append(f"{figures['core_ns'] / 1000:.2f} µs of the core")
    if "p99_us" in figures:
        parts.append(f"p99 {figures['p99_us']:.0f} µs")
    return ", ".join(parts) or ", ".join(f"{k} {v:.4g}" for k, v in figures.items())
