"""Tells everybody how everybody is connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from roomline.engine.events import PathChanged, TransportStats
from roomline.protocol import ConnectionEvent, ConnectionInfo
from roomline.signaling.context import Context
from roomline.signaling.session import Session

MIN_INTERVAL = 2.0
"""Seconds between two reports that differ only in their RTT."""


class Reporting:
    """Turns the engine's and the clients' figures into `connection` events."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def handle_path(self, event: PathChanged) -> None:
        """The engine says which pair carries the media."""
        session = self._context.by_transport.get(event.transport)
        if session is not None:
            session.path.handle_path(event.transport, event.path, self._context.now.unix_ms)
            self._context.count("path_changes", event.path.tier)
            self.announce(session)

    def handle_connected(self, session: Session, transport: int) -> None:
        """DTLS is done."""
        session.path.handle_connected(transport, self._context.now.unix_ms)
        self.announce(session)

    def handle_closed(self, session: Session, transport: int) -> None:
        """A transport is gone."""
        session.path.handle_closed(transport, self._context.now.unix_ms)
        session.stats.pop(transport, None)
        self.announce(session)

    def handle_stats(self, event: TransportStats) -> None:
        """Totals of a transport."""
        session = self._context.by_transport.get(event.transport)
        if session is not None:
            session.stats[event.transport] = event.stats
            session.path.handle_stats(event.transport, event.stats)
            self.announce(session)

    def announce(self, session: Session) -> None:
        """Tell the room if there is something new, and of small changes only now and then."""
        if session.ended or not session.participant.present or not session.path.changed:
            return
        info, told = session.path.info(), session.connection_told
        elapsed = self._context.now.monotonic - session.connection_told_at
        if told and _same_path(info, told) and elapsed < MIN_INTERVAL:
            return
        session.path.changed = False
        if told and _same_path(info, told) and not _rtt_differs(info, told):
            return
        session.connection_told = info
        session.connection_told_at = self._context.now.monotonic
        self._context.broadcast(
            session.room, ConnectionEvent(participant=session.participant.id, connection=info)
        )

    @staticmethod
    def tiers(sessions: Iterable[Session]) -> list[tuple[str, str, int]]:
        """How many participants are on each tier."""
        found = Counter(s.path.path.tier if s.path.path else "none" for s in sessions)
        tiers = ("direct", "turn-udp", "turn-tcp", "turn-tls", "none")
        return [("participants_by_tier", tier, found[tier]) for tier in tiers]


def _same_path(info: ConnectionInfo, told: ConnectionInfo) -> bool:
    return (info.state, info.tier, info.server_port, info.since) == (
        told.state,
        told.tier,
        told.server_port,
        told.since,
    )


def _rtt_differs(info: ConnectionInfo, told: ConnectionInfo) -> bool:
    if info.rtt_ms is None or told.rtt_ms is None:
        return info.rtt_ms != told.rtt_ms
    if (info.added_latency_ms is None) != (told.added_latency_ms is None):
        return True
    return abs(info.rtt_ms - told.rtt_ms) >= max(2.0, told.rtt_ms * 0.1)
