"""Carries out which track goes into which slot."""

from __future__ import annotations

from roomline import hooks
from roomline.engine.commands import PauseSubscription, Subscribe, Unsubscribe
from roomline.engine.events import Done, SubscriptionPaused
from roomline.errors import NotFound, PermissionDenied
from roomline.ids import TrackId
from roomline.protocol import (
    BoundEvent,
    NeedSlotsEvent,
    SubscriptionPausedEvent,
    UnboundEvent,
)
from roomline.rooms import Binding, Room, Slot, Track, Transport, plan_bindings
from roomline.signaling.context import Context
from roomline.signaling.decisions import Decisions
from roomline.signaling.session import Session
from roomline.signaling.tasks import Procedure


class Subscriptions:
    """The subscriptions of every participant."""

    def __init__(self, context: Context, decisions: Decisions) -> None:
        self._context = context
        self._decisions = decisions
        self._bound: dict[int, tuple[Session, Binding]] = {}

    def __len__(self) -> int:
        return len(self._bound)

    def refresh_room(self, room: Room) -> None:
        """Tracks came or went: look at everybody."""
        for session in self._context.present(room):
            self.refresh(session)

    def refresh(self, session: Session) -> None:
        """Bind and unbind so that a participant gets what it wants, on each of its transports."""
        if session.ended or not session.participant.present:
            return
        tracks = list(session.room.tracks.values())
        if self.are_asked:
            self._ask_for(session, tracks)
        for transport in list(session.participant.transports.values()):
            if transport.told:
                self._refresh(session, transport, tracks)

    def _refresh(self, session: Session, transport: Transport, tracks: list[Track]) -> None:
        plan = plan_bindings(session.participant, transport, tracks)
        for binding in plan.unbind:
            self._context.submit(Unsubscribe(binding.subscription))
            self._drop(session, binding)
        for track, slot in plan.bind:
            self._bind(session, track, transport, slot)
        missing = (plan.missing["audio"], plan.missing["video"])
        if missing != transport.missing_told:
            transport.missing_told = missing
            if any(missing):
                session.emit(
                    NeedSlotsEvent(transport=transport.name, audio=missing[0], video=missing[1])
                )

    @property
    def are_asked(self) -> bool:
        """Whether the application decides who gets what."""
        return self._decisions.asks(hooks.SubscribeRequest)

    def ask_and_choose(self, session: Session, track: Track) -> Procedure[None]:
        """As `choose`, but the application is asked, also when it has refused before.

        What is bound stays so until it answers. Raises also NotFound for a track that ends before.
        """
        self._check_may_choose(session, track)
        self._withdraw(session, track.id)
        session.participant.permitted.setdefault(track.id, False)
        try:
            yield from self._decisions.subscribe(session, track)
        except PermissionDenied:
            if track.id in session.room.tracks:
                session.participant.permitted[track.id] = False
                self.refresh(session)
            raise
        track = session.room.track(track.id)
        session.participant.permitted[track.id] = True
        self.choose(session, track, wanted=True)

    def _ask_for(self, session: Session, tracks: list[Track]) -> None:
        """Ask about every track that it would get and that nobody has been asked about."""
        for ended in session.asking.keys() - session.room.tracks.keys():
            self._withdraw(session, ended)
        permitted = session.participant.permitted
        for track in tracks:
            if track.id not in permitted and session.participant.wants(track):
                permitted[track.id] = False
                self._begin_to_ask(session, track)

    def _begin_to_ask(self, session: Session, track: Track) -> None:
        def end() -> None:
            session.asking.pop(track.id, None)

        now = self._context.now.monotonic
        task = self._context.tasks.start(self._ask(session, track), now, end)
        if task.running:
            session.asking[track.id] = task

    def _withdraw(self, session: Session, track: TrackId) -> bool:
        """Nobody wants the answer to the question that is open, if one is: it must not come later."""
        task = session.asking.pop(track, None)
        if task is not None:
            self._context.tasks.cancel(task)
        return task is not None

    def _ask(self, session: Session, track: Track) -> Procedure[None]:
        try:
            yield from self._decisions.subscribe(session, track)
        except PermissionDenied:
            self._context.count("subscriptions_refused", PermissionDenied.code)
            return
        if track.id in session.room.tracks:
            session.participant.permitted[track.id] = True
            self.refresh(session)

    @staticmethod
    def _check_may_choose(session: Session, track: Track) -> None:
        if not session.participant.grants.subscribe:
            raise PermissionDenied("the token does not grant subscribe")
        if track.participant == session.participant.id:
            raise NotFound("that track is your own")

    def choose(self, session: Session, track: Track, *, wanted: bool) -> None:
        """A participant asks for a track, or not to get it. Raises PermissionDenied, NotFound."""
        self._check_may_choose(session, track)
        session.participant.chosen[track.id] = wanted
        if not wanted and self._withdraw(session, track.id):
            # It has not been decided.
            del session.participant.permitted[track.id]
        for transport in session.participant.transports.values():
            transport.refused.discard(track.id)
        self.refresh(session)

    def pause(self, session: Session, track: Track, *, paused: bool) -> None:
        """A participant pauses a track it gets or will get."""
        participant = session.participant
        if paused == (track.id in participant.paused):
            return
        if paused:
            participant.paused.add(track.id)
        else:
            participant.paused.discard(track.id)
        for binding in participant.bindings_of(track.id):
            if binding.told:
                self._context.submit(PauseSubscription(binding.subscription, paused))
        session.emit(SubscriptionPausedEvent(track=track.id, paused=paused, reason="requested"))

    def forget_session(self, session: Session) -> None:
        """A session has ended; closing its transports frees what the engine holds."""
        for track in list(session.asking):
            self._withdraw(session, track)
        for transport in session.participant.transports.values():
            for binding in transport.bindings.values():
                self._bound.pop(binding.subscription, None)
            transport.bindings.clear()

    def forget_transport(self, session: Session, transport: Transport, *, told: bool) -> None:
        """A transport is gone; `told` says that its owner knows."""
        for binding in list(transport.bindings.values()):
            binding.told = binding.told and not told
            self._drop(session, binding)

    def handle_paused(self, event: SubscriptionPaused) -> None:
        """The engine's bitrate cap stopped a subscription or let it go on."""
        found = self._bound.get(event.subscription)
        if found is not None:
            session, binding = found
            binding.starved = event.paused
            self._tell_starved(session, binding.track)

    def _tell_starved(self, session: Session, track: Track) -> None:
        """A track is stopped when no transport carries it any more."""
        bindings = [b for b in session.participant.bindings_of(track.id) if b.told]
        starved, told = session.participant.starved, track.id in session.participant.starved
        if not bindings:
            starved.discard(track.id)
            return
        paused = all(binding.starved for binding in bindings)
        if paused == told:
            return
        if paused:
            starved.add(track.id)
        else:
            starved.discard(track.id)
        session.emit(SubscriptionPausedEvent(track=track.id, paused=paused, reason="bitrate"))

    def _bind(self, session: Session, track: Track, transport: Transport, slot: Slot) -> None:
        binding = Binding(track, transport, slot.mid, self._context.names.number())
        slot.free = False
        transport.bindings[track.id] = binding
        self._bound[binding.subscription] = (session, binding)
        self._context.run(self._subscribe(session, binding))

    def _subscribe(self, session: Session, binding: Binding) -> Procedure[None]:
        number = self._context.names.number()
        track, transport = binding.track, binding.transport
        (answer,) = yield [
            Subscribe(number, binding.subscription, track.number, transport.number, binding.mid)
        ]
        if transport.bindings.get(track.id) is not binding:
            return
        if not isinstance(answer, Done):
            code = getattr(answer, "code", "")
            self._context.count("subscriptions_refused", code)
            self._drop(session, binding)
            # Asked again only after the client's next offer: it may then have the codec.
            transport.refused.add(track.id)
            self.refresh(session)
            return
        binding.told = True
        if track.id in session.participant.paused:
            self._context.submit(PauseSubscription(binding.subscription, paused=True))
        session.emit(BoundEvent(track=track.id, transport=transport.name, mid=binding.mid))
        self._tell_starved(session, track)

    def _drop(self, session: Session, binding: Binding) -> None:
        transport = binding.transport
        transport.bindings.pop(binding.track.id, None)
        self._bound.pop(binding.subscription, None)
        slot = transport.slots.get(binding.mid)
        if slot is not None:
            slot.free = True
        if binding.told:
            session.emit(
                UnboundEvent(track=binding.track.id, transport=transport.name, mid=binding.mid)
            )
        self._tell_starved(session, binding.track)
