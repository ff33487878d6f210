"""An engine that keeps book: what is published, subscribed and relayed where, without any media.

It refuses what the real one refuses, and raises AssertionError at what the core must never ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roomline.engine import commands as c
from roomline.engine import events as e

from support.fake_engine import FakeEngine

Place = tuple[int, str]
"""A transport's number and a mid."""


@dataclass
class Publication:
    """Where its packets come from, and where they are expected from."""

    source: Place
    pending: Place | None = None

    @property
    def place(self) -> Place:
        return self.pending or self.source


class ModelEngine(FakeEngine):
    """Answers at once; `kill` and `flow` are what clients and networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.published: dict[int, Publication] = {}
        self.subscriptions: dict[int, tuple[int, Place]] = {}
        self.taken: set[Place | tuple[int, int]] = set()
        """Slots that carry something, and pairs of a publication and a transport it goes to."""
        self.channels: dict[int, int] = {}
        self.relays: set[tuple[int, int]] = set()
        self.numbers: set[int] = set()
        self.codecless: set[int] = set()
        """Transports that can receive nothing."""

    def kill(self, transport: int, reason: str) -> e.TransportClosed:
        """A transport ends by itself."""
        self._close(transport)
        return e.TransportClosed(transport, reason)

    def flow(self) -> None:
        """Packets come in every new section."""
        for publication in self.published.values():
            publication.source, publication.pending = publication.place, None

    def open_channel(self, transport: int, channel: int, label: str) -> e.DataChannelOpened:
        """A client opens a data channel."""
        self.channels[channel] = transport
        return e.DataChannelOpened(transport, 0, channel, label, "", True, None, None)

    def answer(self, command: c.Command) -> Sequence[e.Event]:
        match command:
            case c.OpenTransport() | c.Renegotiate():
                known = command.transport in self.transports
                if isinstance(command, c.Renegotiate) and not known:
                    return [e.Failed(command.request, "unknown-transport", "")]
                assert known == isinstance(command, c.Renegotiate)
                return super().answer(command)
            case c.CloseTransport():
                self._close(command.transport)
                return super().answer(command)
        self.commands.append(command)
        return self._answer(command)

    def _answer(self, command: c.Command) -> Sequence[e.Event]:
        match command:
            case c.Publish():
                return [self._publish(command)]
            case c.MovePublication():
                return [self._move(command)]
            case c.Subscribe():
                return [self._subscribe(command)]
            case c.RelayData():
                return [self._relay(command)]
            case c.Unpublish():
                self._unpublish(command.publication)
            case c.Unsubscribe():
                self._unsubscribe(command.subscription)
            case c.StopRelayData():
                self.relays.discard((command.channel, command.transport))
            case _:
                pass
        return []

    def _publish(self, command: c.Publish) -> e.Answer:
        assert command.publication not in self.numbers
        self.numbers.add(command.publication)
        place = (command.transport, command.mid)
        failed = self._cannot_send(command.request, place)
        if failed:
            return failed
        if any(place in {p.source, p.pending} for p in self.published.values()):
            return e.Failed(command.request, "duplicate", "")
        self.published[command.publication] = Publication(place)
        return e.Done(command.request)

    def _move(self, command: c.MovePublication) -> e.Answer:
        place = (command.transport, command.mid)
        publication = self.published.get(command.publication)
        if publication is None:
            return e.Failed(command.request, "unknown-publication", "")
        failed = self._cannot_send(command.request, place)
        if failed:
            return failed
        others = [p for p in self.published.values() if p is not publication]
        if any(place in {p.source, p.pending} for p in others):
            return e.Failed(command.request, "duplicate", "")
        publication.pending = None if place == publication.source else place
        return e.Done(command.request)

    def _cannot_send(self, request: int, place: Place) -> e.Failed | None:
        sections = self.transports.get(place[0])
        if sections is None:
            return e.Failed(request, "unknown-transport", "")
        if not any(s.mid == place[1] and s.sends for s in sections):
            return e.Failed(request, "section-direction", "")
        return None

    def _subscribe(self, command: c.Subscribe) -> e.Answer:
        assert command.subscription not in self.numbers
        self.numbers.add(command.subscription)
        place = (command.transport, command.mid)
        if command.transport not in self.transports:
            return e.Failed(command.request, "unknown-transport", "")
        if command.publication not in self.published:
            return e.Failed(command.request, "unknown-publication", "")
        if command.transport in self.codecless:
            return e.Failed(command.request, "codec-mismatch", "")
        pair = (command.publication, command.transport)
        assert pair not in self.taken
        assert place not in self.taken
        self.taken |= {pair, place}
        self.subscriptions[command.subscription] = (command.publication, place)
        return e.Done(command.request)

    def _unsubscribe(self, subscription: int) -> None:
        found = self.subscriptions.pop(subscription, None)
        if found is not None:
            publication, place = found
            self.taken -= {(publication, place[0]), place}

    def _relay(self, command: c.RelayData) -> e.Answer:
        if command.channel not in self.channels:
            return e.Failed(command.request, "unknown-channel", "")
        if command.transport not in self.transports:
            return e.Failed(command.request, "unknown-transport", "")
        assert (command.channel, command.transport) not in self.relays
        self.relays.add((command.channel, command.transport))
        return e.Done(command.request)

    def _unpublish(self, publication: int) -> None:
        self.published.pop(publication, None)
        for number, (published, _) in list(self.subscriptions.items()):
            if published == publication:
                self._unsubscribe(number)

    def _close(self, transport: int) -> None:
        self.transports.pop(transport, None)
        for number, publication in list(self.published.items()):
            if publication.pending and publication.pending[0] == transport:
                publication.pending = None
            if publication.source[0] == transport:
                if publication.pending:
                    publication.source, publication.pending = publication.pending, None
                else:
                    self._unpublish(number)
        for number, (_, place) in list(self.subscriptions.items()):
            if place[0] == transport:
                self._unsubscribe(number)
        gone = {channel for channel, owner in self.channels.items() if owner == transport}
        for channel in gone:
            del self.channels[channel]
        self.relays = {
            (channel, to) for channel, to in self.relays if to != transport and channel not in gone
        }
