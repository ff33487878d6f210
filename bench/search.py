"""The highest load that a server stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

FAR = 1.6
"""By how much the load grows until the server fails."""
NEAR = 1.12
"""The same where it is known about where that will be."""
PRECISION = 0.04
"""How near the answer must be, as a share of it."""
MOST_PROBES = 14


async def highest(
    passes: Callable[[float], Awaitable[bool]], start: float, top: float, step: float = FAR
) -> float | None:
    """The highest load at which `passes` held, to about 4 %; None if none was found.

    From `start` it goes up until it fails or `top` is reached, or down until it passes; then the
    gap is halved. A load fails when it has failed twice: one hiccup of the machine is no limit.
    """
    low, high = 0.0, 0.0
    load = min(start, top)
    for _ in range(MOST_PROBES):
        if await passes(load) or await passes(load):
            low = load
            if low >= top:
                break
        else:
            high = load
        if low and high:
            if high - low <= PRECISION * low:
                break
            load = (low + high) / 2
        else:
            load = min(low * step, top) if low else high / step
    return low or None
