"""The transports of every participant: connected, silent, closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from roomline.engine.commands import CloseTransport
from roomline.engine.events import TransportClosed, TransportConnected, TransportSilent
from roomline.errors import NotFound, PermissionDenied
from roomline.ids import TransportName
from roomline.protocol import PathSilentEvent, TrackMove
from roomline.rooms import Track, Transport
from roomline.signaling.context import Context
from roomline.signaling.data_relay import DataRelay
from roomline.signaling.moves import Moves
from roomline.signaling.publications import Publications
from roomline.signaling.reporting import Reporting
from roomline.signaling.session import Session
from roomline.signaling.subscriptions import Subscriptions
from roomline.signaling.tasks import Procedure


class Transports:
    """What happens to transports, and what of it concerns the others.

    `abandon` ends a session whose client is gone altogether.
    """

    def __init__(
        self,
        context: Context,
        publications: Publications,
        subscriptions: Subscriptions,
        data: DataRelay,
        reporting: Reporting,
        *,
        moves: Moves,
        abandon: Callable[[Session], None],
    ) -> None:
        self._context = context
        self._publications = publications
        self._subscriptions = subscriptions
        self._data = data
        self._reporting = reporting
        self._abandon = abandon
        self._moves = moves

    def handle_connected(self, event: TransportConnected) -> None:
        """DTLS is done."""
        found = self._find(event.transport)
        if found is None:
            return
        session, transport = found
        transport.connected = True
        session.unconnected_since = None
        self._context.count("transports_connected", f"{event.dtls_version}/{event.srtp_profile}")
        self._reporting.handle_connected(session, event.transport)
        if session.participant.present:
            self._data.handle_connected(session)

    def handle_silent(self, event: TransportSilent) -> None:
        """A transport fell silent, or is heard again."""
        found = self._find(event.transport)
        if found is None:
            return
        session, transport = found
        if event.silent:
            self._context.count("path_silences")
        if session.participant.present and transport.told:
            session.emit(PathSilentEvent(transport=transport.name, silent=event.silent))
        self._reporting.handle_silent(session, event)

    def handle_closed(self, event: TransportClosed) -> None:
        """A transport is gone by itself. A session without any may open another for a while."""
        found = self._find(event.transport)
        if found is None:
            return
        session, transport = found
        self._context.count("transports_lost", event.reason)
        lost = event.reason != "closed-by-peer"
        stranded = self._forget(session, transport, told=False, lost=lost)
        for track in stranded:
            self._context.run(self._rescue(session, track))
        session.hung_up = not session.participant.transports and event.reason == "closed-by-peer"
        if session.hung_up and session.channel is None:
            self._abandon(session)

    def find(self, session: Session, name: str) -> Transport:
        """One of a participant's transports that it knows of. Raises NotFound."""
        transport = session.participant.transports.get(TransportName(name))
        if transport is None or not transport.told:
            raise NotFound("no such transport")
        return transport

    def move(self, session: Session, name: str, tracks: Sequence[TrackMove]) -> Procedure[None]:
        """Take tracks to sections of a transport. Raises NotFound, BadOffer."""
        moves = self._moves.plan(session, self.find(session, name), tracks)
        yield from self._moves.carry_out(session, moves)

    def close_for(self, session: Session, name: str) -> Procedure[None]:
        """Close a transport as its client asks. Raises NotFound, PermissionDenied."""
        transport = self.find(session, name)
        self._check_not_last(session)
        yield from self._moves.clear(session, transport)
        self.find(session, name)
        self._check_not_last(session)
        self._discard(session, transport)

    def replace_unconnected(self, session: Session) -> Procedure[None]:
        """Close a bridge that never connected: its client has given it up or never heard of it."""
        main = session.participant.main
        for transport in list(session.participant.transports.values()):
            if transport is not main and not transport.connected:
                yield from self.close(session, transport)

    def close(self, session: Session, transport: Transport) -> Procedure[None]:
        """Close a transport, and take its tracks back to where they came from."""
        yield from self._moves.clear(session, transport)
        if session.participant.transports.get(transport.name) is transport:
            self._discard(session, transport)

    def _discard(self, session: Session, transport: Transport) -> None:
        self._context.submit(CloseTransport(transport.number))
        for track in self._forget(session, transport, told=True, lost=False):
            self._publications.unpublish(session, track, tell_owner=True)

    def _forget(self, session: Session, gone: Transport, *, told: bool, lost: bool) -> list[Track]:
        """Take a transport out; returns the tracks that may go on elsewhere."""
        participant = session.participant
        self._context.by_transport.pop(gone.number, None)
        del participant.transports[gone.name]
        if not any(transport.connected for transport in participant.transports.values()):
            session.unconnected_since = session.unconnected_since or self._context.now.monotonic
        self._subscriptions.forget_transport(session, gone, told=told)
        self._data.forget_transport(session, gone)
        stranded = []
        for track in [t for t in participant.tracks.values() if t.transport == gone.name]:
            if self._moves.home(session, track) is None:
                self._publications.unpublish(session, track, tell_owner=True)
            else:
                stranded.append(track)
        self._reporting.handle_closed(session, gone.number, lost=lost)
        self._subscriptions.refresh(session)
        return stranded

    def _rescue(self, session: Session, track: Track) -> Procedure[None]:
        """A track's transport is gone: it goes on where it came from, or it ends."""
        gone = track.transport
        yield from self._moves.bring_home(session, track)
        if session.participant.tracks.get(track.id) is track and track.transport == gone:
            self._publications.unpublish(session, track, tell_owner=True)
        self._reporting.handle_moved(session)

    def _check_not_last(self, session: Session) -> None:
        if len(session.participant.transports) == 1:
            raise PermissionDenied("the last transport stays: leave instead")

    def _find(self, number: int) -> tuple[Session, Transport] | None:
        session = self._context.by_transport.get(number)
        if session is None:
            return None
        transports = session.participant.transports.values()
        found = next((t for t in transports if t.number == number), None)
        return (session, found) if found is not None else None
