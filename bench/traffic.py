"""What the load client is told to send, and what it counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from bench import load
from bench.errors import Busy

EDGE = 0.015
"""What may be missing because it was under way when the window began or ended."""


@dataclass(frozen=True)
class Pattern:
    """What a published track sends."""

    kind: str
    """`frames`: a burst for each frame; `even`; `audio`."""
    bytes: int
    """Of an RTP packet before SRTP."""
    pps: float
    """Packets per second of one track."""
    burst: int = 1
    """Packets of a frame."""

    def at(self, pps: float) -> Pattern:
        """The same at another rate: more frames, not larger ones."""
        return Pattern(self.kind, self.bytes, pps, self.burst)

    def told(self) -> load.Pattern:
        """In the load client's words."""
        if self.kind == "frames":
            return load.Frames(self.pps / self.burst, self.burst, self.bytes)
        if self.kind == "audio":
            return load.Audio(self.bytes, 1000 / self.pps)
        return load.Even(self.pps, self.bytes)


@dataclass(frozen=True)
class Traffic:
    """What the load client counted in a window."""

    sent: int
    """Packets published, retransmissions not counted."""
    received: int
    """Packets at all the receivers, each once."""
    expected: int
    lost: int
    bytes: int
    """Of what was received, RTP before SRTP."""
    rtx: int
    latency_us: Mapping[str, float]
    """`p50`, `p99`, `p99_9`, `max`; empty if none was taken."""
    client: float
    """Share of its core that the load client used."""
    late: float
    """Share of the packets due that the load client left out, because it came too late itself."""

    @classmethod
    def of(cls, told: load.Measurement) -> Traffic:
        """Raises Busy when the load client says that it measured itself."""
        if told.void:
            raise Busy(told.reason or "the load client measured itself")
        sent, skipped = told.sent.packets, told.sent.skipped
        return cls(
            sent=sent,
            received=told.received.packets,
            expected=told.received.expected,
            lost=told.received.lost,
            bytes=told.received.bytes,
            rtx=told.received.rtx,
            latency_us=asdict(told.latency_us) if told.latency_us else {},
            client=told.cpu,
            late=skipped / (sent + skipped) if skipped else 0.0,
        )

    def loss(self, copies: float) -> float:
        """The share that was lost of `copies` of all that was sent.

        By the gaps in sequence numbers; but a server that stops to forward leaves no gap, so what
        is missing altogether counts when it is more than the ends of the window explain.
        """
        gaps = self.lost / self.expected if self.expected else 1.0
        missing = 1 - self.received / (self.sent * copies) if self.sent else 1.0
        return max(gaps, missing if missing > EDGE else 0.0)
