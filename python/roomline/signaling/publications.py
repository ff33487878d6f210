"""Publishing, muting and unpublishing."""

from __future__ import annotations

from collections.abc import Sequence

from roomline.engine.commands import LimitPublication, PausePublication, Publish, Unpublish
from roomline.engine.events import Done, PublicationStarted
from roomline.errors import BadOffer, NotFound, SignalingError
from roomline.protocol import (
    TrackAssignment,
    TrackIntent,
    TrackMove,
    TrackMutedEvent,
    TrackUnpublishedEvent,
)
from roomline.rooms import Intent, Track, Transport, share_bitrate
from roomline.signaling.context import Context
from roomline.signaling.describe import track_info
from roomline.signaling.moves import Moves
from roomline.signaling.session import Session
from roomline.signaling.subscriptions import Subscriptions
from roomline.signaling.tasks import Procedure, refusal


class Publications:
    """The publications of every participant."""

    def __init__(self, context: Context, subscriptions: Subscriptions, moves: Moves) -> None:
        self._context = context
        self._moves = moves
        self._subscriptions = subscriptions
        self._tracks: dict[int, Track] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def check(self, session: Session, intents: Sequence[TrackIntent]) -> None:
        """Raises PermissionDenied, PublishersFull or NotFound unless the grants allow all."""
        for intent in intents:
            if intent.track is not None:
                session.own_track(intent.track)
            else:
                session.participant.check_may_publish(_intent(intent))
        if any(intent.track is None for intent in intents):
            session.room.admit_publisher(session.participant)

    def publish(
        self, session: Session, transport: Transport, intents: Sequence[TrackIntent]
    ) -> Procedure[tuple[list[TrackAssignment], list[Track]]]:
        """Publish what the intents name and move the tracks they name: all of it or nothing.

        Returns the assignments in the order of the intents, and the tracks that are new. An intent
        for a section that is published already gets the track it has. Raises BadOffer, NotFound.
        """
        participant = session.participant
        wanted = [TrackMove(mid=i.mid, track=i.track) for i in intents if i.track is not None]
        moves = self._moves.plan(session, transport, wanted)
        fresh: dict[str, Track] = {}
        for intent in intents:
            if intent.track is None and not participant.track_at(transport.name, intent.mid):
                fresh[intent.mid] = self._make(session, transport, intent)
        if any(place.mid in fresh for _, place in moves):
            raise BadOffer("a media section carries one track")
        yield from self._ask(session, transport, list(fresh.values()))
        try:
            yield from self._moves.carry_out(session, moves)
            if session.participant.transports.get(transport.name) is not transport:
                raise NotFound("the transport has closed")
        except SignalingError:
            for track in fresh.values():
                self._context.submit(Unpublish(track.number))
            raise
        for track in fresh.values():
            self._add(session, track)
        self.share_bitrate(session)
        assignments = []
        for intent in intents:
            found = participant.track_at(transport.name, intent.mid)
            if found is not None:
                assignments.append(TrackAssignment(mid=intent.mid, track=track_info(found)))
        return assignments, list(fresh.values())

    def mute(self, session: Session, track_id: str, *, muted: bool) -> None:
        """Mute or unmute one of a participant's own tracks. Raises NotFound."""
        track = session.own_track(track_id)
        if track.muted == muted:
            return
        track.muted = muted
        self._context.submit(PausePublication(track.number, muted))
        self.share_bitrate(session)
        self._context.broadcast(
            session.room, TrackMutedEvent(track=track.id, muted=muted), session.participant
        )

    def unpublish(
        self, session: Session, track: Track, *, closed: bool = False, tell_owner: bool = False
    ) -> None:
        """End a track. `closed` says that the session's transports are all being closed."""
        if not closed:
            self._context.submit(Unpublish(track.number))
        self._tracks.pop(track.number, None)
        session.room.remove_track(track)
        self.share_bitrate(session)
        self._subscriptions.refresh_room(session.room)
        self._context.broadcast(
            session.room,
            TrackUnpublishedEvent(track=track.id, participant=track.participant),
            None if tell_owner else session.participant,
        )

    def share_bitrate(self, session: Session) -> None:
        """Share what a participant may publish out over its tracks, as they are now."""
        if session.ended:
            return
        tracks = list(session.participant.tracks.values())
        total = session.room.publish_bitrate(session.participant)
        for track, share in zip(tracks, share_bitrate(total, tracks), strict=True):
            if track.max_bitrate != share:
                track.max_bitrate = share
                self._context.submit(LimitPublication(track.number, share))

    def handle_started(self, event: PublicationStarted) -> None:
        """The first packet arrived."""
        track = self._tracks.get(event.publication)
        if track is not None:
            track.codec = event.codec

    def _add(self, session: Session, track: Track) -> None:
        session.room.add_track(session.participant, track)
        self._tracks[track.number] = track
        if track.muted:
            self._context.submit(PausePublication(track.number, paused=True))

    def _make(self, session: Session, transport: Transport, intent: TrackIntent) -> Track:
        kind = transport.sending.get(intent.mid)
        if kind is None:
            raise BadOffer(f"the client does not send in the media section {intent.mid!r}")
        return Track(
            id=self._context.names.track(),
            number=self._context.names.number(),
            participant=session.participant.id,
            kind=kind,
            source=intent.source,
            name=intent.name or intent.source,
            muted=intent.muted,
            transport=transport.name,
            mid=intent.mid,
        )

    def _ask(self, session: Session, transport: Transport, tracks: list[Track]) -> Procedure[None]:
        number = self._context.names.number
        total = session.room.publish_bitrate(session.participant)
        every = [*session.participant.tracks.values(), *tracks]
        for track, share in zip(every, share_bitrate(total, every), strict=True):
            # Those that are published already give way once the new ones are, too.
            if track in tracks:
                track.max_bitrate = share
        answers = yield [
            Publish(number(), track.number, transport.number, track.mid, track.max_bitrate)
            for track in tracks
        ]
        failed = [answer for answer in answers if not isinstance(answer, Done)]
        if not failed:
            return
        for track, answer in zip(tracks, answers, strict=True):
            if isinstance(answer, Done):
                self._context.submit(Unpublish(track.number))
        raise refusal(failed[0])


def _intent(intent: TrackIntent) -> Intent:
    return Intent(intent.mid, intent.source, intent.name or intent.source, intent.muted)
