"""The session core: the whole control plane of rooms as one value.

Four kinds of calls: `join`, `resume`, `handle_*` (facts in, each with the time), commands of the
API (`drain`, `remove`, `set_limits`), `take_*` (consequences out), and getters. Nothing here knows
JSON, WebSockets or the clock.
"""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterator, Sequence

from roomline.clock import Moment
from roomline.engine.commands import CloseTransport, Command, LimitTransport
from roomline.engine.events import (
    Answered,
    DataChannelClosed,
    DataChannelOpened,
    Done,
    Event,
    Failed,
    HttpConnection,
    PathChanged,
    PublicationStarted,
    SubscriptionPaused,
    TransportClosed,
    TransportConnected,
    TransportSilent,
    TransportStats,
)
from roomline.errors import (
    ConnectionFailed,
    Draining,
    NotFound,
    Removed,
    Replaced,
    ResumeExpired,
    SignalingError,
    UnsupportedVersion,
)
from roomline.hooks import AdmitRequest, Decision, Notice, Question
from roomline.ids import Names, ParticipantId
from roomline.log import get as get_logger
from roomline.protocol import (
    VERSION,
    ClosedEvent,
    DrainingEvent,
    JoinRequest,
    LeaveReason,
    ParticipantLeftEvent,
    Request,
    ResumedReply,
    ResumeRequest,
    WaitingReply,
)
from roomline.rooms import Participant, Rooms
from roomline.signaling.channel import Channel
from roomline.signaling.config import SignalingConfig
from roomline.signaling.context import Context
from roomline.signaling.data_relay import DataRelay
from roomline.signaling.decisions import Decisions
from roomline.signaling.describe import heartbeat
from roomline.signaling.histogram import Histogram
from roomline.signaling.ice_servers import ice_servers
from roomline.signaling.moves import Moves
from roomline.signaling.negotiation import Negotiation
from roomline.signaling.publications import Publications
from roomline.signaling.reporting import Reporting
from roomline.signaling.requests import Requests
from roomline.signaling.session import Session
from roomline.signaling.subscriptions import Subscriptions
from roomline.signaling.tasks import Ask, Decided, Procedure
from roomline.signaling.transports import Transports
from roomline.tokens import Claims, RoomLimits, verify

TICK = 1.0
"""Seconds between looks at the deadlines."""

MAX_WAITING_MESSAGE = 500

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_FATAL = 4000

log = get_logger("signaling")


class Core:
    """Rooms, sessions and what they want of the engine."""

    def __init__(self, config: SignalingConfig, names: Names, now: Moment) -> None:
        self.config = config
        self.rooms = Rooms(config.room_limits)
        self.draining_until: int | None = None
        """Milliseconds since 1970; None while joins are welcome."""
        self._context = Context(config, names, now)
        self._channels: dict[Channel, None] = {}
        self._touched: dict[Channel, None] = {}
        self._next_tick = now.monotonic + TICK
        self._decisions = Decisions(self._context)
        self._subscriptions = Subscriptions(self._context, self._decisions)
        self._data = DataRelay(self._context)
        self._reporting = Reporting(self._context, self._decisions)
        moves = Moves(self._context)
        self._publications = Publications(self._context, self._subscriptions, moves)
        self._transports = Transports(
            self._context,
            self._publications,
            self._subscriptions,
            self._data,
            self._reporting,
            moves=moves,
            abandon=lambda session: self.end(session, "disconnected"),
        )
        self._negotiation = Negotiation(
            self._context,
            self._publications,
            self._subscriptions,
            self._transports,
            self._decisions,
        )
        self._requests = Requests(
            self._context,
            self._publications,
            self._subscriptions,
            self._negotiation,
            self._reporting,
            transports=self._transports,
            leave=lambda session: self.end(session, "left"),
        )

    # Connections.

    def open_channel(self, channel: Channel) -> None:
        """A client's connection, before it has said anything."""
        self._channels[channel] = None

    def close_channel(self, channel: Channel, session: Session | None, now: Moment) -> None:
        """A client's connection is gone; its session may be resumed for a while."""
        self._context.now = now
        self._channels.pop(channel, None)
        self._touched.pop(channel, None)
        if session is None or session.ended or session.channel is not channel:
            return
        session.channel = None
        session.detached_at = now.monotonic
        if not session.participant.present or session.hung_up:
            self.end(session, "disconnected")

    def touch(self, channel: Channel) -> None:
        """A channel has something to be drained."""
        self._touched[channel] = None

    def join(self, channel: Channel, request: JoinRequest, now: Moment) -> Session:
        """Begin a session; the channel gets `joined` or an error later.

        Raises SignalingError when it can be refused at once.
        """
        self._context.now = now
        _check_version(request.version)
        self._check_welcome()
        claims = verify(request.token, self.config.api_keys, now.unix)
        room = self.rooms.get_or_create(claims.room, claims.room_limits, now.unix_ms)
        participant = self._participant(claims, request)
        session = Session(room, participant, channel, request.request)
        if self._decisions.asks(AdmitRequest):
            # Whoever waits for the application holds no place.
            self.rooms.discard_empty(room)
            procedure = self._ask_and_join(session, request, claims)
        else:
            self._hold_place(session, request)
            procedure = self._join(session, request)
        self._context.sessions[participant.id] = session
        self._context.count("joins_begun")
        self._requests.run(session, request, procedure, at_join=True)
        return session

    def resume(self, channel: Channel, request: ResumeRequest, now: Moment) -> Session:
        """Go on with a session on another connection. Raises ResumeExpired, UnsupportedVersion."""
        self._context.now = now
        _check_version(request.version)
        session = self._find_resumable(request.resume_token)
        missed = session.log.since(request.last_seq) if session else None
        if session is None or missed is None:
            raise ResumeExpired("the session is gone: join anew")
        old = session.channel
        if old is not None:
            old.finish(CLOSE_NORMAL, "resumed on another connection")
        session.channel, session.detached_at = channel, None
        # What is replayed now may be missed again: it is as new as this.
        session.log_aged_at = now.monotonic
        servers, expire_at = ice_servers(self.config, session.participant.number, now.unix)
        session.reply(
            ResumedReply(
                request=request.request,
                ice_servers=servers,
                ice_servers_expire_at=expire_at,
                resume_token=session.new_resume_token(self._context.names, request.resume_token),
                seq=request.last_seq,
            )
        )
        for seq, event in missed:
            channel.deliver_event(event, seq)
        self._context.count("resumes")
        return session

    def handle_request(self, session: Session, request: Request, now: Moment) -> None:
        """A request on a session; errors go to its channel."""
        self._context.now = now
        session.confirm_resume()
        self._requests.handle(session, request)

    def fail(self, session: Session, error: SignalingError, now: Moment) -> None:
        """A client broke the protocol: its session ends. The channel has told it why."""
        self._context.now = now
        self._context.count("errors", error.code)
        self.end(session, "disconnected")

    # The engine.

    def handle_events(self, events: Sequence[Event], now: Moment) -> None:
        """What the engine tells, in its order. A fault in one does not stop the others."""
        self._context.now = now
        for event in events:
            try:
                self._handle_event(event)
            except Exception:
                self._context.count("internal_errors")
                log.exception("engine event not handled", kind=type(event).__name__)

    def _handle_event(self, event: Event) -> None:  # noqa: C901 - one line per event
        match event:
            case Answered() | Done() | Failed():
                self._context.tasks.handle_answer(event, self._context.now.monotonic)
            case TransportConnected():
                self._transports.handle_connected(event)
            case TransportSilent():
                self._transports.handle_silent(event)
            case TransportClosed():
                self._transports.handle_closed(event)
            case PathChanged():
                self._reporting.handle_path(event)
            case TransportStats():
                self._reporting.handle_stats(event)
            case DataChannelOpened():
                session = self._context.by_transport.get(event.transport)
                if session is not None:
                    self._data.handle_opened(session, event)
            case DataChannelClosed():
                self._data.handle_closed(event.channel)
            case PublicationStarted():
                self._publications.handle_started(event)
            case SubscriptionPaused():
                self._subscriptions.handle_paused(event)
            case HttpConnection():
                raise TypeError("an HTTP connection is not the core's")

    # The application.

    def ask(self, questions: Container[type[Question]], notices: Container[type[Notice]]) -> None:
        """What the application wants to decide, and to be told, from now on."""
        self._context.questions = questions
        self._context.notices_wanted = notices

    def handle_decision(self, number: int, decision: Decision, now: Moment) -> None:
        """The application has answered a question."""
        self._context.now = now
        self._context.tasks.handle_answer(Decided(number, decision), now.monotonic)

    def postpone(self, number: int, message: str, seconds: float, now: Moment) -> None:
        """The application takes up to so many seconds to admit somebody: tell the client."""
        self._context.now = now
        ask = self._context.tasks.asked.get(number)
        if ask is None:
            return
        session = self._context.sessions.get(ParticipantId(ask.question.person.id))
        if session is not None:
            session.reply(
                WaitingReply(
                    request=session.join_request,
                    message=message[:MAX_WAITING_MESSAGE],
                    timeout_ms=int(seconds * 1000),
                    heartbeat=heartbeat(self.config),
                )
            )

    # Time.

    def poll_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, in monotonic seconds; None: not at all."""
        busy = self._channels or self._context.sessions or len(self._context.tasks)
        return self._next_tick if busy else None

    def handle_timeout(self, now: Moment) -> None:
        """Time has passed: look at every deadline."""
        self._context.now = now
        self._next_tick = now.monotonic + TICK
        self._context.tasks.handle_timeout(now.monotonic)
        for channel in list(self._channels):
            channel.handle_timeout(now)
        for session in list(self._context.sessions.values()):
            self._check_deadlines(session, now)

    def _check_deadlines(self, session: Session, now: Moment) -> None:
        config = self.config
        detached, unconnected = session.detached_at, session.unconnected_since
        gone = detached is not None and now.monotonic - detached >= config.resume_window
        if gone and not (self.draining_until is not None and _has_media(session)):
            self.end(session, "disconnected")
        elif unconnected is not None and now.monotonic - unconnected >= config.connect_timeout:
            self.end(
                session,
                "connection-failed",
                ConnectionFailed("no path to the server worked: not UDP, not TURN"),
            )
        else:
            self._reporting.announce(session)
            self._age_log(session, now)

    def _age_log(self, session: Session, now: Moment) -> None:
        """Keep the events that a client may still miss when it resumes, and no others.

        A lost connection is noticed within the heartbeat's timeout, and resumed within the window.
        """
        while_missed = self.config.heartbeat_timeout + self.config.resume_window
        if session.detached_at is None and now.monotonic - session.log_aged_at >= while_missed:
            session.log_aged_at = now.monotonic
            session.log.age()

    # The API.

    def drain(self, deadline_ms: int, now: Moment) -> None:
        """Take no new joins and tell everybody. `deadline_ms` is in ms since 1970."""
        self._context.now = now
        self.draining_until = deadline_ms
        for session in list(self._context.sessions.values()):
            session.emit(DrainingEvent(deadline=deadline_ms))

    def stop(self, now: Moment) -> None:
        """End every session: the server stops."""
        self._context.now = now
        for session in list(self._context.sessions.values()):
            self.end(session, "drained", Draining("the server stops"))
        for channel in list(self._channels):
            channel.finish(CLOSE_GOING_AWAY, "the server stops")

    def remove(self, room_name: str, participant: str, now: Moment) -> None:
        """Take somebody out of a room, by id or identity. Raises NotFound."""
        self._context.now = now
        found = [
            session
            for session in self.sessions(room_name)
            if participant in {session.participant.id, session.participant.identity}
        ]
        if not found:
            raise NotFound("no such participant in this room")
        for session in found:
            self.end(session, "removed", Removed("taken out of the room"))

    def set_limits(self, room_name: str, limits: RoomLimits, now: Moment) -> None:
        """Set a room's limits; those who are in stay in, with new bounds of what they use."""
        self._context.now = now
        self.rooms.set_limits(room_name, limits)
        for session in self.sessions(room_name):
            self._publications.share_bitrate(session)
            for transport in session.participant.transports.values():
                self._context.submit(LimitTransport(transport.number, limits.max_bitrate))

    # Consequences.

    def take_commands(self) -> list[Command]:
        """Commands for the engine, in order."""
        taken = self._context.commands[:]
        self._context.commands.clear()
        return taken

    def take_touched(self) -> list[Channel]:
        """Channels that have something to be drained."""
        taken = list(self._touched)
        self._touched.clear()
        return taken

    def take_asks(self) -> list[Ask]:
        """Questions to the application; each is answered by `handle_decision`, once."""
        taken = self._context.tasks.asks[:]
        self._context.tasks.asks.clear()
        return taken

    def take_withdrawn(self) -> list[int]:
        """Numbers of questions that need no answer any more."""
        taken = self._context.tasks.withdrawn[:]
        self._context.tasks.withdrawn.clear()
        return taken

    def take_notices(self) -> list[Notice]:
        """What the application is told, in order."""
        taken = self._context.notices[:]
        self._context.notices.clear()
        return taken

    # Getters.

    def sessions(self, room_name: str | None = None) -> Iterator[Session]:
        """The sessions of those who are in, of one room or of all."""
        for session in list(self._context.sessions.values()):
            if session.participant.present and room_name in {None, session.room.name}:
                yield session

    def knows(self, participant: str) -> bool:
        """Whether a participant of that id has a session here."""
        return ParticipantId(participant) in self._context.sessions

    def lingering(self) -> int:
        """For how many of those who are in it is worth not to stop: somebody listens, or sends."""
        return sum(
            session.channel is not None or _has_media(session) for session in self.sessions()
        )

    def new_identity(self) -> str:
        """An identity for somebody who comes without one."""
        return f"guest-{self._context.names.incident()}"

    def counters(self) -> list[tuple[str, str, int]]:
        """`(name, label, value)`: totals since the start."""
        return [(*key, value) for key, value in self._context.counters.items()]

    def count(self, name: str, label: str = "") -> None:
        """Add one to a counter."""
        self._context.count(name, label)

    def gauges(self) -> list[tuple[str, str, int]]:
        """`(name, label, value)` of this instant."""
        return [
            ("rooms", "", sum(1 for _ in self.rooms)),
            ("participants", "", sum(1 for _ in self.sessions())),
            ("tracks", "", len(self._publications)),
            ("subscriptions", "", len(self._subscriptions)),
            ("data_channels_relayed", "", len(self._data)),
            ("signaling_connections", "", len(self._channels)),
            *self._reporting.tiers(self.sessions()),
        ]

    def histograms(self) -> list[tuple[str, Histogram]]:
        """`(name, values)`: distributions since the start."""
        return [("move_gap_seconds", self._context.move_gaps)]

    # Beginnings and ends of sessions.

    def end(
        self, session: Session, reason: LeaveReason, error: SignalingError | None = None
    ) -> None:
        """End a session and everything it holds. `error` is told to its client."""
        if session.ended:
            return
        session.ended = True
        participant, room = session.participant, session.room
        self._hang_up(session, error)
        self._context.sessions.pop(participant.id, None)
        was_present, participant.present = participant.present, False
        self._subscriptions.forget_session(session)
        self._data.forget_session(session)
        for track in list(participant.tracks.values()):
            self._publications.unpublish(session, track, closed=True)
        for transport in participant.transports.values():
            self._context.by_transport.pop(transport.number, None)
            self._context.submit(CloseTransport(transport.number))
        room.remove(participant)
        if was_present:
            self._context.count("sessions_ended", reason)
            self._decisions.tell_left(session, reason)
            self._context.broadcast(
                room, ParticipantLeftEvent(participant=participant.id, reason=reason)
            )
        self.rooms.discard_empty(room)

    def _hang_up(self, session: Session, error: SignalingError | None) -> None:
        session.queue.clear()
        if session.task is not None:
            self._context.tasks.cancel(session.task)
        if error is not None:
            self._context.count("errors", error.code)
            if session.participant.present:
                told = {"code": error.code, "message": str(error)}
                session.emit(ClosedEvent.model_validate(told))
            elif session.channel is not None:
                session.channel.reject(session.join_request, error, fatal=True)
        if session.channel is not None:
            code = CLOSE_FATAL if error else CLOSE_NORMAL
            session.channel.finish(code, error.code if error else "left")
        session.channel = None

    def _check_welcome(self) -> None:
        if self.draining_until is not None:
            raise Draining("this server takes no new joins")

    def _hold_place(self, session: Session, request: JoinRequest) -> None:
        room = session.room
        try:
            room.admit(session.participant)
            self._publications.check(session, request.tracks)
        except SignalingError:
            room.remove(session.participant)
            self.rooms.discard_empty(room)
            raise

    def _ask_and_join(
        self, session: Session, request: JoinRequest, claims: Claims
    ) -> Procedure[None]:
        try:
            yield from self._decisions.admit(session)
            self._check_welcome()
            # The room may have come, gone and come again since.
            now = self._context.now.unix_ms
            session.room = self.rooms.get_or_create(claims.room, claims.room_limits, now)
            self._hold_place(session, request)
        except BaseException:
            self._abandon(session)
            raise
        yield from self._join(session, request)

    def _join(self, session: Session, request: JoinRequest) -> Procedure[None]:
        try:
            yield from self._decisions.publish(session, request.tracks)
            rivals = yield from self._negotiation.join(session, request)
        except BaseException:
            self._abandon(session)
            raise
        for rival in rivals:
            self.end(rival, "replaced", Replaced("the same identity has joined again"))
        self._context.count("joins")
        self._negotiation.announce(session)

    def _abandon(self, session: Session) -> None:
        """A join failed: free what it holds, and leave its connection open for the error."""
        if not session.ended:
            session.channel = None
            session.task = None
            self.end(session, "disconnected")

    def _participant(self, claims: Claims, request: JoinRequest) -> Participant:
        names = self._context.names
        return Participant(
            id=names.participant(),
            number=names.number(),
            identity=claims.identity,
            name=claims.name or (request.name or "").strip() or claims.identity,
            grants=claims.grants,
            joined_at=self._context.now.unix_ms,
            auto_subscribe=request.subscribe == "auto",
        )

    def _find_resumable(self, token: str) -> Session | None:
        session = self._context.sessions.get(ParticipantId(token.partition(".")[0]))
        if session is None:
            return None
        known = any(
            hmac.compare_digest(token.encode(), good.encode()) for good in session.resume_tokens
        )
        return session if known else None


def _check_version(version: int) -> None:
    if version != VERSION:
        raise UnsupportedVersion(f"this server speaks version {VERSION}")


def _has_media(session: Session) -> bool:
    """Whether its media flows. While the server drains, who lost the signaling has that left."""
    return any(transport.connected for transport in session.participant.transports.values())
