"""Tracks that go from one media section to another while everybody goes on seeing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from roomline.engine.commands import MovePublication
from roomline.engine.events import Done
from roomline.errors import BadOffer, NotFound, SignalingError
from roomline.ids import TransportName
from roomline.protocol import TrackMove
from roomline.rooms import Track, Transport
from roomline.signaling.context import Context
from roomline.signaling.session import Session
from roomline.signaling.tasks import Procedure, refusal


class Place(NamedTuple):
    """A media section of an open transport."""

    transport: Transport
    mid: str


class Moves:
    """Moves publications, one after the other.

    Each answer is taken before the next question is asked: a transport may close at any moment, and
    then where a track is has to be what the engine said last.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def plan(
        self, session: Session, transport: Transport, wanted: Sequence[TrackMove]
    ) -> list[tuple[Track, Place]]:
        """What has to be moved. Raises NotFound or BadOffer if it cannot be."""
        if len({w.mid for w in wanted}) < len(wanted) or len({w.track for w in wanted}) < len(
            wanted
        ):
            raise BadOffer("a media section carries one track, and a track has one section")
        moves = []
        for each in wanted:
            track = session.own_track(each.track)
            if transport.sending.get(each.mid) != track.kind:
                raise BadOffer(f"the media section {each.mid!r} does not send {track.kind}")
            there = session.participant.track_at(transport.name, each.mid)
            if there is not None and there is not track:
                raise BadOffer(f"the media section {each.mid!r} carries another track")
            if there is None:
                moves.append((track, Place(transport, each.mid)))
        return moves

    def carry_out(self, session: Session, moves: Iterable[tuple[Track, Place]]) -> Procedure[None]:
        """Move all of these or none. Raises NotFound, BadOffer or Internal."""
        done: list[tuple[Track, Place | None]] = []
        for track, place in moves:
            before = _place(session, track.transport, track.mid)
            try:
                yield from self._move(session, track, place)
            except SignalingError:
                yield from self.undo(session, done)
                raise
            done.append((track, before))

    def undo(self, session: Session, done: Sequence[tuple[Track, Place | None]]) -> Procedure[None]:
        """Take moves back, the last one first. What cannot go back stays where it is."""
        for track, before in reversed(done):
            if before is not None and _is_open(session, before):
                yield from self._try(session, track, before)

    def clear(self, session: Session, transport: Transport) -> Procedure[None]:
        """Take the tracks of a transport back to where they came from, if that is still there."""
        for track in list(session.participant.tracks.values()):
            if track.transport == transport.name:
                yield from self.bring_home(session, track)

    def bring_home(self, session: Session, track: Track) -> Procedure[None]:
        """Take a track back to where it came from, if that is still there."""
        home = self.home(session, track)
        if home is not None:
            yield from self._try(session, track, home)

    def home(self, session: Session, track: Track) -> Place | None:
        """The section a track came from, if it can go back there."""
        if track.left is None or session.participant.track_at(*track.left) is not None:
            return None
        place = _place(session, *track.left)
        sends = place is not None and place.transport.sending.get(place.mid) == track.kind
        return place if sends else None

    def _try(self, session: Session, track: Track, place: Place) -> Procedure[None]:
        try:
            yield from self._move(session, track, place)
        except SignalingError as error:
            self._context.count("moves_refused", error.code)

    def _move(self, session: Session, track: Track, place: Place) -> Procedure[None]:
        number = self._context.names.number()
        (answer,) = yield [MovePublication(number, track.number, place.transport.number, place.mid)]
        if session.room.tracks.get(track.id) is not track:
            raise NotFound("the track has ended")
        if not isinstance(answer, Done):
            raise refusal(answer)
        if not _is_open(session, place):
            raise NotFound("the transport has closed")
        track.move(place.transport.name, place.mid)


def _place(session: Session, transport: TransportName, mid: str) -> Place | None:
    found = session.participant.transports.get(transport)
    return Place(found, mid) if found is not None else None


def _is_open(session: Session, place: Place) -> bool:
    return session.participant.transports.get(place.transport.name) is place.transport
