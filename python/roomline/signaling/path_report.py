"""How a participant's media travels, as everybody is told."""

from __future__ import annotations

from roomline.engine.events import Path, Stats
from roomline.protocol import ClientReport, ConnectionInfo, ConnectionState

SILENT_REPORTS = 3
"""Statistics without one new packet before a connection counts as interrupted."""

_PROTOCOLS: dict[str, str] = {
    "direct": "udp",
    "turn-udp": "udp",
    "turn-tcp": "tcp",
    "turn-tls": "tls",
}


class PathReport:
    """Collects what is known of one participant's path."""

    def __init__(self) -> None:
        self._paths: dict[int, Path] = {}
        self._connected: set[int] = set()
        self._received: dict[int, int] = {}
        self._silent = 0
        self._rtt: float | None = None
        self._best: float | None = None
        self._since: int | None = None
        self._was_connected = False
        self.changed = False
        """Whether something came in since the others were last told."""

    @property
    def path(self) -> Path | None:
        """Where the media goes now: the newest transport that has a path."""
        ready = {t: p for t, p in self._paths.items() if t in self._connected} or self._paths
        return next(reversed(ready.values()), None)

    @property
    def state(self) -> ConnectionState:
        """In one word."""
        if self._connected and self._silent < SILENT_REPORTS:
            return "connected"
        return "interrupted" if self._was_connected else "connecting"

    def handle_path(self, transport: int, path: Path, unix_ms: int) -> None:
        """The engine says which pair carries the media."""
        before, self.changed = self.path, True
        self._paths[transport] = path
        self._note_change(before, unix_ms)

    def handle_connected(self, transport: int, unix_ms: int) -> None:
        """DTLS is done on this transport."""
        before, self.changed = self.path, True
        self._connected.add(transport)
        self._was_connected = True
        self._silent = 0
        self._note_change(before, unix_ms)

    def handle_closed(self, transport: int, unix_ms: int) -> None:
        """This transport is gone."""
        before, self.changed = self.path, True
        self._paths.pop(transport, None)
        self._connected.discard(transport)
        self._received.pop(transport, None)
        self._note_change(before, unix_ms)

    def handle_stats(self, transport: int, stats: Stats) -> None:
        """Whether anything still arrives: browsers check consent every few seconds (RFC 7675)."""
        before = self._received.get(transport)
        self._received[transport] = stats.packets_received
        if transport in self._connected and before is not None:
            self._silent = 0 if stats.packets_received > before else self._silent + 1
            self.changed = True

    def handle_report(self, report: ClientReport) -> None:
        """What the client measured. Only the RTT is believed."""
        path = self.path
        if path is None:
            return
        self._rtt = report.rtt_ms
        self.changed = True
        unrelayed = [self._best, report.signaling_rtt_ms]
        if path.tier == "direct":
            unrelayed.append(report.rtt_ms)
        self._best = min((rtt for rtt in unrelayed if rtt is not None), default=None)

    def info(self) -> ConnectionInfo:
        """The value that goes into messages."""
        path = self.path
        if path is None:
            return ConnectionInfo(state=self.state)
        return ConnectionInfo.model_validate(
            {
                "state": self.state,
                "tier": path.tier,
                "protocol": _PROTOCOLS[path.tier],
                "server_port": path.server_port,
                "rtt_ms": self._rtt,
                "added_latency_ms": self._added_latency(path),
                "since": self._since,
            }
        )

    def _added_latency(self, path: Path) -> float | None:
        if path.tier == "direct":
            return 0.0
        if self._rtt is None or self._best is None:
            return None
        return round(max(0.0, self._rtt - self._best), 3)

    def _note_change(self, before: Path | None, unix_ms: int) -> None:
        after = self.path
        if after is None:
            self._since = None
            self._rtt = None
        elif before is None or (before.tier, before.server_port) != (after.tier, after.server_port):
            self._since = unix_ms
            self._rtt = None
