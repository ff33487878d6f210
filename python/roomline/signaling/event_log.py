"""The events of a session, numbered, kept for a client that comes back."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from roomline.protocol import DataEvent, Event

MAX_EVENTS = 4096
MAX_PAYLOAD_BYTES = 2 * 1024 * 1024

E = TypeVar("E", bound=Event)


class EventLog:
    """The newest events. What no longer fits is forgotten, oldest first."""

    def __init__(self) -> None:
        self.seq = 0
        """The number of the newest event; 0 before the first."""
        self._events: deque[Event] = deque()
        self._payload = 0
        self._old = 0

    def append(self, event: E) -> E:
        """Number an event and keep it."""
        self.seq += 1
        numbered = event.model_copy(update={"seq": self.seq})
        self._events.append(numbered)
        self._payload += _payload(numbered)
        while len(self._events) > MAX_EVENTS or self._payload > MAX_PAYLOAD_BYTES:
            self._payload -= _payload(self._events.popleft())
        return numbered

    def age(self) -> None:
        """Forget what was there at the last call, which is so long ago that nobody can miss it."""
        self.forget(self._old)
        self._old = self.seq

    def forget(self, seq: int) -> None:
        """Forget the events up to `seq`: the client has them."""
        while self._events and self._events[0].seq <= seq:
            self._payload -= _payload(self._events.popleft())

    def since(self, seq: int) -> list[Event] | None:
        """The events after `seq`; None when some are forgotten or `seq` was never given out."""
        missing = self.seq - seq
        if missing < 0 or missing > len(self._events):
            return None
        return list(self._events)[len(self._events) - missing :]


def _payload(event: Event) -> int:
    return len(event.payload) if isinstance(event, DataEvent) else 0
