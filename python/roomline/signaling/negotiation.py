"""Joins and further offers: what waits for the engine's SDP answers."""

from __future__ import annotations

from roomline.engine.commands import OpenTransport, Renegotiate
from roomline.engine.events import Answer, Answered
from roomline.errors import PermissionDenied, Replaced, SignalingError
from roomline.protocol import (
    VERSION,
    AnswerReply,
    IceServer,
    JoinedReply,
    JoinRequest,
    OfferRequest,
    ParticipantJoinedEvent,
    TrackAssignment,
    TrackPublishedEvent,
)
from roomline.rooms import Track, Transport
from roomline.signaling.context import Context
from roomline.signaling.decisions import Decisions
from roomline.signaling.describe import (
    heartbeat,
    participant_info,
    room_info,
    self_info,
    track_info,
)
from roomline.signaling.ice_servers import ice_servers
from roomline.signaling.publications import Publications
from roomline.signaling.session import Session
from roomline.signaling.subscriptions import Subscriptions
from roomline.signaling.tasks import Decided, Procedure, refusal
from roomline.signaling.transports import Transports


class Negotiation:
    """Answers offers."""

    def __init__(
        self,
        context: Context,
        publications: Publications,
        subscriptions: Subscriptions,
        transports: Transports,
        decisions: Decisions,
    ) -> None:
        self._context = context
        self._publications = publications
        self._subscriptions = subscriptions
        self._transports = transports
        self._decisions = decisions

    def join(self, session: Session, request: JoinRequest) -> Procedure[list[Session]]:
        """Answer the first offer and let the participant in.

        Returns the sessions that this one replaces. Raises BadOffer, Replaced or Internal.
        """
        transport, answer = yield from self._open(session, request.offer)
        assignments, _ = yield from self._publications.publish(session, transport, request.tracks)
        rivals = self._rivals(session)
        return self._welcome(session, request, (transport, answer, assignments), rivals)

    def announce(self, session: Session) -> None:
        """Tell the others of a participant that is in, and share tracks out."""
        self._context.broadcast(
            session.room,
            ParticipantJoinedEvent(participant=participant_info(session)),
            session.participant,
        )
        self._subscriptions.refresh_room(session.room)

    def offer(self, session: Session, request: OfferRequest) -> Procedure[None]:
        """Answer a further offer. Raises NotFound, BadOffer, PermissionDenied, PublishersFull."""
        self._publications.check(session, request.tracks)
        yield from self._decisions.publish(session, request.tracks, request.transport or "")
        if request.transport is None:
            transport, answer = yield from self._open_another(session, request.offer)
        else:
            transport, answer = yield from self._renegotiate(session, request)
        try:
            assignments, fresh = yield from self._publications.publish(
                session, transport, request.tracks
            )
        except SignalingError:
            if request.transport is None:
                yield from self._transports.close(session, transport)
            raise
        servers, expire_at = self._ice_servers(session)
        session.reply(
            AnswerReply(
                request=request.request,
                transport=transport.name,
                answer=answer.answer,
                tracks=assignments,
                ice_servers=servers,
                ice_servers_expire_at=expire_at,
            )
        )
        transport.told = True
        self._share(session, transport, fresh)

    def _welcome(
        self,
        session: Session,
        request: JoinRequest,
        opened: tuple[Transport, Answered, list[TrackAssignment]],
        rivals: list[Session],
    ) -> list[Session]:
        context = self._context
        transport, answer, assignments = opened
        session.participant.present = transport.told = True
        session.unconnected_since = context.now.monotonic
        servers, expire_at = self._ice_servers(session)
        others = [
            participant_info(other)
            for other in context.present(session.room, session.participant)
            if other not in rivals
        ]
        session.reply(
            JoinedReply(
                request=request.request,
                version=VERSION,
                room=room_info(session.room),
                participant=self_info(session),
                participants=others,
                transport=transport.name,
                answer=answer.answer,
                tracks=assignments,
                ice_servers=servers,
                ice_servers_expire_at=expire_at,
                resume_token=session.new_resume_token(context.names),
                heartbeat=heartbeat(context.config),
                seq=session.log.seq,
            )
        )
        return rivals

    def _ice_servers(self, session: Session) -> tuple[list[IceServer], int]:
        context = self._context
        return ice_servers(context.config, session.participant.number, context.now.unix)

    def _rivals(self, session: Session) -> list[Session]:
        rivals = session.room.rivals(session.participant)
        # Of two joins under way at once the later one wins.
        if any(r.present and r.number > session.participant.number for r in rivals):
            raise Replaced("the same identity has joined again")
        return [
            self._context.sessions[rival.id]
            for rival in rivals
            if rival.number < session.participant.number
        ]

    def _open(self, session: Session, offer: str) -> Procedure[tuple[Transport, Answered]]:
        names = self._context.names
        transport = Transport(names.transport(), names.number())
        participant = session.participant
        # Known before it is answered: a session that ends meanwhile closes it.
        participant.transports[transport.name] = transport
        self._context.by_transport[transport.number] = session
        session.hung_up = False
        (answer,) = yield [
            OpenTransport(
                names.number(),
                transport.number,
                participant.number,
                offer,
                session.room.limits.max_bitrate,
            )
        ]
        if not isinstance(answer, Answered):
            participant.transports.pop(transport.name, None)
            self._context.by_transport.pop(transport.number, None)
            raise refusal(answer)
        self._take_sections(transport, answer)
        return transport, answer

    def _open_another(self, session: Session, offer: str) -> Procedure[tuple[Transport, Answered]]:
        limit = self._context.config.max_transports
        if len(session.participant.transports) >= limit:
            yield from self._transports.replace_unconnected(session)
        if len(session.participant.transports) >= limit:
            raise PermissionDenied(f"a participant has at most {limit} transports at a time")
        opened = yield from self._open(session, offer)
        if len(session.participant.transports) > 1:
            self._context.count("bridges_opened")
        return opened

    def _renegotiate(
        self, session: Session, request: OfferRequest
    ) -> Procedure[tuple[Transport, Answered]]:
        transport = self._transports.find(session, request.transport or "")
        (answer,) = yield [
            Renegotiate(self._context.names.number(), transport.number, request.offer)
        ]
        answered = _answered(answer)
        self._take_sections(transport, answered)
        for track in list(session.participant.tracks.values()):
            if track.transport == transport.name and track.mid not in transport.sending:
                self._publications.unpublish(session, track)
        return transport, answered

    def _share(self, session: Session, transport: Transport, fresh: list[Track]) -> None:
        for track in fresh:
            self._context.broadcast(
                session.room, TrackPublishedEvent(track=track_info(track)), session.participant
            )
        transport.refused.clear()
        transport.missing_told = (0, 0)
        if fresh:
            self._subscriptions.refresh_room(session.room)
        else:
            self._subscriptions.refresh(session)

    def _take_sections(self, transport: Transport, answer: Answered) -> None:
        transport.set_sections((s.mid, s.kind, s.sends, s.receives) for s in answer.sections)


def _answered(answer: Answer | Decided) -> Answered:
    if not isinstance(answer, Answered):
        raise refusal(answer)
    return answer
