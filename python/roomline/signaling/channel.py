"""What the core needs of a client's connection, whatever its dialect."""

from __future__ import annotations

from typing import Protocol

from roomline.clock import Moment
from roomline.errors import SignalingError
from roomline.protocol import Event
from roomline.protocol.values import Wire


class Channel(Protocol):
    """One end of a connection. Nothing is sent by these calls: the driver drains it."""

    def deliver(self, message: Wire) -> None:
        """A reply for the client."""

    def deliver_event(self, event: Event, seq: int) -> None:
        """An event for the client and others, and its number for this one."""

    def reject(self, request: int | None, error: SignalingError, *, fatal: bool) -> None:
        """Tell an error; after a fatal one the connection closes."""

    def finish(self, code: int, reason: str) -> None:
        """Close the connection once everything delivered has been sent."""

    def handle_timeout(self, now: Moment) -> None:
        """Time has passed."""
