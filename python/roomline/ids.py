"""Names and numbers of things.

People see names (`PA_…`, `TR_…`, `TP_…`); the engine and TURN user names carry numbers. Neither is
ever used again, also not by the next run of the server: a TURN credential stays bound to the one
participant it was made for.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable
from itertools import count
from typing import NewType

ParticipantId = NewType("ParticipantId", str)
TrackId = NewType("TrackId", str)
TransportName = NewType("TransportName", str)

RandomBytes = Callable[[int], bytes]


class Names:
    """Makes names and numbers. `first` is the lowest number; `random` gives that many bytes."""

    def __init__(self, first: int, random: RandomBytes = secrets.token_bytes) -> None:
        self._numbers = count(first)
        self._random = random

    @classmethod
    def since(cls, unix: float) -> Names:
        """Names of a server that started at `unix` seconds: above those of every earlier run.

        Room for 16 million numbers a second of running time; they fit in 63 bits until 19392.
        """
        return cls(int(unix) << 24)

    def number(self) -> int:
        """The next number."""
        return next(self._numbers)

    def participant(self) -> ParticipantId:
        """A name for a participant."""
        return ParticipantId(f"PA_{self._word(10)}")

    def track(self) -> TrackId:
        """A name for a track."""
        return TrackId(f"TR_{self._word(10)}")

    def transport(self) -> TransportName:
        """A name for a transport."""
        return TransportName(f"TP_{self._word(10)}")

    def secret(self) -> str:
        """Something nobody can guess: 160 bits."""
        return self._word(20)

    def incident(self) -> str:
        """A word that ties an error message to a line of the log."""
        return self._word(5)

    def _word(self, size: int) -> str:
        return b32encode(self._random(size)).decode("ascii").lower().rstrip("=")
