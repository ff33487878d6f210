"""How a participant's media travels, as everybody is told."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from roomline.clock import Moment
from roomline.engine.events import Path, Stats
from roomline.protocol import (
    ChangeReason,
    ClientReport,
    ConnectionChange,
    ConnectionInfo,
    ConnectionState,
)

SILENT_REPORTS = 3
"""Statistics without one new packet before a connection counts as interrupted: for clients that
answer no beats."""

RECENT = 2.0
"""Seconds after a silence in which another pair is taken for the one that ended it."""

SAMPLES = 3
"""A client's round trips of which the shortest counts: single ones are often taken under load."""

_PROTOCOLS: dict[str, str] = {
    "direct": "udp",
    "turn-udp": "udp",
    "turn-tcp": "tcp",
    "turn-tls": "tls",
}
_RANKS = {tier: rank for rank, tier in enumerate(_PROTOCOLS)}


@dataclass(eq=False)
class _Leg:
    """One transport. All times are monotonic seconds."""

    path: Path | None = None
    next_path: Path | None = None
    """The pair of a silent transport changed: it counts when something is heard on it."""
    connected: bool = False
    lost_at: float | None = None
    """Since when nothing is heard; None while something is."""
    heard_since: float = 0.0
    """When it connected, or when its last silence ended."""
    last_silence: float = 0.0
    """How long that was, in seconds."""
    received: int | None = None
    received_at: float = 0.0
    """When statistics last told of new packets."""
    reports: int = 0
    """Statistics in a row without a new packet."""
    measured: float | None = None
    """The engine's newest round trip, in ms."""
    stale: bool = False
    """Whether the next statistics tell of the pair before, too."""
    samples: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    """The client's, while it was the path."""

    @property
    def silent(self) -> bool:
        return self.lost_at is not None

    @property
    def rtt(self) -> float | None:
        return self.measured if self.measured is not None else min(self.samples, default=None)

    def take_path(self, path: Path) -> None:
        """This pair carries the media from now on."""
        before, self.path, self.next_path = self.path, path, None
        if before is not None and _where(before) != _where(path):
            self.measured, self.stale = None, True
            self.samples.clear()

    def hear(self, silence: float, now: Moment) -> None:
        """Something comes again, after that many seconds."""
        self.lost_at, self.reports = None, 0
        self.heard_since, self.last_silence = now.monotonic, silence
        if self.next_path is not None:
            self.take_path(self.next_path)

    def handle_stats(self, stats: Stats, now: Moment) -> None:
        """Totals: of clients without beats they tell silence."""
        if stats.path_rtt_ms is not None and not self.stale:
            self.measured = stats.path_rtt_ms
        self.stale = False
        before, self.received = self.received, stats.packets_received
        if before is None or stats.packets_received > before:
            silence, lost = now.monotonic - self.received_at, self.reports >= SILENT_REPORTS
            self.reports, self.received_at = 0, now.monotonic
            if lost:
                self.hear(silence, now)
        elif self.connected:
            self.reports += 1
            if self.reports >= SILENT_REPORTS and self.lost_at is None:
                self.lost_at = self.received_at


class LegInfo(NamedTuple):
    """What is known of one transport."""

    path: Path | None
    connected: bool
    silent: bool
    rtt_ms: float | None


class PathReport:
    """Collects what is known of the transports of one participant."""

    def __init__(self) -> None:
        self._legs: dict[int, _Leg] = {}
        self._tracks: dict[int, int] = {}
        self._current: _Leg | None = None
        self._path: Path | None = None
        self._best: float | None = None
        self._since: int | None = None
        self._was_connected = False
        self.last_change: ConnectionChange | None = None
        """The newest change of tier."""
        self.changed = False
        """Whether `info` may be another than when the others were last told."""
        self._facts: tuple[object, ...] = ()
        """What `info` is made of, as of the last look."""

    @property
    def path(self) -> Path | None:
        """Where the media goes now."""
        return self._path

    @property
    def state(self) -> ConnectionState:
        """In one word."""
        if self._current is not None and self._current.connected and not self._current.silent:
            return "connected"
        return "interrupted" if self._was_connected else "connecting"

    def handle_path(self, transport: int, path: Path, now: Moment) -> None:
        """The engine says which pair carries the media."""
        leg = self._leg(transport)
        if leg.silent and leg.path is not None:
            leg.next_path = path
        else:
            leg.take_path(path)
        self._look(now)

    def handle_connected(self, transport: int, now: Moment) -> None:
        """DTLS is done on this transport."""
        leg = self._leg(transport)
        leg.connected, leg.reports, leg.lost_at = True, 0, None
        leg.heard_since = now.monotonic
        self._was_connected = True
        self._look(now)

    def handle_silent(self, transport: int, silence_ms: int, now: Moment, *, silent: bool) -> None:
        """Nothing authentic comes any more, or something comes again, after that long."""
        leg = self._leg(transport)
        if silent:
            leg.lost_at = now.monotonic - silence_ms / 1000
        else:
            leg.hear(silence_ms / 1000, now)
        self._look(now)

    def handle_closed(self, transport: int, now: Moment, *, lost: bool) -> None:
        """This transport is gone: lost, or closed by one of the two sides."""
        leg = self._legs.pop(transport, None)
        if leg is None:
            return
        leg.connected = False
        if lost and leg.lost_at is None:
            leg.lost_at = now.monotonic
        self._look(now)

    def handle_tracks(self, tracks: Mapping[int, int], now: Moment) -> None:
        """How many tracks of the participant come on each transport."""
        self._tracks = dict(tracks)
        self._look(now)

    def handle_stats(self, transport: int, stats: Stats, now: Moment) -> None:
        """Whether anything still arrives: browsers check consent every few seconds (RFC 7675)."""
        leg = self._leg(transport)
        leg.handle_stats(stats, now)
        if leg is self._current:
            self._note_reference(leg.measured)
        self._look(now)

    def handle_report(self, report: ClientReport) -> None:
        """What the client measured. Only the RTTs are believed."""
        if self._current is None:
            return
        self._current.samples.append(report.rtt_ms)
        self._note_reference(report.rtt_ms)
        if report.signaling_rtt_ms is not None:
            self._best = _least(self._best, report.signaling_rtt_ms)
        self._compare()

    def info(self) -> ConnectionInfo:
        """The value that goes into messages."""
        path, leg = self._path, self._current
        if path is None or leg is None:
            return ConnectionInfo(state=self.state)
        return ConnectionInfo.model_validate(
            {
                "state": self.state,
                "tier": path.tier,
                "protocol": _PROTOCOLS[path.tier],
                "server_port": path.server_port,
                "rtt_ms": leg.rtt,
                "added_latency_ms": self._added_latency(path, leg.rtt),
                "since": self._since,
            }
        )

    def legs(self) -> Iterator[tuple[int, LegInfo]]:
        """Every transport by its number."""
        for transport, leg in self._legs.items():
            yield transport, LegInfo(leg.path, leg.connected, leg.silent, leg.rtt)

    def _leg(self, transport: int) -> _Leg:
        leg = self._legs.get(transport)
        if leg is None:
            leg = self._legs[transport] = _Leg()
        return leg

    def _compare(self) -> None:
        """Most statistics bring nothing that others are told: to see that must cost little."""
        rtt = self._current.rtt if self._current is not None else None
        facts = (self.state, self._path, self._since, rtt, self._best)
        if facts != self._facts:
            self._facts, self.changed = facts, True

    def _look(self, now: Moment) -> None:
        """Find out which transport is the path, and what that changes."""
        leg = self._choose()
        # What is known of the path that is gone stays until there is another.
        if leg is not None and leg.path is not None:
            self._follow(leg, leg.path, now)
        self._compare()

    def _follow(self, leg: _Leg, path: Path, now: Moment) -> None:
        old, before = self._current, self._path
        if leg is old and path is before:
            return
        self._current, self._path = leg, path
        if before is not None and _address_changed(before, path):
            self._best = None
        if before is None or _where(before) != _where(path):
            self._since = now.unix_ms
        if before is None or before.tier != path.tier:
            self._note_change(old, before, leg, now)

    def _choose(self) -> _Leg | None:
        """Who is heard before who is silent; then where the tracks come; then the newest.

        Once one has been connected, only those that are.
        """
        ready = [
            (leg, name)
            for name, leg in self._legs.items()
            if leg.path is not None and leg.connected >= self._was_connected
        ]
        best = max(
            reversed(ready),
            key=lambda each: (not each[0].silent, self._tracks.get(each[1], 0)),
            default=None,
        )
        return best[0] if best else None

    def _note_change(self, old: _Leg | None, before: Path | None, leg: _Leg, now: Moment) -> None:
        after = leg.path
        if after is None:
            return
        gap: float | None = None
        if old is leg:
            if leg.last_silence and now.monotonic - leg.heard_since <= RECENT:
                gap = leg.last_silence
        elif old is not None and old.lost_at is not None:
            gap = max(0.0, leg.heard_since - old.lost_at)
        self.last_change = ConnectionChange.model_validate(
            {
                "from": before.tier if before else None,
                "to": after.tier,
                "why": _why(before, after, lost=gap is not None),
                "gap_ms": round((gap or 0.0) * 1000, 1),
                "at": now.unix_ms,
            }
        )

    def _note_reference(self, rtt: float | None) -> None:
        """The best round trip without a relay is what a relay is compared with."""
        leg = self._current
        if leg is not None and leg.path is not None and leg.path.tier == "direct":
            self._best = _least(self._best, rtt)

    def _added_latency(self, path: Path, rtt: float | None) -> float | None:
        if path.tier == "direct":
            return 0.0
        if rtt is None or self._best is None:
            return None
        return round(max(0.0, rtt - self._best), 3)


def _where(path: Path) -> tuple[str, int]:
    return path.tier, path.server_port


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _why(before: Path | None, after: Path, *, lost: bool) -> ChangeReason:
    if before is None:
        return "other"
    if _address_changed(before, after):
        return "address-changed"
    # Nobody goes to a worse tier while the better one works.
    worse = _RANKS[after.tier] > _RANKS[before.tier]
    return "path-lost" if lost or worse else "better-path"


def _address_changed(before: Path, after: Path) -> bool:
    """Whether the client is on another network: another address of the same family.

    TCP may go through a proxy, whose address says nothing of the client's.
    """
    if "udp" not in {_PROTOCOLS[before.tier]} & {_PROTOCOLS[after.tier]}:
        return False
    old, new = ipaddress.ip_address(before.client_ip), ipaddress.ip_address(after.client_ip)
    return old.version == new.version and old != new
