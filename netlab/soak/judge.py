"""What the server held at a moment, and whether it has grown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

ALLOWED_GROWTH = 0.05
ALLOWED_NOISE_MIB = 8.0
"""An allocator gives back whole pages and arenas only, and keeps some for next time."""
FAILURES_ALLOWED = 0.01
GAUGES = (
    "roomline_participants",
    "roomline_rooms",
    "roomline_tracks",
    "roomline_subscriptions",
    "roomline_transports",
    "roomline_media_ports",
    "roomline_routes",
    "roomline_allocations",
    "roomline_connections",
    "roomline_signaling_connections",
    "roomline_data_channels",
)
"""What must be as before when everybody is still."""


@dataclass(frozen=True)
class Sample:
    """The server at one moment."""

    at_s: float
    """Since the soak began."""
    phase: str
    rss_mib: float
    descriptors: int
    udp_ports: int
    threads: int
    cpu_s: float
    gauges: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)

    @property
    def held(self) -> dict[str, float]:
        """What can be counted, and must be the same whenever everybody is still."""
        counted = {name: self.gauges.get(name, 0.0) for name in GAUGES}
        return {
            "descriptors": float(self.descriptors),
            "udp_ports": float(self.udp_ports),
            "threads": float(self.threads),
            **counted,
        }


def growth(samples: list[Sample]) -> list[str]:
    """What has grown, in words; nothing when the server is as it was.

    Descriptors, ports and everything the engine counts must be exactly the same at the end, when
    everybody is still, as after the first minutes, when everybody was still. Memory (RSS) may differ
    by 5 % or 8 MiB, whichever is more, there as well as between the busy times: the median of the
    last 5 minutes (of a third, if the soak is short) against the one of the first.
    """
    still = [s for s in samples if s.phase == "still"]
    if len(still) < 2:
        return ["everybody was never still at both ends"]
    first, last = still[0], still[-1]
    problems = [
        f"{name}: {first.held[name]:g} after the first minutes, {last.held[name]:g} at the end"
        for name in first.held
        if first.held[name] != last.held[name]
    ]
    begin, end = busy_memory(samples)
    for what, before, after in (
        ("memory when still", first.rss_mib, last.rss_mib),
        ("memory when busy", begin, end),
    ):
        if after > before + max(before * ALLOWED_GROWTH, ALLOWED_NOISE_MIB):
            problems.append(f"{what}: from {before:.1f} MiB to {after:.1f} MiB")
    return problems


def busy_memory(samples: list[Sample]) -> tuple[float, float]:
    """The medians of RSS of the first busy time, and of the last minutes of the last one."""
    early = [s.rss_mib for s in samples if s.phase == "first"]
    late = [s for s in samples if s.phase == "busy"]
    if not early or not late:
        return 0.0, 0.0
    span = min(300.0, (late[-1].at_s - late[0].at_s) / 3)
    return median(early), median(s.rss_mib for s in late if s.at_s >= late[-1].at_s - span)


def mishaps(figures: dict[str, Any]) -> list[str]:
    """What went wrong among the participants, in words; one action in a hundred may fail."""
    done, failed = sum(figures["done"].values()), sum(figures["failed"].values())
    problems = []
    if failed > FAILURES_ALLOWED * (done + failed):
        problems.append(f"{failed} of {done + failed} actions failed: {figures['failed']}")
    if figures["disorder"]:
        problems.append(f"{figures['disorder']} events lost or doubled")
    return problems
