"""The events of a session, numbered, kept for a client that comes back."""

from __future__ import annotations

from collections import deque
from itertools import islice

from roomline.protocol import DataEvent, Event

MAX_EVENTS = 4096
MAX_PAYLOAD_BYTES = 2 * 1024 * 1024


class EventLog:
    """The newest events. What no longer fits is forgotten, oldest first.

    An event is kept as it is, so that all who get it share it: its number is where it stands.
    """

    def __init__(self) -> None:
        self.seq = 0
        """The number of the newest event; 0 before the first."""
        self._events: deque[Event] = deque()
        self._payload = 0
        self._old = 0

    def append(self, event: Event) -> int:
        """Keep an event; its number."""
        self.seq += 1
        self._events.append(event)
        self._payload += _payload(event)
        while len(self._events) > MAX_EVENTS or self._payload > MAX_PAYLOAD_BYTES:
            self._drop()
        return self.seq

    def age(self) -> None:
        """Forget what was there at the last call, which is so long ago that nobody can miss it."""
        self.forget(self._old)
        self._old = self.seq

    def forget(self, seq: int) -> None:
        """Forget the events up to `seq`: the client has them."""
        while self._events and self.seq - len(self._events) < seq:
            self._drop()

    def since(self, seq: int) -> list[tuple[int, Event]] | None:
        """The events after `seq` with their numbers.

        None when some are forgotten or `seq` was never given out.
        """
        missing = self.seq - seq
        if missing < 0 or missing > len(self._events):
            return None
        return list(enumerate(islice(self._events, len(self._events) - missing, None), seq + 1))

    def _drop(self) -> None:
        self._payload -= _payload(self._events.popleft())


def _payload(event: Event) -> int:
    return len(event.payload) if isinstance(event, DataEvent) else 0
