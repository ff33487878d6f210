"""What the parts of the core share: time, names, outgoing commands, sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator

from roomline.clock import Moment
from roomline.engine.commands import Command
from roomline.hooks import Notice, Question
from roomline.ids import Names, ParticipantId
from roomline.protocol import Event
from roomline.rooms import Participant, Room
from roomline.signaling.config import SignalingConfig
from roomline.signaling.histogram import GAP_BOUNDS, Histogram
from roomline.signaling.session import Session
from roomline.signaling.tasks import Procedure, Tasks


class Context:
    """Owned by the core; its parts keep a reference."""

    def __init__(self, config: SignalingConfig, names: Names, now: Moment) -> None:
        self.config = config
        self.names = names
        self.now = now
        """When the call into the core began that is being carried out."""
        self.commands: list[Command] = []
        self.tasks = Tasks(self.commands.append, config.engine_timeout)
        self.counters: Counter[tuple[str, str]] = Counter()
        """`(name, label)` to totals."""
        self.move_gaps = Histogram(GAP_BOUNDS)
        """Seconds without media at changes of tier."""
        self.questions: Container[type[Question]] = ()
        """What the application decides."""
        self.notices_wanted: Container[type[Notice]] = ()
        """What the application is told."""
        self.notices: list[Notice] = []
        self.sessions: dict[ParticipantId, Session] = {}
        self.by_transport: dict[int, Session] = {}

    def submit(self, command: Command) -> None:
        """A command that is not answered."""
        self.commands.append(command)

    def run(self, procedure: Procedure[None]) -> None:
        """Run a procedure that belongs to no request."""
        self.tasks.start(procedure, self.now.monotonic)

    def count(self, name: str, label: str = "") -> None:
        """Add one to a counter."""
        self.counters[name, label] += 1

    def present(self, room: Room, besides: Participant | None = None) -> Iterator[Session]:
        """The sessions of those who are in a room."""
        for participant in list(room.present(besides)):
            session = self.sessions.get(participant.id)
            if session is not None:
                yield session

    def broadcast(self, room: Room, event: Event, besides: Participant | None = None) -> None:
        """Tell everybody in a room."""
        for session in self.present(room, besides):
            session.emit(event)
