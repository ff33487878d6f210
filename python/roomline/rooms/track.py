"""Publications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roomline.ids import ParticipantId, TrackId, TransportName

Kind = Literal["audio", "video"]
Source = Literal["camera", "microphone", "screen", "screenAudio", "other"]


@dataclass(frozen=True)
class Intent:
    """What a participant means to publish in one media section."""

    mid: str
    source: Source
    name: str
    muted: bool


@dataclass(eq=False)
class Track:
    """One publication. `number` names it to the engine."""

    id: TrackId
    number: int
    participant: ParticipantId
    kind: Kind
    source: Source
    name: str
    muted: bool
    transport: TransportName
    mid: str
    left: tuple[TransportName, str] | None = None
    """The section it moved away from last, by transport and mid."""
    codec: str | None = None
    """As in the SDP; None until the first packet."""
    max_bitrate: int = 0
    """Its share of what its participant may publish, in bit/s; 0 is no bound."""

    def move(self, transport: TransportName, mid: str) -> None:
        """It comes from another section now."""
        if (transport, mid) != (self.transport, self.mid):
            self.left = (self.transport, self.mid)
            self.transport, self.mid = transport, mid
