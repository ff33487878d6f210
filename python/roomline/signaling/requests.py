"""Carries out a session's requests, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from roomline.errors import (
    BadMessage,
    Internal,
    NotFound,
    PermissionDenied,
    RateLimited,
    SignalingError,
)
from roomline.log import get as get_logger
from roomline.protocol import (
    CloseTransportRequest,
    DataEvent,
    DataRequest,
    JoinRequest,
    LeaveRequest,
    MoveRequest,
    MuteRequest,
    OfferRequest,
    OkReply,
    PauseSubscriptionRequest,
    PingRequest,
    PongReply,
    Request,
    ResumeRequest,
    SubscribeRequest,
    UnpublishRequest,
    UnsubscribeRequest,
)
from roomline.signaling.channel import Channel
from roomline.signaling.context import Context
from roomline.signaling.negotiation import Negotiation
from roomline.signaling.publications import Publications
from roomline.signaling.reporting import Reporting
from roomline.signaling.session import MAX_QUEUED_REQUESTS, Session
from roomline.signaling.subscriptions import Subscriptions
from roomline.signaling.tasks import Procedure
from roomline.signaling.transports import Transports

log = get_logger("signaling")


class Requests:
    """Dispatch of requests, with the order and the errors of each session."""

    def __init__(
        self,
        context: Context,
        publications: Publications,
        subscriptions: Subscriptions,
        negotiation: Negotiation,
        reporting: Reporting,
        *,
        transports: Transports,
        leave: Callable[[Session], None],
    ) -> None:
        self._context = context
        self._publications = publications
        self._subscriptions = subscriptions
        self._negotiation = negotiation
        self._reporting = reporting
        self._transports = transports
        self._leave = leave

    def handle(self, session: Session, request: Request) -> None:
        """Carry out a request, or queue it behind the one that waits for the engine."""
        if isinstance(request, PingRequest):
            # A heartbeat changes nothing, so it need not wait.
            self._ping(session, request)
        elif not session.busy:
            self._perform(session, request)
        elif len(session.queue) < MAX_QUEUED_REQUESTS:
            session.queue.append(request)
        else:
            self._refuse(session, request, RateLimited("too many requests wait for an answer"))

    def run(
        self, session: Session, request: Request, procedure: Procedure[None], *, at_join: bool
    ) -> None:
        """Run a procedure as this session's request; the next ones wait for it."""
        session.busy = True
        guarded = self._guarded(session, request, procedure, at_join)
        task = self._context.tasks.start(
            guarded, self._context.now.monotonic, lambda: self._next(session)
        )
        session.task = task if task.running else None

    def _next(self, session: Session) -> None:
        session.busy, session.task = False, None
        while session.queue and not session.busy and not session.ended:
            self._perform(session, session.queue.popleft())

    def _perform(self, session: Session, request: Request) -> None:
        if isinstance(request, (OfferRequest, MoveRequest, CloseTransportRequest)):
            self.run(session, request, self._procedure(session, request), at_join=False)
            return
        if isinstance(request, SubscribeRequest) and self._subscriptions.are_asked:
            self.run(session, request, self._subscribe(session, request), at_join=False)
            return
        try:
            self._carry_out(session, request)
        except SignalingError as error:
            self._refuse(session, request, error)

    def _procedure(
        self, session: Session, request: OfferRequest | MoveRequest | CloseTransportRequest
    ) -> Procedure[None]:
        match request:
            case OfferRequest():
                yield from self._negotiation.offer(session, request)
            case MoveRequest():
                yield from self._transports.move(session, request.transport, request.tracks)
                session.reply(OkReply(request=request.request))
            case CloseTransportRequest():
                yield from self._transports.close_for(session, request.transport)
                session.reply(OkReply(request=request.request))
        self._reporting.handle_moved(session)

    def _subscribe(self, session: Session, request: SubscribeRequest) -> Procedure[None]:
        track = session.room.track(request.track)
        yield from self._subscriptions.ask_and_choose(session, track)
        session.reply(OkReply(request=request.request))

    def _carry_out(self, session: Session, request: Request) -> None:
        match request:
            case UnpublishRequest():
                track = session.own_track(request.track)
                self._publications.unpublish(session, track)
            case MuteRequest():
                self._publications.mute(session, request.track, muted=request.muted)
            case SubscribeRequest() | UnsubscribeRequest():
                track = session.room.track(request.track)
                wanted = isinstance(request, SubscribeRequest)
                self._subscriptions.choose(session, track, wanted=wanted)
            case PauseSubscriptionRequest():
                track = session.room.track(request.track)
                self._subscriptions.pause(session, track, paused=request.paused)
            case DataRequest():
                self._send_data(session, request)
            case JoinRequest() | ResumeRequest():
                raise BadMessage("this connection has joined already")
            case LeaveRequest():
                session.reply(OkReply(request=request.request))
                self._leave(session)
                return
        session.reply(OkReply(request=request.request))

    def _send_data(self, session: Session, request: DataRequest) -> None:
        if not session.participant.grants.data:
            raise PermissionDenied("the token does not grant data")
        others = {
            str(other.participant.id): other
            for other in self._context.present(session.room, session.participant)
        }
        if request.to is None:
            receivers = list(others.values())
        else:
            unknown = [name for name in request.to if name not in others]
            if unknown:
                raise NotFound(f"no other participant {unknown[0]} in this room")
            receivers = [others[name] for name in dict.fromkeys(request.to)]
        event = DataEvent(
            sender=session.participant.id, topic=request.topic, payload=request.payload
        )
        for receiver in receivers:
            receiver.emit(event)

    def _ping(self, session: Session, request: PingRequest) -> None:
        session.reply(PongReply(request=request.request, sent=request.sent))
        if request.last_seq is not None:
            session.log.forget(request.last_seq)
        if request.connection is not None:
            session.path.handle_report(request.connection)
            self._reporting.announce(session)

    def _guarded(
        self, session: Session, request: Request, procedure: Procedure[None], at_join: bool
    ) -> Procedure[None]:
        channel = session.channel
        try:
            yield from procedure
        except SignalingError as error:
            session.participant.publisher = bool(session.participant.tracks)
            self._tell(channel, request, error, at_join=at_join)
        except Exception:
            incident = self._context.names.incident()
            self._context.count("internal_errors")
            log.exception("request failed", incident=incident, type=type(request).__name__)
            fault = Internal(f"a fault of the server, see its log for {incident}")
            self._tell(channel, request, fault, at_join=True)
            if not session.ended:
                self._leave(session)

    def _refuse(self, session: Session, request: Request, error: SignalingError) -> None:
        self._tell(session.channel, request, error, at_join=False)
        if error.fatal:
            self._leave(session)

    def _tell(
        self, channel: Channel | None, request: Request, error: SignalingError, *, at_join: bool
    ) -> None:
        self._context.count("errors", error.code)
        if channel is not None:
            fatal = error.fatal_at_join if at_join else error.fatal
            channel.reject(request.request, error, fatal=fatal)
