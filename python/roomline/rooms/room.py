"""The room: who may come in and who may publish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from roomline.errors import NotFound, PublishersFull, RoomFull
from roomline.ids import ParticipantId, TrackId
from roomline.rooms.participant import Participant
from roomline.rooms.track import Track
from roomline.tokens import RoomLimits

MAX_PRESETS = 10_000
"""Rooms whose limits from the API are kept while nobody is in them."""


@dataclass(eq=False)
class Room:
    """One room. It exists while somebody is in it or joins it."""

    name: str
    limits: RoomLimits
    created_at: int
    """Milliseconds since 1970."""
    participants: dict[ParticipantId, Participant] = field(default_factory=dict)
    tracks: dict[TrackId, Track] = field(default_factory=dict)
    """Every track, oldest first."""

    def admit(self, participant: Participant) -> None:
        """Hold a place for somebody who joins.

        Whoever has the same identity will be replaced and does not count. Raises RoomFull.
        """
        others = {p.identity for p in self.participants.values()} - {participant.identity}
        limit = self.limits.max_participants
        if limit and len(others) >= limit:
            raise RoomFull(f"the room has its maximum of {limit} participants")
        self.participants[participant.id] = participant

    def present(self, besides: Participant | None = None) -> Iterator[Participant]:
        """Who is in, without those who still join."""
        return (p for p in self.participants.values() if p.present and p is not besides)

    def rivals(self, participant: Participant) -> list[Participant]:
        """Others with the same identity."""
        return [
            other
            for other in self.participants.values()
            if other.identity == participant.identity and other is not participant
        ]

    def admit_publisher(self, participant: Participant) -> None:
        """Hold a publisher's place. Raises PublishersFull when it would be one too many."""
        limit = self.limits.max_publishers
        publishing = {
            p.identity
            for p in self.participants.values()
            if (p.tracks or p.publisher) and p.identity != participant.identity
        }
        if limit and len(publishing) >= limit:
            raise PublishersFull(f"the room has its maximum of {limit} publishers")
        participant.publisher = True

    def publish_bitrate(self, participant: Participant) -> int:
        """Bound of all that this participant publishes, in bit/s; 0 is none."""
        bounds = [b for b in (self.limits.max_bitrate, participant.grants.max_bitrate) if b]
        return min(bounds, default=0)

    def add_track(self, participant: Participant, track: Track) -> None:
        """A track is published."""
        participant.tracks[track.id] = track
        self.tracks[track.id] = track

    def remove_track(self, track: Track) -> None:
        """A track has ended."""
        self.tracks.pop(track.id, None)
        owner = self.participants.get(track.participant)
        if owner is not None:
            owner.tracks.pop(track.id, None)
            owner.publisher = bool(owner.tracks)
        for participant in self.participants.values():
            participant.forget(track.id)

    def remove(self, participant: Participant) -> None:
        """Somebody is gone; the tracks have been removed before."""
        self.participants.pop(participant.id, None)

    def track(self, track_id: str) -> Track:
        """A track by its name. Raises NotFound."""
        track = self.tracks.get(TrackId(track_id))
        if track is None:
            raise NotFound(f"no track {track_id[:40]} in this room")
        return track


class Rooms:
    """Every room of this server, by name."""

    def __init__(self, defaults: RoomLimits) -> None:
        self._rooms: dict[str, Room] = {}
        self._defaults = defaults
        self._preset: dict[str, RoomLimits] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def find(self, name: str) -> Room | None:
        """A room that exists."""
        return self._rooms.get(name)

    def get_or_create(self, name: str, limits: RoomLimits | None, now_ms: int) -> Room:
        """The room of that name; a new one gets the API's limits, else the token's, else ours."""
        room = self._rooms.get(name)
        if room is None:
            chosen = self._preset.get(name) or limits or self._defaults
            room = self._rooms[name] = Room(name, chosen, now_ms)
        return room

    def set_limits(self, name: str, limits: RoomLimits) -> None:
        """Set the limits of a room, also of one that does not exist yet.

        Of more than MAX_PRESETS rooms that nobody is in, the oldest are forgotten.
        """
        self._preset.pop(name, None)
        self._preset[name] = limits
        room = self._rooms.get(name)
        if room is not None:
            room.limits = limits
        while len(self._preset) > MAX_PRESETS + len(self._rooms):
            del self._preset[next(other for other in self._preset if other not in self._rooms)]

    def discard_empty(self, room: Room) -> None:
        """Forget a room that nobody is in."""
        if not room.participants and self._rooms.get(room.name) is room:
            del self._rooms[room.name]
