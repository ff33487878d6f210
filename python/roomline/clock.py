"""Time as a value: the session core and the rooms are told it and never ask."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol


class Moment(NamedTuple):
    """One instant by two clocks."""

    monotonic: float
    """Seconds that never jump: for deadlines."""
    unix: float
    """Seconds since 1970-01-01 UTC: for what people and tokens see."""

    @property
    def unix_ms(self) -> int:
        """Whole milliseconds since 1970."""
        return int(self.unix * 1000)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> Moment:
        """This instant."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Moment:
        """This instant."""
        return Moment(time.monotonic(), time.time())
