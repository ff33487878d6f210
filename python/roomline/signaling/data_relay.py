"""Data channels: whatever one participant opens reaches everybody else in the room."""

from __future__ import annotations

from dataclasses import dataclass, field

from roomline.engine.commands import RelayData, StopRelayData
from roomline.engine.events import DataChannelOpened, Done
from roomline.ids import ParticipantId
from roomline.rooms import Transport
from roomline.signaling.context import Context
from roomline.signaling.session import Session
from roomline.signaling.tasks import Procedure

RESERVED = "roomline"
"""Labels that begin with this are the SDK's own."""

MAX_CHANNELS = 64
"""Open channels of one participant; further ones are not relayed."""


@dataclass(eq=False)
class _Channel:
    number: int
    transport: int
    label: str
    receivers: dict[ParticipantId, int] = field(default_factory=dict)


class DataRelay:
    """The open channels of every participant."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._channels: dict[ParticipantId, dict[int, _Channel]] = {}
        self._owners: dict[int, ParticipantId] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def handle_opened(self, session: Session, event: DataChannelOpened) -> None:
        """Relay a channel, unless the grants or the label forbid it."""
        owned = self._channels.setdefault(session.participant.id, {})
        if event.label.startswith(RESERVED):
            return
        if not session.participant.grants.data or len(owned) >= MAX_CHANNELS:
            reason = "too-many" if session.participant.grants.data else "permission-denied"
            self._context.count("data_channels_refused", reason)
            return
        label = f"{session.participant.id}/{event.label}"
        channel = _Channel(event.channel, event.transport, label)
        owned[event.channel] = channel
        self._owners[event.channel] = session.participant.id
        for receiver in self._context.present(session.room, session.participant):
            self._relay(channel, receiver)

    def handle_closed(self, channel: int) -> None:
        """Its owner closed it; the engine closes it at the receivers."""
        owner = self._owners.pop(channel, None)
        if owner is not None:
            self._channels[owner].pop(channel, None)

    def handle_connected(self, session: Session) -> None:
        """A participant can receive: give it everything that is open."""
        for other in self._context.present(session.room, session.participant):
            for channel in self._channels.get(other.participant.id, {}).values():
                self._relay(channel, session)

    def forget_transport(self, session: Session, transport: Transport) -> None:
        """A transport is gone, with the channels on it and what it received."""
        owned = self._channels.get(session.participant.id, {})
        for channel in [c for c in owned.values() if c.transport == transport.number]:
            self.handle_closed(channel.number)
        for other in self._context.present(session.room, session.participant):
            for channel in self._channels.get(other.participant.id, {}).values():
                if channel.receivers.get(session.participant.id) == transport.number:
                    del channel.receivers[session.participant.id]
        self.handle_connected(session)

    def forget_session(self, session: Session) -> None:
        """A participant is gone: nothing of its is relayed, and nothing to it."""
        gone = session.participant.id
        for channel in self._channels.pop(gone, {}).values():
            self._owners.pop(channel.number, None)
            for transport in channel.receivers.values():
                self._context.submit(StopRelayData(channel.number, transport))
        for other in self._context.present(session.room, session.participant):
            for channel in self._channels.get(other.participant.id, {}).values():
                channel.receivers.pop(gone, None)

    def _relay(self, channel: _Channel, receiver: Session) -> None:
        # A channel is opened once, and it cannot move: on the transport that lasts.
        main = receiver.participant.main
        if main is None or not main.connected or receiver.participant.id in channel.receivers:
            return
        transport = main.number
        channel.receivers[receiver.participant.id] = transport
        self._context.run(self._ask(channel, receiver.participant.id, transport))

    def _ask(self, channel: _Channel, receiver: ParticipantId, transport: int) -> Procedure[None]:
        number = self._context.names.number()
        (answer,) = yield [RelayData(number, channel.number, transport, channel.label)]
        if not isinstance(answer, Done):
            self._context.count("data_relays_refused", getattr(answer, "code", ""))
            if channel.receivers.get(receiver) == transport:
                del channel.receivers[receiver]
