"""Tells everybody how everybody is connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from roomline.engine.events import PathChanged, TransportSilent, TransportStats
from roomline.protocol import ConnectionChange, ConnectionEvent, ConnectionInfo
from roomline.signaling.context import Context
from roomline.signaling.decisions import Decisions
from roomline.signaling.session import Session

MIN_INTERVAL = 2.0
"""Seconds between two reports that differ only in their RTT."""


class Reporting:
    """Turns the engine's and the clients' figures into `connection` events."""

    def __init__(self, context: Context, decisions: Decisions) -> None:
        self._context = context
        self._decisions = decisions

    def handle_path(self, event: PathChanged) -> None:
        """The engine says which pair carries the media."""
        session = self._context.by_transport.get(event.transport)
        if session is not None:
            session.path.handle_path(event.transport, event.path, self._context.now)
            self._context.count("path_changes", event.path.tier)
            self.announce(session)

    def handle_connected(self, session: Session, transport: int) -> None:
        """DTLS is done."""
        session.path.handle_connected(transport, self._context.now)
        self.announce(session)

    def handle_silent(self, session: Session, event: TransportSilent) -> None:
        """A transport fell silent, or is heard again."""
        now = self._context.now
        session.path.handle_silent(event.transport, event.silence_ms, now, silent=event.silent)
        self.announce(session)

    def handle_moved(self, session: Session) -> None:
        """Tracks may come on other transports than before."""
        numbers = {t.name: t.number for t in session.participant.transports.values()}
        tracks = Counter(numbers.get(t.transport, 0) for t in session.participant.tracks.values())
        session.path.handle_tracks(tracks, self._context.now)
        self.announce(session)

    def handle_closed(self, session: Session, transport: int, *, lost: bool) -> None:
        """A transport is gone."""
        session.path.handle_closed(transport, self._context.now, lost=lost)
        session.stats.pop(transport, None)
        self.announce(session)

    def handle_stats(self, event: TransportStats) -> None:
        """Totals of a transport."""
        session = self._context.by_transport.get(event.transport)
        if session is not None:
            session.stats[event.transport] = event.stats
            session.path.handle_stats(event.transport, event.stats, self._context.now)
            self.announce(session)

    def announce(self, session: Session) -> None:
        """Tell the room if there is something new.

        Small changes are told only now and then, and others not more often than a network makes
        them: each is work for everybody in the room.
        """
        if session.ended or not session.participant.present or not session.path.changed:
            return
        now = self._context.now.monotonic
        info, told = session.path.info(), session.connection_told
        if told and _same_path(info, told):
            if now - session.connection_told_at < MIN_INTERVAL:
                return
            session.path.changed = False
            if not _rtt_differs(info, told):
                return
        elif not session.connection_rate.allow(now):
            return
        session.path.changed = False
        change = _change(session.path.last_change, told, info)
        if change is not None:
            self._count(change)
        before = session.connection_told.tier if session.connection_told else None
        if info.tier is not None and info.tier != before:
            self._decisions.tell_tier_changed(session, before, info.tier, change)
        session.connection_told, session.connection_told_at = info, now
        self._context.broadcast(
            session.room,
            ConnectionEvent(participant=session.participant.id, connection=info, change=change),
        )

    def _count(self, change: ConnectionChange) -> None:
        self._context.count("moves", f"{change.origin or 'none'}/{change.to}/{change.why}")
        if change.origin is not None:
            self._context.move_gaps.observe(change.gap_ms / 1000)

    @staticmethod
    def tiers(sessions: Iterable[Session]) -> list[tuple[str, str, int]]:
        """How many participants are on each tier."""
        found = Counter(s.path.path.tier if s.path.path else "none" for s in sessions)
        tiers = ("direct", "turn-udp", "turn-tcp", "turn-tls", "none")
        return [("participants_by_tier", tier, found[tier]) for tier in tiers]


def _change(
    newest: ConnectionChange | None, told: ConnectionInfo | None, info: ConnectionInfo
) -> ConnectionChange | None:
    """The change since others were last told; several in between are one."""
    before = told.tier if told else None
    if newest is None or info.tier is None or before == info.tier:
        return None
    return newest.model_copy(update={"origin": before, "to": info.tier})


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
