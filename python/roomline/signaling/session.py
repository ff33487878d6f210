"""One participant's session: it outlives a lost connection."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from roomline.engine.events import Stats
from roomline.errors import NotFound
from roomline.ids import Names, TrackId
from roomline.protocol import ConnectionInfo, Event, Request
from roomline.protocol.values import Wire
from roomline.rooms import Participant, Room, Track
from roomline.signaling.channel import Channel
from roomline.signaling.event_log import EventLog
from roomline.signaling.path_report import PathReport
from roomline.signaling.rate_limit import RateLimit
from roomline.signaling.tasks import Task

MAX_QUEUED_REQUESTS = 64
MAX_RESUME_TOKENS = 8


@dataclass(eq=False)
class Session:
    """What the server remembers of a participant besides the room's state."""

    room: Room
    participant: Participant
    channel: Channel | None
    join_request: int
    log: EventLog = field(default_factory=EventLog)
    log_aged_at: float = 0.0
    """When the log last forgot what is old, in monotonic seconds."""
    path: PathReport = field(default_factory=PathReport)
    stats: dict[int, Stats] = field(default_factory=dict)
    queue: deque[Request] = field(default_factory=deque)
    """Requests that wait for the one before them."""
    task: Task | None = None
    """The request that waits for the engine."""
    asking: dict[TrackId, Task] = field(default_factory=dict)
    """Questions to the application whether it may get a track, but those of its requests."""
    busy: bool = False
    resume_tokens: list[str] = field(default_factory=list)
    """The newest first. All count until the client shows that it has the newest."""
    detached_at: float | None = None
    unconnected_since: float | None = None
    connection_told: ConnectionInfo | None = None
    connection_told_at: float = 0.0
    connection_rate: RateLimit = field(default_factory=lambda: RateLimit(0.5, 0.0, burst=6))
    """How often others are told that the path or its state changed: each is work for everybody."""
    hung_up: bool = False
    """Whether its client closed the last transport by itself."""
    ended: bool = False

    def emit(self, event: Event) -> None:
        """Number an event, keep it for a resume, and send it if somebody listens."""
        seq = self.log.append(event)
        if self.channel is not None:
            self.channel.deliver_event(event, seq)

    def reply(self, message: Wire) -> None:
        """Answer a request. A reply that nobody hears is lost; the client asks again."""
        if self.channel is not None:
            self.channel.deliver(message)

    def own_track(self, track_id: str) -> Track:
        """One of the participant's own tracks. Raises NotFound."""
        track = self.room.track(track_id)
        if track.participant != self.participant.id:
            raise NotFound("that track is somebody else's")
        return track

    def new_resume_token(self, names: Names, used: str | None = None) -> str:
        """A token for the next resume.

        Those before stay good until `confirm_resume`, the one that was `used` before all others: a
        client on a bad network may never hear the answers to several resumes in a row.
        """
        token = f"{self.participant.id}.{names.secret()}"
        known = [token, *([used] if used else []), *self.resume_tokens]
        self.resume_tokens = list(dict.fromkeys(known))[:MAX_RESUME_TOKENS]
        return token

    def confirm_resume(self) -> None:
        """The client has the newest token."""
        del self.resume_tokens[1:]
