"""People and programs in a room."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from roomline.errors import PermissionDenied
from roomline.ids import ParticipantId, TrackId, TransportName
from roomline.rooms.track import Intent, Track
from roomline.rooms.transport import Transport
from roomline.tokens import Grants

if TYPE_CHECKING:
    from roomline.rooms.binding import Binding


@dataclass(eq=False)
class Participant:
    """One participant. `number` names it to the engine and in its TURN user name."""

    id: ParticipantId
    number: int
    identity: str
    name: str
    grants: Grants
    joined_at: int
    """Milliseconds since 1970."""
    auto_subscribe: bool
    present: bool = False
    """False while it joins: it holds a place, and nobody sees it."""
    publisher: bool = False
    """True once it holds a publisher's place."""
    tracks: dict[TrackId, Track] = field(default_factory=dict)
    transports: dict[TransportName, Transport] = field(default_factory=dict)
    """The oldest first."""
    chosen: dict[TrackId, bool] = field(default_factory=dict)
    """What it asked for itself: True to get a track, False not to."""
    permitted: dict[TrackId, bool] = field(default_factory=dict)
    """What the application has said; False while it is asked."""
    paused: set[TrackId] = field(default_factory=set)
    """Subscriptions it asked to pause."""
    starved: set[TrackId] = field(default_factory=set)
    """Tracks that the bitrate cap keeps from it on every transport."""

    @property
    def main(self) -> Transport | None:
        """The oldest transport: data channels live on it. A younger one is a bridge."""
        return next(iter(self.transports.values()), None)

    def bindings_of(self, track: TrackId) -> list[Binding]:
        """Where a track is bound: at most once per transport."""
        found = (transport.bindings.get(track) for transport in self.transports.values())
        return [binding for binding in found if binding is not None]

    def wants(self, track: Track) -> bool:
        """Whether this track is to be sent to this participant."""
        if track.participant == self.id or not self.grants.subscribe:
            return False
        if not self.permitted.get(track.id, True):
            return False
        return self.chosen.get(track.id, self.auto_subscribe)

    def check_may_publish(self, intent: Intent) -> None:
        """Raises PermissionDenied unless the grants allow that source."""
        if not self.grants.publish:
            raise PermissionDenied("the token does not grant publish")
        if intent.source not in self.grants.sources:
            raise PermissionDenied(f"the token does not grant the source {intent.source}")

    def forget(self, track: TrackId) -> None:
        """A track has ended: it is neither wanted nor unwanted any more."""
        self.chosen.pop(track, None)
        self.permitted.pop(track, None)
        self.paused.discard(track)
        self.starved.discard(track)
        for transport in self.transports.values():
            transport.refused.discard(track)

    def track_at(self, transport: TransportName, mid: str) -> Track | None:
        """What is published in that media section."""
        for track in self.tracks.values():
            if track.transport == transport and track.mid == mid:
                return track
        return None
